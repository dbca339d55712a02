import { describe, expect, it } from 'vitest';
import { joinDelay } from './join-delay.ts';

describe('joinDelay', () => {
  it('never delays a lone transaction', () => {
    expect(joinDelay({ commitMs: 20, arrivals: 1 }, 5)).toBe(0);
  });

  it('waits a part of a commit while several come per commit, never longer than allowed', () => {
    expect(joinDelay({ commitMs: 8, arrivals: 4 }, 5)).toBe(2);
    expect(joinDelay({ commitMs: 3, arrivals: 4 }, 5)).toBe(0);
    expect(joinDelay({ commitMs: 100, arrivals: 4 }, 5)).toBe(5);
    expect(joinDelay({ commitMs: 100, arrivals: 4 }, 0)).toBe(0);
  });
});
