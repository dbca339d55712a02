import { setTimeout as sleep } from 'node:timers/promises';
import { ZkSession, type ZkSessionOptions, type ZkState } from './session.ts';

export interface ZkClientOptions extends ZkSessionOptions {
  /** Longest pause before the next session after one has expired. Default 5000 ms. */
  readonly maxBackoffMs?: number;
}

/** A session that has lived this long was no part of a series of failures. */
const STEADY_MS = 30_000;

/** One ZooKeeper session after the other: makes a new one when one expires. */
export class ZkClient {
  readonly #options: ZkClientOptions;
  readonly #sessionListeners = new Set<(session: ZkSession) => void>();
  readonly #stateListeners = new Set<(state: ZkState) => void>();
  readonly #closing = new AbortController();
  #session: ZkSession;
  #failures = 0;

  /** @throws LockkeeperError LK1003 if the connect string is invalid */
  constructor(options: ZkClientOptions) {
    this.#options = options;
    this.#session = this.#open();
  }

  /** The present session, whatever its state; for a moment after an expiry still the expired one. */
  get session(): ZkSession {
    return this.#session;
  }

  /** Calls back with each session once it is connected for the first time; with the present one at once if it is. */
  onSession(listener: (session: ZkSession) => void): () => void {
    this.#sessionListeners.add(listener);
    if (this.#session.state.kind === 'connected' || this.#session.state.kind === 'suspended') listener(this.#session);
    return () => this.#sessionListeners.delete(listener);
  }

  /** Calls back with each change of state of the present session. */
  onState(listener: (state: ZkState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#session.close();
  }

  #open(): ZkSession {
    const session = new ZkSession(this.#options);
    const openedAt = performance.now();
    let met = false;
    session.onState((state) => {
      for (const listener of [...this.#stateListeners]) listener(state);
      if (state.kind === 'connected' && !met) {
        met = true;
        for (const listener of [...this.#sessionListeners]) listener(session);
      }
      if (state.kind === 'expired') {
        if (performance.now() - openedAt > STEADY_MS) this.#failures = 0;
        void this.#reopen();
      }
    });
    return session;
  }

  async #reopen(): Promise<void> {
    const backoff = Math.min(50 * 2 ** this.#failures++, this.#options.maxBackoffMs ?? 5_000);
    const pause = backoff * (0.5 + Math.random() / 2);
    await sleep(pause, null, { signal: this.#closing.signal }).catch(() => undefined);
    if (!this.#closing.signal.aborted) this.#session = this.#open();
  }
}
