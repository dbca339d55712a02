import { describe, expect, it } from 'vitest';
import type { PreparedBatch } from './batch-writer.ts';
import type { CheckpointStep } from './checkpoint.ts';
import { dependsOnAll, type Dependencies } from './dependencies.ts';
import { Lanes, type LaneBatch, type LaneWriter } from './lanes.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A session that writes nowhere: what it is asked to do is noted, and staging waits until it is let go. */
class Recorder implements LaneWriter {
  readonly name: string;
  readonly #log: string[];
  readonly #gates: Map<string, PromiseWithResolvers<boolean>>;

  constructor(name: string, log: string[], gates: Map<string, PromiseWithResolvers<boolean>>) {
    this.name = name;
    this.#log = log;
    this.#gates = gates;
  }

  async stage(batch: PreparedBatch): Promise<boolean> {
    const id = idOf(batch);
    this.#log.push(`stage ${id}`);
    return this.#gates.get(id)?.promise ?? true;
  }

  async commit(commitSql: string): Promise<void> {
    this.#log.push(`commit ${commitSql}`);
  }

  async rollback(): Promise<void> {
    this.#log.push('rollback');
  }

  async write(batch: PreparedBatch): Promise<void> {
    this.#log.push(`write ${idOf(batch)}`);
    await (this.#gates.get(`write ${idOf(batch)}`)?.promise ?? true);
  }
}

const STEP = {} as CheckpointStep;
const idOf = (batch: PreparedBatch) => (batch as unknown as { id: string }).id;

function setUp(lanes: number, held: readonly string[]) {
  const log: string[] = [];
  const gates = new Map(held.map((id) => [id, Promise.withResolvers<boolean>()]));
  const writers = Array.from({ length: lanes }, (_, i) => new Recorder(`lane ${i}`, log, gates));
  return { log, gates, lanes: new Lanes(writers, () => 0) };
}

function work(id: string, dependencies: Dependencies): LaneBatch {
  return {
    batch: { id } as unknown as PreparedBatch,
    step: STEP,
    done: [],
    advanceSql: id,
    dependencies,
    onCommitted: () => undefined,
  };
}

const independent = (sequence: number): Dependencies => ({
  journal: 'b.1',
  firstSequence: sequence,
  maxLastCommitted: 0,
  commitGroup: 0,
});

describe('Lanes', () => {
  it('commits in the order of the source, whichever is staged first', async () => {
    const { log, gates, lanes } = setUp(3, ['a', 'b', 'c']);
    await lanes.start(work('a', independent(1)));
    await lanes.start(work('b', independent(2)));
    await lanes.start(work('c', independent(3)));
    gates.get('c')!.resolve(true);
    gates.get('b')!.resolve(true);
    await settled();
    expect(log).toEqual(['stage a', 'stage b', 'stage c']);
    gates.get('a')!.resolve(true);
    await lanes.settle();
    expect(log.slice(3)).toEqual(['commit a', 'commit b', 'commit c']);
    expect(lanes.busy).toBe(false);
  });

  it('starts a dependent batch only after everything before it is committed', async () => {
    const { log, gates, lanes } = setUp(2, ['a']);
    await lanes.start(work('a', independent(1)));
    const starting = lanes.start(work('b', dependsOnAll));
    await settled();
    expect(log).toEqual(['stage a']);
    gates.get('a')!.resolve(true);
    await starting;
    await lanes.settle();
    expect(log).toEqual(['stage a', 'commit a', 'stage b', 'commit b']);
  });

  it('writes one after the other once a batch has failed, the later ones having given their locks back', async () => {
    const { log, gates, lanes } = setUp(3, ['a']);
    await lanes.start(work('a', independent(1)));
    await lanes.start(work('b', independent(2)));
    await lanes.start(work('c', independent(3)));
    await settled();
    gates.get('a')!.resolve(false);
    await lanes.settle();
    expect(log).toEqual(['stage a', 'stage b', 'stage c', 'rollback', 'rollback', 'write a', 'write b', 'write c']);
  });

  it('keeps what was committed when a batch in the middle fails', async () => {
    const { log, gates, lanes } = setUp(3, ['b']);
    await lanes.start(work('a', independent(1)));
    await lanes.start(work('b', independent(2)));
    await lanes.start(work('c', independent(3)));
    await settled();
    gates.get('b')!.resolve(false);
    await lanes.settle();
    expect(log).toEqual(['stage a', 'commit a', 'stage b', 'stage c', 'rollback', 'write b', 'write c']);
  });

  it('starts nothing beside a batch that is written again', async () => {
    const { log, gates, lanes } = setUp(2, ['a', 'write a']);
    await lanes.start(work('a', independent(1)));
    gates.get('a')!.resolve(false);
    await settled();
    const starting = lanes.start(work('b', independent(2)));
    await settled();
    expect(log).toEqual(['stage a', 'write a']);
    gates.get('write a')!.resolve(true);
    await starting;
    await lanes.settle();
    expect(log.slice(2)).toEqual(['stage b', 'commit b']);
  });

  it('with one lane writes a batch at a time', async () => {
    const { log, lanes } = setUp(1, []);
    await lanes.start(work('a', independent(1)));
    await lanes.start(work('b', independent(2)));
    await lanes.settle();
    expect(log).toEqual(['write a', 'write b']);
  });

  it('passes the first error to whoever starts or settles, and commits nothing behind it', async () => {
    const { log, gates, lanes } = setUp(2, ['a']);
    await lanes.start(work('a', independent(1)));
    await lanes.start(work('b', independent(2)));
    gates.get('a')!.reject(new Error('lost'));
    await expect(lanes.settle()).rejects.toThrow('lost');
    await expect(lanes.start(work('c', independent(3)))).rejects.toThrow('lost');
    expect(log.filter((line) => line.startsWith('commit') || line.startsWith('write'))).toEqual([]);
  });
});
