import { describe, expect, it } from 'vitest';
import { PositionTracker } from './position-tracker.ts';
import type { SourcePosition } from './position.ts';
import type { StatementItem, TransactionHead } from './stream-item.ts';

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const start: SourcePosition = {
  flavor: 'mysql',
  serverUuid: 'a',
  gtid: `${uuid}:1-5`,
  journal: 'b.1',
  offset: 100,
  timestampMicros: 7,
};
const head = (gtid: string | null, commitMicros = 9): TransactionHead => ({
  gtid,
  lastCommitted: 0,
  sequenceNumber: 0,
  commitGroup: 0,
  commitMicros,
  serverId: 1,
});
const format = Buffer.alloc(0);

describe('PositionTracker', () => {
  it('starts where it is told', () => {
    expect(new PositionTracker(start).position()).toEqual(start);
  });

  it('adds each transaction to GTIDs, mark and time', () => {
    const tracker = new PositionTracker(start);
    tracker.advance(head(`${uuid}:6`), { journal: 'b.1', offset: 200 });
    expect(tracker.position()).toEqual({ ...start, gtid: `${uuid}:1-6`, offset: 200, timestampMicros: 9 });
  });

  it('moves the mark alone with heartbeats', () => {
    const tracker = new PositionTracker(start);
    tracker.take({ kind: 'heartbeat', bytes: 0, end: { journal: 'b.2', offset: 4 } });
    expect(tracker.position()).toEqual({ ...start, journal: 'b.2', offset: 4 });
  });

  it('counts a transaction in parts with its last part', () => {
    const tracker = new PositionTracker(start);
    const part = {
      kind: 'part',
      head: head(`${uuid}:6`),
      events: [],
      bytes: 1,
      end: { journal: 'b.1', offset: 300 },
      format,
    } as const;
    tracker.take({ ...part, first: true, last: false });
    expect(tracker.position()).toEqual(start);
    tracker.take({ ...part, first: false, last: true });
    expect(tracker.position()).toMatchObject({ gtid: `${uuid}:1-6`, offset: 300 });
  });

  it('counts a statement whose rows follow with these', () => {
    const tracker = new PositionTracker(start);
    const end = { journal: 'b.1', offset: 150 };
    tracker.take({ kind: 'statement', head: head(`${uuid}:6`), end, beforeRows: true } as StatementItem);
    expect(tracker.position()).toEqual({ ...start, offset: 150 });
  });

  it('keeps the old server’s mark until the new server’s first', () => {
    const tracker = new PositionTracker(start);
    tracker.take({ kind: 'restart', bytes: 0, serverUuid: 'b' });
    expect(tracker.position()).toEqual(start);
    tracker.advance(head(`${uuid}:6`), { journal: 'x.9', offset: 44 });
    expect(tracker.position()).toMatchObject({ serverUuid: 'b', journal: 'x.9', offset: 44, gtid: `${uuid}:1-6` });
  });

  it('keeps no GTIDs where the position has none', () => {
    const tracker = new PositionTracker({ ...start, gtid: null });
    tracker.advance(head(`${uuid}:6`), { journal: 'b.1', offset: 200 });
    expect(tracker.position()).toMatchObject({ gtid: null, offset: 200 });
  });

  it('replaces the domain’s last transaction for MariaDB', () => {
    const tracker = new PositionTracker({ ...start, flavor: 'mariadb', gtid: '0-1-17,2-1-4' });
    tracker.advance(head('0-2-18'), { journal: 'b.1', offset: 200 });
    expect(tracker.position().gtid).toBe('0-2-18,2-1-4');
  });

  it('refuses GTIDs that are none', () => {
    expect(() => new PositionTracker({ ...start, gtid: 'nonsense' })).toThrow(expect.objectContaining({ code: 'LK1110' }));
  });
});
