import { describe, expect, it } from 'vitest';
import type { PreparedBatch } from './batch-writer.ts';
import type { CheckpointStep } from './checkpoint.ts';
import { dependsOnAll, type Dependencies } from './dependencies.ts';
import { LaneRecord } from './finished.ts';
import type { LaneBatch, LaneWriter } from './lanes.ts';
import { sumSteps, UnorderedLanes } from './unordered-lanes.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));
const idOf = (batch: PreparedBatch) => (batch as unknown as { id: string }).id;

const step = (id: string): CheckpointStep =>
  ({ position: { journal: id }, transactions: 1, rows: { inserted: 2, updated: 0, deleted: 1 } }) as unknown as CheckpointStep;

const independent = (sequence: number): Dependencies => ({
  journal: 'b.1',
  firstSequence: sequence,
  maxLastCommitted: 0,
  commitGroup: 0,
});

function work(id: string, dependencies: Dependencies): LaneBatch {
  return {
    batch: { id } as unknown as PreparedBatch,
    step: step(id),
    done: [id],
    advanceSql: '',
    dependencies,
    onCommitted: () => undefined,
  };
}

function setUp(count: number, held: readonly string[]) {
  const log: string[] = [];
  const failures: unknown[] = [];
  const gates = new Map(held.map((id) => [id, Promise.withResolvers<void>()]));
  const writer: LaneWriter = {
    stage: () => Promise.resolve(true),
    rollback: () => Promise.resolve(),
    commit: async (sql) => {
      log.push(sql);
      await settled();
    },
    write: async (batch, sql) => {
      await gates.get(idOf(batch))?.promise;
      log.push(`write ${idOf(batch)} with ${/transactions='([^']*)'/.exec(sql)![1]}`);
    },
  };
  const lanes = new UnorderedLanes({
    lanes: Array.from({ length: count }, (_, lane) => ({ writer, record: new LaneRecord('ns/p', lane, 7) })),
    advanceSql: ({ position, transactions }) => `checkpoint ${position.journal} +${transactions}`,
    now: () => 0,
    onFailure: (error) => failures.push(error),
  });
  return { log, failures, gates, lanes };
}

describe('UnorderedLanes', () => {
  it('commits what is ready, and lets the checkpoint follow behind the unbroken run', async () => {
    const { log, gates, lanes } = setUp(3, ['a']);
    for (const [i, id] of ['a', 'b', 'c'].entries()) await lanes.start(work(id, independent(i + 1)));
    await settled();
    expect(log).toEqual(['write b with b', 'write c with c']);
    gates.get('a')!.resolve();
    await lanes.settle();
    expect(log.slice(2)).toEqual(['write a with a', 'checkpoint c +3']);
  });

  it('keeps a lane’s earlier batches in its record until the checkpoint is behind them', async () => {
    const { log, gates, lanes } = setUp(2, ['a']);
    await lanes.start(work('a', independent(1)));
    await lanes.start(work('b', independent(2)));
    await lanes.start(work('c', independent(3)));
    await lanes.start(work('d', independent(4)));
    await settled();
    expect(log).toEqual(['write b with b', 'write c with b,c', 'write d with b,c,d']);
    gates.get('a')!.resolve();
    await lanes.settle();
    await lanes.start(work('e', independent(5)));
    await lanes.settle();
    expect(log.at(-2)).toMatch(/^write e with e$/);
    expect(log.at(-1)).toBe('checkpoint e +1');
  });

  it('holds back a batch that depends on one that is not committed', async () => {
    const { log, gates, lanes } = setUp(2, ['a']);
    await lanes.start(work('a', independent(1)));
    const starting = lanes.start(work('b', dependsOnAll));
    await settled();
    expect(log).toEqual([]);
    gates.get('a')!.resolve();
    await starting;
    await lanes.settle();
    expect(log.filter((line) => line.startsWith('write'))).toEqual(['write a with a', 'write b with b']);
  });

  it('fails for whoever starts or settles, and tells at once', async () => {
    const { failures, gates, lanes } = setUp(2, ['a']);
    await lanes.start(work('a', independent(1)));
    gates.get('a')!.reject(new Error('lost'));
    await expect(lanes.settle()).rejects.toThrow('lost');
    expect(failures).toHaveLength(1);
    await expect(lanes.start(work('b', dependsOnAll))).rejects.toThrow('lost');
  });
});

describe('sumSteps', () => {
  it('goes to the last position and counts all', () => {
    expect(sumSteps([step('a'), step('b')])).toEqual({
      position: { journal: 'b' },
      transactions: 2,
      rows: { inserted: 4, updated: 0, deleted: 2 },
    });
  });
});
