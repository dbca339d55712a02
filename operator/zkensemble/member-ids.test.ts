import { describe, expect, test } from 'vitest';
import { assignIds, emptyIdRecord, parseIdRecord, recoverIds, type IdRecord, type IdRequest } from './member-ids.ts';

const request = (groups: Record<string, number>, externals: number[] = []): IdRequest => ({
  groups: Object.entries(groups).map(([name, size]) => ({ name, size })),
  externals,
});
const ids = (record: IdRecord) => record.groups;

describe('ids', () => {
  test('of each group begin apart', () => {
    const { record } = assignIds(emptyIdRecord, request({ voters: 3, 'observers-east': 2, 'observers-west': 1 }));
    expect(ids(record)).toEqual({ voters: [1, 2, 3], 'observers-east': [11, 12], 'observers-west': [21] });
  });

  test('stay for life, whatever comes and goes', () => {
    const first = assignIds(emptyIdRecord, request({ voters: 5, 'observers-east': 2 })).record;
    const smaller = assignIds(first, request({ voters: 1 })).record;
    expect(ids(smaller)).toEqual(ids(first));
    const again = assignIds(smaller, request({ voters: 3, 'observers-west': 1, 'observers-east': 3 })).record;
    expect(ids(again)).toEqual({ voters: [1, 2, 3, 4, 5], 'observers-east': [11, 12, 13], 'observers-west': [21] });
  });

  test('are the same for the same request', () => {
    const first = assignIds(emptyIdRecord, request({ voters: 3, 'observers-east': 2 })).record;
    expect(assignIds(first, request({ voters: 3, 'observers-east': 2 })).record).toEqual(first);
  });

  test('leave out those of external members, and keep out of their way for ever', () => {
    const first = assignIds(emptyIdRecord, request({ voters: 3 }, [2, 11])).record;
    expect(ids(first)).toEqual({ voters: [21, 22, 23] });
    const later = assignIds(first, request({ voters: 3, 'observers-east': 1 })).record;
    expect(later.externals).toEqual([2, 11]);
    expect(ids(later)['observers-east']).toEqual([31]);
  });

  test('of an external member may not be one of ours', () => {
    const { record } = assignIds(emptyIdRecord, request({ voters: 3 }));
    const { problems } = assignIds(record, request({ voters: 3 }, [2]));
    expect(problems).toMatchObject([{ reason: 'MemberIdTaken' }]);
    expect(problems[0]!.message).toContain("id 2, which belongs to this ensemble's own server voters-1");
  });

  test('run on where a block is full, and run out at 255', () => {
    const { record } = assignIds(emptyIdRecord, request({ voters: 1, 'observers-a': 20, 'observers-b': 1 }));
    expect(ids(record)['observers-a']).toEqual(Array.from({ length: 20 }, (_, i) => 11 + i));
    expect(ids(record)['observers-b']).toEqual([31]);
    const many = Object.fromEntries(Array.from({ length: 13 }, (_, i) => [`observers-${i}`, 20]));
    const { record: full, problems } = assignIds(emptyIdRecord, request({ voters: 9, ...many }));
    const all = Object.values(ids(full)).flat();
    expect(new Set(all).size).toBe(255);
    expect(Math.max(...all)).toBe(255);
    expect(problems).toMatchObject([{ reason: 'NoMemberIdLeft' }]);
  });

  test('are read back, and nonsense is not', () => {
    const { record } = assignIds(emptyIdRecord, request({ voters: 3 }, [200]));
    expect(parseIdRecord(JSON.stringify(record))).toEqual(record);
    expect(['', '{}', 'null', '{"groups":{"voters":[0]},"externals":[]}'].map(parseIdRecord)).toEqual([null, null, null, null]);
  });
});

describe('ids that were lost', () => {
  const volumes = [
    { group: 'voters', ordinal: 0, id: 1 },
    { group: 'voters', ordinal: 2, id: 7 },
    { group: 'observers-east', ordinal: 0, id: 11 },
  ];

  test('are what the volumes say, and the gaps are filled', () => {
    expect(ids(recoverIds(emptyIdRecord, volumes))).toEqual({ voters: [1, 2, 7], 'observers-east': [11] });
  });

  test('are not looked for where there is a record', () => {
    const record = { groups: { voters: [1, 2, 3] }, externals: [] };
    expect(ids(recoverIds(record, volumes))).toEqual({ voters: [1, 2, 3], 'observers-east': [11] });
  });
});
