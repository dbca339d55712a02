import { expect, test } from 'vitest';
import type { SourcePosition } from '../source/position.ts';
import { catchUpOf, decideCatchUp } from './catch-up-decision.ts';
import type { SnapshotPoint } from './snapshot-store.ts';
import type { StoredTable } from './snapshot-store.ts';
import { judgeGroup } from './target-group.ts';

const at = (offset: number, timestampMicros = 0): SourcePosition => ({
  flavor: 'mysql',
  serverUuid: 'u',
  gtid: `u:1-${offset}`,
  journal: 'b.1',
  offset,
  timestampMicros,
});
const point = (n: number, low: number, high = low): SnapshotPoint => ({
  point: n,
  low: at(low),
  high: at(high),
  exact: low === high,
});

test('nothing copied, nothing to catch up', () => {
  expect(decideCatchUp(at(1), [])).toEqual({ kind: 'none' });
});

test('a table read where the stream begins follows from there', () => {
  expect(decideCatchUp(at(5, 1), [point(1, 5)])).toEqual({ kind: 'none' });
});

test('a table read at one later moment skips what came before it', () => {
  expect(decideCatchUp(at(5), [point(2, 9)])).toEqual({ kind: 'skipUntil', position: at(9) });
});

test('parts of several moments, or a moment known only as a range, converge until the last', () => {
  expect(decideCatchUp(at(5), [point(3, 12), point(1, 5), point(2, 9)])).toEqual({ kind: 'convergeUntil', position: at(12) });
  expect(decideCatchUp(at(5), [point(1, 5, 8)])).toEqual({ kind: 'convergeUntil', position: at(8) });
});

const record = (state: StoredTable['state'], definition = 'same'): StoredTable => ({
  source: { schema: 's', table: 't' },
  target: { schema: 's', table: 't' },
  state,
  definition,
  created: true,
  laterIndexes: [],
  settledPoint: null,
  chunks: [],
});
test('tables that a copy does not know did not exist at the last point of which all were listed', () => {
  const chunk = { chunk: 0, lower: null, upper: null, rows: 1, bytes: 1, point: 1 };
  const tables = [
    { ...record('done'), chunks: [chunk] },
    { ...record('gone'), settledPoint: 2 },
  ];
  const stored = { state: 'done', mode: 'WhenNew', start: at(5), points: [point(1, 9), point(2, 12)], tables } as const;
  expect(catchUpOf({ ...stored, listedPoint: 2 }).others).toEqual({ kind: 'skipUntil', position: at(12) });
  expect(catchUpOf({ ...stored, listedPoint: null }).others).toEqual({ kind: 'skipUntil', position: at(9) });
});

const facts = { createTable: '', definition: 'same', identified: true, transactional: true, rows: 0, rowBytes: 0 };
const judge = (
  record: StoredTable | null,
  records: StoredTable[],
  exists: boolean,
  hasRows: boolean,
  mode: 'WhenNew' | 'Always' = 'WhenNew',
) => judgeGroup([{ record, facts }], records, { exists, hasRows }, mode);

test('a target table without our record is taken as it is when empty, else only when told to', () => {
  expect(judge(null, [], false, false)).toBe('go-on');
  expect(judge(null, [], true, false)).toBe('go-on');
  expect(judge(null, [], true, true)).toBe('occupied');
  expect(judge(null, [], true, true, 'Always')).toBe('anew');
  expect(judge(null, [record('gone')], true, true)).toBe('occupied');
});

test('a copy that was begun goes on unless the table changed or vanished', () => {
  const begun = record('copying');
  expect(judge(begun, [begun], true, true)).toBe('go-on');
  expect(judge(begun, [begun], false, false)).toBe('anew');
  expect(judge(record('copying', 'other'), [record('copying', 'other')], true, true)).toBe('anew');
  expect(judge(record('emptying'), [record('emptying')], true, true)).toBe('anew');
});

test('chunks stay only where a TRUNCATE in between would have been seen', () => {
  const chunk = { chunk: 0, lower: null, upper: null, rows: 1, bytes: 1 };
  const unseen = { ...facts, identified: false };
  const part = { ...record('copying'), chunks: [{ ...chunk, point: 1 }] };
  const planned = { ...record('copying'), chunks: [{ ...chunk, point: null }] };
  const there = { exists: true, hasRows: true };
  expect(judgeGroup([{ record: part, facts }], [part], there, 'WhenNew')).toBe('go-on');
  expect(judgeGroup([{ record: part, facts: unseen }], [part], there, 'WhenNew')).toBe('anew');
  expect(judgeGroup([{ record: planned, facts: unseen }], [planned], there, 'WhenNew')).toBe('go-on');
});

test('tables that are done already are read again when their target table must be emptied for another', () => {
  const changed = record('copying', 'other');
  expect(judge(changed, [changed, record('done')], true, true)).toBe('anew-together');
  expect(judge(null, [record('done')], true, true)).toBe('go-on');
});
