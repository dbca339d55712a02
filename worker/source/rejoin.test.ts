import { describe, expect, it } from 'vitest';
import type { SourcePosition } from './position.ts';
import { Search } from './rejoin.ts';

const STANDBY = 2;

/** Looks for the transaction of time 100 among [time, server id] of a log's transactions. */
function search(...log: readonly (readonly [micros: number, serverId: number])[]): {
  found: number | null;
  doubt: string | null;
} {
  const looking = new Search(100, STANDBY);
  log.forEach(([commitMicros, serverId], index) => {
    const head = { gtid: null, lastCommitted: 0, sequenceNumber: 0, commitGroup: 0, commitMicros, serverId };
    looking.look(head, { offset: index } as SourcePosition);
  });
  return { found: looking.found?.offset ?? null, doubt: looking.doubt };
}

describe('the place behind a transaction at another server', () => {
  it('is behind the one of its time', () => {
    expect(search([90, 1], [100, 1], [110, 1])).toEqual({ found: 1, doubt: null });
    expect(search([100, 1])).toEqual({ found: 0, doubt: null });
    expect(search([90, 1], [99, 1])).toEqual({ found: null, doubt: null });
  });

  it('is in doubt where times repeat or go back over it', () => {
    expect(search([100, 1], [100, 1]).doubt).toMatch('behind it');
    expect(search([100, 1], [110, 1], [95, 1]).doubt).toMatch('behind it');
    expect(search([110, 1], [100, 1]).doubt).toMatch('before it');
    expect(search([90, 1], [80, 1], [100, 1], [120, 1], [110, 1]).doubt).toBeNull();
  });

  it('does not depend on the clock by which the server writes once it has taken over', () => {
    expect(search([90, 1], [100, 1], [95, STANDBY], [96, STANDBY])).toEqual({ found: 1, doubt: null });
    expect(search([90, 1], [105, STANDBY], [100, 1]).doubt).toMatch('before it');
  });
});
