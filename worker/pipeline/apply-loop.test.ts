import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LockkeeperError } from '../../common/errors.ts';
import { PositionTracker } from '../source/position-tracker.ts';
import type { StreamItem, TransactionHead, TransactionItem } from '../source/stream-item.ts';
import { FinishedSet } from '../target/finished.ts';
import type { LaneBatch } from '../target/lanes.ts';
import { ApplyLoop, type ApplyLoopOptions } from './apply-loop.ts';
import { ByteQueue } from './byte-queue.ts';
import { CatchUp } from './catch-up.ts';

const head = (gtid: string | null = null): TransactionHead => ({
  gtid,
  lastCommitted: 0,
  sequenceNumber: 0,
  commitGroup: 0,
  commitMicros: 1,
  serverId: 1,
});

const transaction = (offset: number, gtid: string | null = null): TransactionItem => ({
  kind: 'transaction',
  head: head(gtid),
  events: [],
  bytes: 100,
  end: { journal: 'b.000001', offset },
  format: Buffer.alloc(0),
});

const restart = (serverUuid: string): StreamItem => ({ kind: 'restart', bytes: 0, serverUuid });

function setUp(changes: Partial<ApplyLoopOptions> = {}) {
  const queue = new ByteQueue<StreamItem>(1 << 20);
  const stored: number[] = [];
  const unused = () => {
    throw new Error('not expected here');
  };
  const loop = new ApplyLoop({
    queue,
    writer: {
      prepare: () => ({ segments: [], runs: [], format: Buffer.alloc(0), careful: false }),
    } as unknown as ApplyLoopOptions['writer'],
    advanceSql: (step) => String(step.position.offset),
    makeLanes: () => ({
      busy: false,
      start: async ({ step }: LaneBatch) => {
        stored.push(step.position.offset);
        await Promise.resolve();
      },
      settle: () => Promise.resolve(),
    }),
    recordsFinished: false,
    finished: new FinishedSet(),
    plans: { get: unused, load: unused },
    tracker: new PositionTracker({
      flavor: 'mysql',
      serverUuid: 'u',
      gtid: null,
      journal: 'b.000001',
      offset: 4,
      timestampMicros: 0,
    }),
    barriers: { statement: unused, xaPart: unused, xaPrepare: unused, xaRollback: unused, xaRows: unused, xaForget: unused },
    catchUp: new CatchUp(),
    gate: { open: true, wait: () => Promise.resolve() },
    limits: { maxBatchRows: 100, maxBatchBytes: 1e6, maxBatchDelayMs: 0, idleCheckpointMs: 1000 },
    now: () => 0,
    sleep: (milliseconds) => delay(milliseconds),
    onApplied: () => undefined,
    ...changes,
  });
  return { queue, loop, stored };
}

describe('ApplyLoop', () => {
  it('rejects with the error of a stream that failed while there were items to take, after these', async () => {
    const { queue, loop, stored } = setUp();
    queue.push(transaction(200));
    queue.fail(new LockkeeperError('LK1203', 'an event that cannot be read'));
    await expect(loop.run()).rejects.toMatchObject({ code: 'LK1203' });
    expect(stored).toEqual([200]);
  });

  it('finishes what one server sent before it takes what another sent: their sequence numbers do not compare', async () => {
    const done: string[] = [];
    const { queue, loop } = setUp({
      makeLanes: () => ({
        busy: false,
        start: async ({ step: { position } }: LaneBatch) => void done.push(`${position.serverUuid}:${position.offset}`),
        settle: async () => void done.push('settled'),
      }),
    });
    for (const item of [transaction(200), restart('v'), transaction(100)]) queue.push(item);
    queue.close();
    await loop.run();
    expect(done.slice(0, 3)).toEqual(['u:200', 'settled', 'v:100']);
  });

  it('ends quietly when it is told to stop', async () => {
    const { queue, loop, stored } = setUp();
    queue.push(transaction(200));
    const run = loop.run();
    await new Promise((resolve) => setImmediate(resolve));
    loop.stop();
    await run;
    expect(stored).toEqual([200]);
  });
});
