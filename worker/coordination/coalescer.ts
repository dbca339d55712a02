export interface CoalescerClock {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Calls back once after so many milliseconds; the answer cancels. */
  readonly after: (milliseconds: number, callback: () => void) => () => void;
}

export const systemClock: CoalescerClock = {
  now: () => performance.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

/**
 * Writes the newest of the values offered, at most once per interval and never two at once: at once when the last write is long
 * ago, else at the interval's end. A failed write is tried again with whatever is newest then.
 */
export class Coalescer<T> {
  readonly #write: (value: T) => Promise<void>;
  readonly #intervalMs: number;
  readonly #clock: CoalescerClock;
  #newest: { readonly value: T } | null = null;
  #lastAt = -Infinity;
  #writing: Promise<void> | null = null;
  #cancel: (() => void) | null = null;
  #closed = false;

  constructor(write: (value: T) => Promise<void>, intervalMs: number, clock: CoalescerClock = systemClock) {
    this.#write = write;
    this.#intervalMs = intervalMs;
    this.#clock = clock;
  }

  offer(value: T): void {
    if (this.#closed) return;
    this.#newest = { value };
    this.#plan();
  }

  /** Forgets what is not yet written; resolves when nothing is being written any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#newest = null;
    this.#cancel?.();
    this.#cancel = null;
    await this.#writing;
  }

  #plan(): void {
    if (this.#newest === null || this.#writing !== null || this.#cancel !== null || this.#closed) return;
    const waitMs = this.#lastAt + this.#intervalMs - this.#clock.now();
    if (waitMs <= 0) {
      this.#begin();
      return;
    }
    this.#cancel = this.#clock.after(waitMs, () => {
      this.#cancel = null;
      this.#plan();
    });
  }

  #begin(): void {
    const taken = this.#newest;
    if (taken === null) return;
    this.#newest = null;
    this.#lastAt = this.#clock.now();
    this.#writing = this.#write(taken.value)
      .catch(() => {
        if (!this.#closed) this.#newest ??= taken;
      })
      .then(() => {
        this.#writing = null;
        this.#plan();
      });
  }
}
