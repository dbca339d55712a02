import { setTimeout as sleep } from 'node:timers/promises';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { parseQueue, type QueuedCandidate } from './candidate-queue.ts';

export interface ElectionEvents {
  leading(): void;
  /** `leader`: the worker at the head of the queue when this candidate last looked. */
  following(leader: string): void;
  /** This candidate led and its node is gone although the session lives: somebody deleted it. */
  deposed(): void;
}

/**
 * One candidate in one pipeline's queue, within one session (ZooKeeper's leader election recipe): whoever has the lowest
 * number leads, and each candidate watches only the one before it, so that a leader's end wakes one worker.
 *
 * The election node's own data may name the worker that shall lead next; a candidate that comes to the head of the queue before
 * that worker goes back to its end.
 */
export class Election {
  readonly #session: ZkSession;
  readonly #path: string;
  readonly #worker: string;
  readonly #events: ElectionEvents;
  readonly #leaving = new AbortController();
  #own: string | null = null;
  #leads = false;
  #running: Promise<void> | null = null;

  constructor(session: ZkSession, path: string, worker: string, events: ElectionEvents) {
    this.#session = session;
    this.#path = path;
    this.#worker = worker;
    this.#events = events;
  }

  /** Joins the queue. Resolves when the candidate has left it or the session has ended; rejects where ZooKeeper refuses a request. */
  run(): Promise<void> {
    return (this.#running ??= this.#run());
  }

  /** Leaves the queue; `handOverTo` leads next if it stands. Resolves when the node is gone, at the session's end at the latest. */
  async leave(handOverTo?: string): Promise<void> {
    this.#leaving.abort();
    await this.#running?.catch(() => undefined);
    if (this.#session.ended) return;
    if (handOverTo !== undefined && this.#leads) await this.#session.set(this.#path, handOverTo).catch(() => undefined);
    await this.#withdraw().catch((error: unknown) => {
      if (!this.#session.ended) throw error;
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#leaving;
    while (!signal.aborted && !this.#session.ended) {
      try {
        await this.#advance(signal);
      } catch (error) {
        if (this.#session.ended) return;
        if (!isZkError(error, 'connection-loss', 'no-node')) throw error;
        // Unreachable for a while, or the pipeline's nodes are being removed.
        await sleep(200, null, { signal }).catch(() => undefined);
      }
    }
  }

  /** Looks where this candidate stands and waits until that may have changed. */
  async #advance(signal: AbortSignal): Promise<void> {
    if (this.#own === null) {
      await this.#session.ensurePath(this.#path);
      this.#own = nameOf(await this.#session.createProtected(this.#path, this.#worker));
    }
    const queue = parseQueue(await this.#session.children(this.#path));
    if (signal.aborted) return;
    const place = queue.findIndex(({ node }) => node === this.#own);
    if (place === -1) {
      this.#own = null;
      if (this.#leads) this.#events.deposed();
      this.#leads = false;
      return;
    }
    if (place > 0) {
      this.#events.following(queue[0]!.worker);
      return this.#whenGone(queue[place - 1]!.node, signal);
    }
    if (!this.#leads) {
      if (await this.#isPassedOver(queue)) {
        await this.#withdraw();
        return;
      }
      if (signal.aborted) return;
      this.#leads = true;
      this.#events.leading();
    }
    return this.#whenGone(this.#own, signal);
  }

  async #whenGone(node: string, signal: AbortSignal): Promise<void> {
    const round = new AbortController();
    const changed = this.#session.whenChanged(`${this.#path}/${node}`, AbortSignal.any([signal, round.signal]));
    try {
      if (await this.#session.exists(`${this.#path}/${node}`, { watch: true })) await changed;
    } finally {
      round.abort();
    }
  }

  /** Whether the leader before named another candidate as its successor. The name is used up by the first to lead. */
  async #isPassedOver(queue: readonly QueuedCandidate[]): Promise<boolean> {
    const named = (await this.#session.get(this.#path)).data.toString();
    if (named === '') return false;
    if (named !== this.#worker && queue.some(({ worker }) => worker === named)) return true;
    // Not awaited, since leading must not wait for it; a name that stays costs at most one more handover.
    this.#session.set(this.#path, '').catch(() => undefined);
    return false;
  }

  async #withdraw(): Promise<void> {
    if (this.#own !== null) await this.#session.deleteSurely(`${this.#path}/${this.#own}`);
    this.#own = null;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
