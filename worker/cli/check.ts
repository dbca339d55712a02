import type { Finding } from '../../common/finding.ts';
import { loadManifests } from '../../crds/manifest.ts';
import { checkPipeline } from '../pipeline/preflight.ts';
import { ManifestSecrets } from '../pipeline/secrets.ts';
import { compileAll } from './run.ts';

export interface CheckOptions {
  readonly file: readonly string[];
  readonly output: 'text' | 'json';
}

interface Report {
  readonly pipeline: string;
  readonly findings: readonly Finding[];
}

/** `lockkeeper check`: all preflight findings of all pipelines. Resolves to the exit code: 0 without errors, 1 with. */
export async function check(options: CheckOptions): Promise<number> {
  const manifests = loadManifests(options.file);
  const secrets = new ManifestSecrets(manifests.secrets);
  const reports: Report[] = [];
  for (const config of compileAll(manifests)) {
    reports.push({ pipeline: `${config.namespace}/${config.name}`, findings: await checkPipeline(config, secrets) });
  }
  process.stdout.write(options.output === 'json' ? `${JSON.stringify(reports, null, 2)}\n` : renderReports(reports));
  return reports.some(({ findings }) => findings.some(({ severity }) => severity === 'error')) ? 1 : 0;
}

const MARKS = { error: 'ERROR', warning: 'warn ', ok: 'ok   ' } as const;

/** Errors first, then warnings, then what is well; each error and warning with its remedy. */
export function renderReports(reports: readonly Report[]): string {
  const lines: string[] = [];
  for (const { pipeline, findings } of reports) {
    lines.push(`Pipeline ${pipeline}`);
    for (const severity of ['error', 'warning', 'ok'] as const) {
      for (const finding of findings.filter((f) => f.severity === severity)) {
        lines.push(`  ${MARKS[severity]} ${finding.code ?? '      '} ${finding.subject}: ${finding.found}`);
        if (finding.remedy !== '') lines.push(`               ${finding.remedy}`);
      }
    }
    const count = (severity: Finding['severity']) => findings.filter((f) => f.severity === severity).length;
    lines.push(`  ${count('error')} errors, ${count('warning')} warnings, ${count('ok')} checks passed`, '');
  }
  return lines.join('\n');
}
