import { describe, expect, it } from 'vitest';
import { currentSourceOf, retentionOf } from './source-facts.ts';

describe('what pipelines tell of their source', () => {
  it.each([
    [[], null],
    [[null], null],
    [['a', null], 'a'],
    [['a', 'b', 'b'], 'b'],
    [['a', 'b', 'b', 'a'], 'a'],
  ])('of %j the one that most of them read', (read, expected) => {
    expect(currentSourceOf(read.map((currentSource) => ({ currentSource })))).toBe(expected);
  });

  it('the headroom of the slowest', () => {
    const retention = { oldestJournal: 'b.1', oldestBegunAt: 1_767_322_000_000, purged: true, expireSeconds: 86_400 };
    const of = (name: string, headroomSeconds: number | null) => ({
      name,
      retention: { oldestJournal: 'b.1', oldestTimestamp: null, headroomSeconds },
    });
    const found = { oldestJournal: 'b.1', oldestTimestamp: '2026-01-02T02:46:40.000Z', expireSeconds: 86_400 };
    const reports = [of('a', 50), of('b', -3), of('c', null), { name: 'd', retention: null }, of('e', 7)];
    expect(retentionOf(retention, reports)).toEqual({ ...found, headroomSeconds: -3, slowestPipeline: 'b' });
    expect(retentionOf(retention, [])).toEqual({ ...found, headroomSeconds: null, slowestPipeline: null });
  });
});
