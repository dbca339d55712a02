import { expect, it } from 'vitest';
import type { TableMap } from '../../source/table-map.ts';
import type { RowRun } from '../row-run.ts';
import type { TargetSession } from '../session.ts';
import { RawWriter } from './raw-writer.ts';

const table = {
  id: 1,
  raw: Buffer.concat([Buffer.alloc(27), Buffer.from([1, 0x73, 0, 1, 0x74, 0, 2, 3, 15])]),
  route: { schema: 's', table: 't' },
} as unknown as TableMap;

const run = (i: number, images: Buffer[]): RowRun => ({
  table,
  operation: i % 2 === 0 ? 'delete' : 'insert',
  type: i % 2 === 0 ? 32 : 30,
  flags: 0,
  head: Buffer.alloc(5),
  images,
  rows: images.length,
  bytes: images.reduce((sum, image) => sum + image.length, 0),
});

const prepare = (maxAllowedPacket: number, runs: RowRun[]) =>
  new RawWriter({ maxAllowedPacket } as TargetSession).prepare(runs, Buffer.alloc(0)).statements;

it('cuts many small runs into statements that the target accepts', () => {
  const limit = 1 << 20;
  const runs = Array.from({ length: 30_000 }, (_, i) => run(i, [Buffer.alloc(60)]));
  const statements = prepare(limit, runs);
  expect(statements.length).toBeGreaterThan(2);
  for (const text of statements) expect(text.length).toBeLessThan(limit);
});

it('cuts one large run likewise', () => {
  const limit = 1 << 20;
  const statements = prepare(limit, [
    run(
      0,
      Array.from({ length: 3000 }, () => Buffer.alloc(1000)),
    ),
  ]);
  for (const text of statements) expect(text.length).toBeLessThan(limit);
});

it('refuses a row that no statement can hold', () => {
  expect(() => prepare(1 << 20, [run(0, [Buffer.alloc(1 << 20)])])).toThrow(expect.objectContaining({ code: 'LK1306' }));
});
