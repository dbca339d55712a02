import { expect, test } from 'vitest';
import { ProgressReport } from './progress.ts';
import type { SnapshotProgress } from './types.ts';

test('says that a copy begins before anything is copied, and after a restart what was copied before', () => {
  const said: SnapshotProgress[] = [];
  const report = () => new ProgressReport({ now: () => 0, sleep: () => Promise.resolve() }, (progress) => said.push(progress));
  const planned = { tables: 2, tablesDone: 0, rowsEstimate: 500, chunks: 5 };
  report().plan({ ...planned, rows: 0, bytes: 0, chunksDone: 0 });
  report().plan({ ...planned, rows: 200, bytes: 4000, chunksDone: 2 });
  expect(said).toMatchObject([
    { table: null, rowsDone: 0, rowsTotalEstimate: 500, chunksDone: 0, rowsPerSecond: 0, etaSeconds: null },
    { table: null, rowsDone: 200, rowsTotalEstimate: 500, chunksDone: 2, rowsPerSecond: 0, etaSeconds: null },
  ]);
});
