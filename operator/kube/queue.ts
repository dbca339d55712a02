import { systemClock, type Clock } from './clock.ts';
import type { ObjectKey } from './objects.ts';
import { backoffDelay } from './retry.ts';

export interface QueueOptions {
  readonly clock?: Clock;
  /** From 0 to 1. */
  readonly random?: () => number;
  /** After a key's first failure; doubles with each one after. */
  readonly firstDelayMs?: number;
  readonly longestDelayMs?: number;
  /** For metrics: number of keys ready and waiting, and how long one had waited when it was taken. */
  readonly onDepth?: (depth: number) => void;
  readonly onTaken?: (waitedMs: number) => void;
}

/**
 * Keys that need work. A key waits only once however often it is added; added while it is worked on, it is worked on again
 * afterwards; and never by two at a time. When work on a key begins, its delayed turns are forgotten: what comes next is for that
 * work to say.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #firstDelayMs: number;
  readonly #longestDelayMs: number;
  readonly #onDepth: (depth: number) => void;
  readonly #onTaken: (waitedMs: number) => void;
  /** In order of waiting, with the time since when. */
  readonly #ready = new Map<ObjectKey, number>();
  readonly #active = new Set<ObjectKey>();
  /** Added while active. */
  readonly #again = new Set<ObjectKey>();
  readonly #delayed = new Map<ObjectKey, { readonly at: number; readonly cancel: () => void }>();
  readonly #failures = new Map<ObjectKey, number>();
  #pump: () => void = () => undefined;

  constructor(options: QueueOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#firstDelayMs = options.firstDelayMs ?? 100;
    this.#longestDelayMs = options.longestDelayMs ?? 120_000;
    this.#onDepth = options.onDepth ?? (() => undefined);
    this.#onTaken = options.onTaken ?? (() => undefined);
  }

  /** Keys ready and waiting for a worker. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Keys being worked on. */
  get active(): number {
    return this.#active.size;
  }

  add(key: ObjectKey): void {
    if (this.#active.has(key)) {
      this.#again.add(key);
    } else if (!this.#ready.has(key)) {
      this.#ready.set(key, this.#clock.monotonic());
      this.#onDepth(this.#ready.size);
      this.#pump();
    }
  }

  /** The earlier of two delays counts. */
  addAfter(key: ObjectKey, milliseconds: number): void {
    if (milliseconds <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.monotonic() + milliseconds;
    const pending = this.#delayed.get(key);
    if (pending !== undefined && pending.at <= at) return;
    pending?.cancel();
    const cancel = this.#clock.after(milliseconds, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, cancel });
  }

  /** Adds a key whose work failed, after a delay that grows with each failure; the delay. */
  retry(key: ObjectKey): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const delay = backoffDelay(this.#firstDelayMs, this.#longestDelayMs, failures, this.#random());
    this.addAfter(key, delay);
    return delay;
  }

  /** The key's work succeeded: its next failure is a first one. */
  forget(key: ObjectKey): void {
    this.#failures.delete(key);
  }

  /** Keys whose last work failed. */
  get failing(): number {
    return this.#failures.size;
  }

  failures(key: ObjectKey): number {
    return this.#failures.get(key) ?? 0;
  }

  /**
   * Works on keys with at most `workers` at a time until the signal aborts, and resolves when the work then under way has ended.
   * `work` must not reject.
   */
  run(workers: number, work: (key: ObjectKey) => Promise<void>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const stop = () => {
        this.#pump = () => undefined;
        for (const { cancel } of this.#delayed.values()) cancel();
        this.#delayed.clear();
        if (this.#active.size === 0) resolve();
      };
      const done = (key: ObjectKey) => {
        this.#active.delete(key);
        if (this.#again.delete(key)) this.add(key);
        if (!signal.aborted) this.#pump();
        else if (this.#active.size === 0) resolve();
      };
      this.#pump = () => {
        while (this.#active.size < workers && this.#ready.size > 0) {
          const key = this.#take();
          void work(key).then(() => done(key));
        }
      };
      if (signal.aborted) {
        stop();
        return;
      }
      signal.addEventListener('abort', stop, { once: true });
      this.#pump();
    });
  }

  #take(): ObjectKey {
    const [key, since] = this.#ready.entries().next().value!;
    this.#ready.delete(key);
    this.#active.add(key);
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
    this.#onDepth(this.#ready.size);
    this.#onTaken(this.#clock.monotonic() - since);
    return key;
  }
}
