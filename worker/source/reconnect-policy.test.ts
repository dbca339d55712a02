import { describe, expect, it } from 'vitest';
import { LockkeeperError } from '../../common/errors.ts';
import { ReconnectPolicy } from './reconnect-policy.ts';

const unreachable = new LockkeeperError('LK1102');
const silent = new LockkeeperError('LK1112');
const purged = new LockkeeperError('LK1109');
const damaged = new LockkeeperError('LK1203');

const policy = (servers: number, random = 1) =>
  new ReconnectPolicy({ servers, intervalSeconds: 3, failoverAfterMisses: 3, random: () => random });

describe('pauses between attempts', () => {
  it('double up to 15 s', () => {
    const p = policy(1);
    const delays = Array.from({ length: 8 }, () => p.failed(unreachable, 0, 0)).map((step) =>
      step.kind === 'retry' ? step.delayMs : -1,
    );
    expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 15000, 15000]);
  });

  it('are spread between half and full length', () => {
    expect(policy(1, 0).failed(unreachable, 0, 0)).toMatchObject({ delayMs: 125 });
  });

  it('begin small again after a stream that lasted, not after one that was ended at once', () => {
    const p = policy(1);
    for (let i = 0; i < 4; i++) p.failed(unreachable, 0, 0);
    p.succeeded();
    expect(p.failed(new LockkeeperError('LK1108'), 100, 100)).toMatchObject({ delayMs: 4000 });
    p.succeeded();
    expect(p.failed(unreachable, 60_000, 59_000)).toMatchObject({ delayMs: 250 });
  });
});

describe('the standby', () => {
  it('is tried after failoverAfterMisses failures, and the master again after one of a standby that never worked', () => {
    const p = policy(2);
    expect(p.failed(unreachable, 0, 0)).toMatchObject({ switched: false });
    expect(p.failed(unreachable, 0, 0)).toMatchObject({ switched: false });
    expect(p.failed(unreachable, 0, 0)).toMatchObject({ switched: true });
    expect(p.current).toBe(1);
    expect(p.failed(unreachable, 0, 0)).toMatchObject({ switched: true });
    expect(p.current).toBe(0);
  });

  it('is tried at once when heartbeats were missed', () => {
    const p = policy(2);
    p.succeeded();
    expect(p.failed(silent, 60_000, 60_000)).toMatchObject({ switched: true });
  });

  it('is tried at once after a connection attempt as long as the missed heartbeats', () => {
    expect(policy(2).failed(unreachable, 10_000, 0)).toMatchObject({ switched: true });
  });

  it('stays once it works, until it fails as often', () => {
    const p = policy(2);
    for (let i = 0; i < 3; i++) p.failed(unreachable, 0, 0);
    p.succeeded();
    expect(p.failed(unreachable, 0, 0)).toMatchObject({ switched: false });
    expect(p.current).toBe(1);
  });

  it('may have what the master has purged', () => {
    const p = policy(2);
    expect(p.failed(purged, 0, 0)).toMatchObject({ kind: 'retry', switched: true });
    expect(p.failed(unreachable, 0, 0)).toMatchObject({ kind: 'retry', switched: true });
  });
});

describe('giving up', () => {
  it('happens at once for what is wrong in the stream', () => {
    expect(policy(2).failed(damaged, 0, 0)).toEqual({ kind: 'fail', error: damaged });
  });

  it('happens when the only server has a fault that time does not heal', () => {
    expect(policy(1).failed(purged, 0, 0)).toEqual({ kind: 'fail', error: purged });
  });

  it('happens with the master’s fault when both servers have one', () => {
    const p = policy(2);
    p.failed(purged, 0, 0);
    expect(p.failed(new LockkeeperError('LK1110'), 0, 0)).toEqual({ kind: 'fail', error: purged });
  });

  it('waits for a standby that is only away', () => {
    const p = policy(2);
    p.failed(purged, 0, 0);
    p.failed(unreachable, 0, 0);
    expect(p.failed(purged, 0, 0)).toMatchObject({ kind: 'retry' });
  });
});
