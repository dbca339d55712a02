import type { ZkClient } from '../../common/zookeeper/client.ts';
import { statusPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import { watchData } from '../../common/zookeeper/watch.ts';
import { readZnode, reportZnode } from '../../common/zookeeper/znode.ts';
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
    const text = await readZnode(this.#client.session, statusPath(this.#ref, pipeline));
    return text === null ? null : parse(text);
  }

  /** Delivers a pipeline's status now and after each change, null while there is none, until the answer is called. */
  watch(pipeline: string, deliver: (status: StatusJson | null) => void): () => void {
    const stop = new AbortController();
    const path = statusPath(this.#ref, pipeline);
    const unsubscribe = this.#client.onSession((session) => {
      watchData(session, path, (value) => deliver(value && parse(value.data.toString())), stop.signal).catch(() => deliver(null));
    });
    return () => {
      unsubscribe();
      stop.abort();
    };
  }

  /** Not the nodes above it: a leader that is late must not bring a removed pipeline back. */
  #write(pipeline: string, text: string): Promise<void> {
    return reportZnode(this.#client.session, statusPath(this.#ref, pipeline), text);
  }
}

function parse(text: string): StatusJson | null {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as StatusJson) : null;
  } catch {
    return null;
  }
}
