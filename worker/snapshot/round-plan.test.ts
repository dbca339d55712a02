import { describe, expect, it } from 'vitest';
import { planRound, roundIsNeeded } from './round-plan.ts';
import type { StoredSnapshot, StoredTable } from './snapshot-store.ts';
import type { SnapshotTable } from './types.ts';

const table = (name: string, target = name): SnapshotTable => ({
  source: { schema: 's', table: name },
  target: { schema: 's', table: target },
});

/** `a=done`: copied at point 1, definition `1`; `a=copying`: in part; `a=begun`: nothing yet; `a=gone`. */
function stored(text: string): StoredSnapshot {
  const tables = text.split(' ').map((word): StoredTable => {
    const [name, state] = word.split('=') as [string, string];
    const chunk = { chunk: 0, lower: null, upper: null, rows: 1, bytes: 1 };
    return {
      ...table(name),
      state: state === 'begun' ? 'copying' : (state as StoredTable['state']),
      definition: '1',
      created: true,
      laterIndexes: [],
      settledPoint: null,
      chunks: state === 'begun' || state === 'gone' ? [] : [{ ...chunk, point: 1 }],
    };
  });
  const start = { flavor: 'mysql', serverUuid: 'u', gtid: null, journal: 'b.1', offset: 4, timestampMicros: 0 } as const;
  return { state: 'copying', mode: 'WhenNew', start, points: [], listedPoint: null, tables };
}

/** `now` lists tables with their definitions: `a=1 b=2`. */
function plan(record: string, now: string, tied: readonly string[] = []): string {
  const definitions = new Map(now.split(' ').map((word) => word.split('=') as [string, string]));
  const listed = [...definitions.keys()].map((name) => table(name));
  const group = new Set(tied.map((name) => `s.${name}`));
  const found = planRound(
    stored(record),
    listed,
    new Map([...definitions].map(([name, definition]) => [`s.${name}`, definition])),
    new Map([...group].map((name) => [name, group])),
  );
  const names = (tables: readonly Pick<SnapshotTable, 'source'>[]) => tables.map(({ source }) => source.table).join('');
  return `${names(found.pending)}/${names(found.anew)}/${names(found.gone)}`;
}

describe('a round', () => {
  it('reads what is new or not done', () => {
    expect(plan('a=done b=copying c=begun', 'a=1 b=1 c=1 d=1')).toBe('bcd//');
  });

  it('reads again what was altered since, and sets aside what is gone', () => {
    expect(plan('a=done b=done c=done d=copying', 'a=1 b=2 d=2')).toBe('bd/b/c');
  });

  it('reads a table that is there again', () => {
    expect(plan('a=gone b=gone c=begun', 'a=9 c=1')).toBe('ac/a/b');
  });

  it('reads tied tables together: those copied at an earlier moment anew', () => {
    expect(plan('a=done b=copying c=begun d=done', 'a=1 b=1 c=1 d=1', ['a', 'b', 'c'])).toBe('abc/ab/');
    expect(plan('a=done b=done c=begun', 'a=1 b=1 c=1', ['a', 'b'])).toBe('c//');
    expect(plan('a=begun b=begun', 'a=1 b=1', ['a', 'b'])).toBe('ab//');
  });

  it('is needed for what is not done, and at first for what is new', () => {
    const [done, begun] = [stored('a=done b=gone'), stored('a=done b=begun')];
    expect([true, false].map((first) => roundIsNeeded(done, [table('a'), table('new')], first))).toEqual([true, false]);
    expect(roundIsNeeded(done, [table('a')], true)).toBe(false);
    expect(roundIsNeeded(begun, [table('a')], false)).toBe(true);
    // Killed behind the look that missed b: what b may be called since is not in the record.
    const missed = { ...done, listedPoint: 1, tables: done.tables.map((record) => ({ ...record, settledPoint: 2 })) };
    expect(roundIsNeeded(missed, [table('a')], false)).toBe(true);
    expect(roundIsNeeded({ ...missed, listedPoint: 2 }, [table('a')], true)).toBe(false);
    // To another target table than before: nothing of it is there.
    expect(roundIsNeeded(done, [table('a', 'elsewhere')], true)).toBe(true);
  });
});
