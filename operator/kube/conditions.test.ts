import { describe, expect, it } from 'vitest';
import { findCondition, isTrue, judge, type Judgement } from './conditions.ts';

const ready = (status: Judgement['status'], message = 'well'): Judgement => ({
  type: 'Ready',
  status,
  reason: 'Because',
  message,
});
const t0 = Date.UTC(2026, 0, 1);
const t1 = t0 + 5_500;

describe('judge', () => {
  it('keeps the time of the last transition while the status stays, whatever else changes', () => {
    const first = judge(undefined, [ready('False')], 1, t0);
    const second = judge(first, [ready('False', 'still not')], 2, t1);
    expect(second).toEqual([
      {
        type: 'Ready',
        status: 'False',
        reason: 'Because',
        message: 'still not',
        lastTransitionTime: '2026-01-01T00:00:00Z',
        observedGeneration: 2,
      },
    ]);
    const third = judge(second, [ready('True')], 2, t1);
    expect(third[0]!.lastTransitionTime).toBe('2026-01-01T00:00:05Z');
  });

  it('leaves the order and the conditions that it does not judge', () => {
    const other = { ...ready('True'), type: 'Paused' };
    const before = judge(undefined, [other, ready('True')], 1, t0);
    const after = judge(before, [ready('False')], 2, t1);
    expect(after.map(({ type }) => type)).toEqual(['Paused', 'Ready']);
    expect(after[0]).toBe(before[0]);
  });

  it('is the same when nothing is new', () => {
    const before = judge(undefined, [ready('True')], 3, t0);
    expect(judge(before, [ready('True')], 3, t1)).toEqual(before);
  });
});

describe('isTrue', () => {
  const object = (generation: number, observed: number) => ({
    metadata: { generation },
    status: { conditions: judge(undefined, [ready('True')], observed, t0) },
  });

  it('is not so while the spec is newer than the judgement', () => {
    expect(isTrue(object(2, 2), 'Ready')).toBe(true);
    expect(isTrue(object(3, 2), 'Ready')).toBe(false);
    expect(isTrue({ metadata: {} }, 'Ready')).toBe(false);
    expect(findCondition(object(1, 1).status.conditions, 'Paused')).toBeUndefined();
  });
});
