import type { ZkClient } from '../../common/zookeeper/client.ts';
import { pipelinePath, statusPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import { watchData } from '../../common/zookeeper/watch.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { Coalescer, type CoalescerClock } from './coalescer.ts';

/** Any JSON object; readers check it. */
export type StatusJson = Readonly<Record<string, unknown>>;

export interface StatusStoreOptions {
  /** Default 1000. */
  readonly intervalMs?: number;
  readonly clock?: CoalescerClock;
}

/** The pipelines' states in ZooKeeper: written by their leaders, for people and the operator to see. The target's checkpoint is the truth. */
export class StatusStore {
  readonly #client: ZkClient;
  readonly #ref: InstanceRef;
  readonly #options: StatusStoreOptions;

  constructor(client: ZkClient, ref: InstanceRef, options: StatusStoreOptions = {}) {
    this.#client = client;
    this.#ref = ref;
    this.#options = options;
  }

  /** For the leader: `offer` as often as one likes, `close` at the term's end. Failures are tried again and otherwise silent. */
  writer(pipeline: string): Coalescer<StatusJson> {
    const write = (status: StatusJson) => this.#write(pipeline, JSON.stringify(status));
    return new Coalescer(write, this.#options.intervalMs ?? 1_000, this.#options.clock);
  }

  /** Null where no leader has written any. @throws ZkError */
  async read(pipeline: string): Promise<StatusJson | null> {
    try {
      return parse((await this.#client.session.get(statusPath(this.#ref, pipeline))).data);
    } catch (error) {
      if (isZkError(error, 'no-node')) return null;
      throw error;
    }
  }

  /** Delivers a pipeline's status now and after each change, null while there is none, until the answer is called. */
  watch(pipeline: string, deliver: (status: StatusJson | null) => void): () => void {
    const stop = new AbortController();
    const path = statusPath(this.#ref, pipeline);
    const unsubscribe = this.#client.onSession((session) => {
      watchData(session, path, (value) => deliver(value && parse(value.data)), stop.signal).catch(() => deliver(null));
    });
    return () => {
      unsubscribe();
      stop.abort();
    };
  }

  async #write(pipeline: string, text: string): Promise<void> {
    const { session } = this.#client;
    const path = statusPath(this.#ref, pipeline);
    try {
      await session.set(path, text);
    } catch (error) {
      // Not the nodes above it: a leader that is late must not bring a removed pipeline back.
      if (!isZkError(error, 'no-node') || !(await session.exists(pipelinePath(this.#ref, pipeline)))) throw error;
      await session.create(path, text);
    }
  }
}

function parse(data: Buffer): StatusJson | null {
  try {
    const json: unknown = JSON.parse(data.toString());
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as StatusJson) : null;
  } catch {
    return null;
  }
}
