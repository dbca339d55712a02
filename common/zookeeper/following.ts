import { setTimeout as sleep } from 'node:timers/promises';
import type { ZkClient } from './client.ts';
import type { ZkSession } from './session.ts';
import { watchChildren, watchData } from './watch.ts';

export interface EachListener {
  /** A child's znode was read for the first time or has changed; null: it, or the child, is gone. */
  told(child: string, text: string | null): void;
  /** It cannot be read; it is tried again. `child` is empty where the children cannot be listed. */
  failed(child: string, error: unknown): void;
  /** Everything that was there has been told, or has failed: what was not told is not there. Once in each session, if at all. */
  caughtUp?(): void;
}

const AGAIN_MS = 5_000;

export interface OneListener {
  /** The znode was read for the first time or has changed; null while it is absent. */
  told(text: string | null): void;
  /** It cannot be read; it is tried again. */
  failed(error: unknown): void;
}

/** Follows a znode through reconnections and new sessions, until the answer is called. */
export function watchOne(client: ZkClient, path: string, listener: OneListener): () => void {
  const stop = new AbortController();
  const tell = (value: { data: Buffer } | null) => listener.told(value?.data.toString() ?? null);
  const failed = (error: unknown) => listener.failed(error);
  const unsubscribe = client.onSession((session) => {
    void persist(session, stop.signal, failed, () => watchData(session, path, tell, stop.signal));
  });
  return () => {
    unsubscribe();
    stop.abort();
  };
}

/**
 * Follows one znode below each child of `parent`, which may come and go, through reconnections and new sessions, until the
 * answer is called: the configurations of all pipelines, for instance. Each text is told once.
 */
export function watchEach(
  client: ZkClient,
  parent: string,
  pathOf: (child: string) => string,
  listener: EachListener,
): () => void {
  const stop = new AbortController();
  const followed = new Followed(parent, pathOf, listener);
  const unsubscribe = client.onSession((session) => followed.follow(session, stop.signal));
  return () => {
    unsubscribe();
    stop.abort();
  };
}

/** What a listener has been told so far, over all sessions. */
class Followed {
  readonly #parent: string;
  readonly #pathOf: (child: string) => string;
  readonly #listener: EachListener;
  readonly #texts = new Map<string, string>();

  constructor(parent: string, pathOf: (child: string) => string, listener: EachListener) {
    this.#parent = parent;
    this.#pathOf = pathOf;
    this.#listener = listener;
  }

  follow(session: ZkSession, stop: AbortSignal): void {
    const watched = new Map<string, AbortController>();
    /** Children of the first listing that are yet to be read; null before it. */
    let unread: Set<string> | null = null;
    const read = (name: string) => {
      if (unread?.delete(name) === true && unread.size === 0) this.#listener.caughtUp?.();
    };
    const deliver = (names: string[] | null) => {
      const present = new Set(names ?? []);
      if (unread === null) {
        unread = new Set(present);
        if (present.size === 0) this.#listener.caughtUp?.();
      }
      for (const name of new Set([...watched.keys(), ...this.#texts.keys()])) {
        if (present.has(name)) continue;
        watched.get(name)?.abort();
        watched.delete(name);
        this.#tell(name, null);
        read(name);
      }
      for (const name of present) {
        if (watched.has(name)) continue;
        const one = new AbortController();
        watched.set(name, one);
        const signal = AbortSignal.any([stop, one.signal]);
        const tell = (value: { data: Buffer } | null) => {
          this.#tell(name, value?.data.toString() ?? null);
          read(name);
        };
        const failed = (error: unknown) => {
          this.#listener.failed(name, error);
          read(name);
        };
        void persist(session, signal, failed, () => watchData(session, this.#pathOf(name), tell, signal));
      }
    };
    const failed = (error: unknown) => this.#listener.failed('', error);
    void persist(session, stop, failed, () => watchChildren(session, this.#parent, deliver, stop));
  }

  #tell(child: string, text: string | null): void {
    if (text === null) {
      if (this.#texts.delete(child)) this.#listener.told(child, null);
      return;
    }
    if (this.#texts.get(child) === text) return;
    this.#texts.set(child, text);
    this.#listener.told(child, text);
  }
}

/** A watch ends where reading is refused; that may be put right without this process. */
async function persist(
  session: ZkSession,
  signal: AbortSignal,
  failed: (error: unknown) => void,
  watch: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted && !session.ended) {
    try {
      await watch();
    } catch (error) {
      failed(error);
      await sleep(AGAIN_MS, null, { signal }).catch(() => undefined);
    }
  }
}
