import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';

/**
 * Ends a run with one line, 'N passed, N failed', that counts tests. A file that cannot be loaded and an error outside
 * of any test count as failed; every skipped test is named; a run without a single test fails.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[], reason: TestRunEndReason): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    const skipped: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'skipped') skipped.push(`${module.relativeModuleId} > ${test.fullName}`);
        else failed++;
      }
      failed += module.errors().length;
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
    }
    if (skipped.length > 0)
      console.log(`SKIPPED ${skipped.length} TESTS:\n${skipped.map((name) => `  SKIPPED ${name}`).join('\n')}`);
    if (passed + failed === 0) console.log('NO TEST RAN');
    if (failed > 0 || passed === 0 || reason !== 'passed') process.exitCode = 1;
    console.log(`${passed} passed, ${failed} failed`);
  }
}
