import { parseArgs } from 'node:util';
import { buildBacklog, drainWithLockkeeper, drainWithReplica, type DrainResult } from './drain.ts';
import { copySource, copyWithLockkeeper, copyWithMydumper } from './first-copy.ts';
import { liveThroughLockkeeper, liveThroughReplica } from './live.ts';
import { inserts, writes, type Workload } from './workloads.ts';

const { values } = parseArgs({
  options: {
    /** Comma-separated parts to run: W1, W2, W3, copy. */
    only: { type: 'string', default: 'W1,W2,W3,copy' },
    /** Seconds of live load. */
    seconds: { type: 'string', default: '60' },
    /** Rows of the first copy. */
    rows: { type: 'string', default: '2000000' },
    /** Leave the native replica out (while working on our own speed). */
    'skip-native': { type: 'boolean', default: false },
    modes: { type: 'string', default: 'Raw,Sql' },
    /** Other settings of spec.apply, as JSON (while trying them). */
    apply: { type: 'string', default: '{}' },
  },
});
const parts = values.only.split(',');
const applyOf = (mode: string): Record<string, unknown> => ({ ...(JSON.parse(values.apply) as object), mode });
const say = (text: string) => process.stdout.write(`${text}\n`);

const numbers = (result: DrainResult, base: number | null) =>
  [
    result.how.padEnd(28),
    `${Math.round(result.rowsPerSecond).toLocaleString('en')} rows/s`.padStart(16),
    (base === null ? '' : `${(result.rowsPerSecond / base).toFixed(1)}x`).padStart(7),
    result.usage === null ? '' : `${result.usage.seconds.toFixed(1)} s`.padStart(8),
    result.usage === null ? '' : `peak RSS ${Math.round(result.usage.peakRssMiB)} MiB`.padStart(18),
  ].join('  ');

async function drain(workload: Workload): Promise<void> {
  say(`\n${workload.name}: ${workload.title}; drained into a durable target`);
  const backlog = await buildBacklog(workload);
  try {
    let base: number | null = null;
    if (!values['skip-native']) {
      for (const workers of [1, 4]) {
        const result = await drainWithReplica(backlog, workers);
        base = result.rowsPerSecond;
        say(numbers(result, null));
      }
    }
    for (const mode of values.modes.split(',')) {
      const result = await drainWithLockkeeper(backlog, `lockkeeper ${mode}`, applyOf(mode));
      const cpu = (result.usage!.cpuSeconds / backlog.rows) * 1e6;
      say(`${numbers(result, base)}  ${cpu.toFixed(1)} worker CPU s per million rows`);
    }
  } finally {
    await backlog.source.kill9();
  }
}

async function live(): Promise<void> {
  const seconds = Number(values.seconds);
  say(
    `\nW3: 500 transactions a second for ${seconds} s, after 5 s to warm up; milliseconds from commit at the source to visible at the target`,
  );
  const results = [
    ...(values['skip-native'] ? [] : [await liveThroughReplica(seconds, 4)]),
    ...(await values.modes
      .split(',')
      .reduce<Promise<Awaited<ReturnType<typeof liveThroughLockkeeper>>[]>>(
        async (done, mode) => [...(await done), await liveThroughLockkeeper(seconds, `lockkeeper ${mode}`, applyOf(mode))],
        Promise.resolve([]),
      )),
  ];
  for (const { how, p50, p99, samples, cpuSeconds } of results) {
    const cpu = cpuSeconds === null ? '' : `, ${cpuSeconds.toFixed(1)} worker CPU s`;
    say(
      `${how.padEnd(28)}  p50 ${p50.toFixed(1).padStart(7)} ms  p99 ${p99.toFixed(1).padStart(7)} ms  (${samples} transactions${cpu})`,
    );
  }
}

async function firstCopy(): Promise<void> {
  const rows = Number(values.rows);
  say(`\nFirst copy of ${rows.toLocaleString('en')} rows (four sysbench tables), 4 threads, durable target`);
  const source = await copySource(rows);
  try {
    const results = [
      ...(values['skip-native'] ? [] : [await copyWithMydumper(source, rows, 4)]),
      await copyWithLockkeeper(source, rows, 4),
    ];
    for (const { how, rowsPerSecond, seconds, usage } of results) {
      const memory =
        usage === null
          ? ''
          : `  peak RSS ${Math.round(usage.peakRssMiB)} MiB  ${((usage.cpuSeconds / rows) * 1e6).toFixed(1)} worker CPU s per million rows`;
      say(
        `${how.padEnd(38)}  ${Math.round(rowsPerSecond).toLocaleString('en').padStart(9)} rows/s  ${seconds.toFixed(1).padStart(7)} s${memory}`,
      );
    }
  } finally {
    await source.kill9();
  }
}

say('All figures are of one run on this machine, with source, target and worker side by side: read them as ratios.');
if (parts.includes('W1')) await drain(inserts);
if (parts.includes('W2')) await drain(writes);
if (parts.includes('W3')) await live();
if (parts.includes('copy')) await firstCopy();
