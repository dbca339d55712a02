import type { LockkeeperError } from '../../common/errors.ts';

export interface ReconnectOptions {
  /** Servers to choose from, the master first. */
  readonly servers: number;
  readonly intervalSeconds: number;
  /** Heartbeats missed, or time of failed attempts worth as many, before the next server is tried. */
  readonly failoverAfterMisses: number;
  /** A number from 0 up to 1. */
  readonly random: () => number;
}

export type NextStep =
  | { readonly kind: 'retry'; readonly delayMs: number; readonly switched: boolean }
  | { readonly kind: 'fail'; readonly error: LockkeeperError };

const FIRST_DELAY_MS = 250;
const LAST_DELAY_MS = 15_000;
/** A stream that lasted so long ended for a new reason: the pauses start small again. */
const STABLE_MS = 2_000;

/**
 * Decides after each failure which server to try next, and when.
 *
 * A server that worked last is given up after `failoverAfterMisses` misses, one that never did after a single attempt. What is no
 * fault of a server (a damaged or unknown event) ends at once; a fault that retrying cannot heal ends once every server has one.
 */
export class ReconnectPolicy {
  readonly #options: ReconnectOptions;
  readonly #faults: (LockkeeperError | null)[];
  #current = 0;
  #lastGood = 0;
  #misses = 0;
  #attempts = 0;

  constructor(options: ReconnectOptions) {
    this.#options = options;
    this.#faults = new Array<null>(options.servers).fill(null);
  }

  /** Index of the server to read. */
  get current(): number {
    return this.#current;
  }

  /** The server delivers. */
  succeeded(): void {
    this.#faults.fill(null);
    this.#lastGood = this.#current;
    this.#misses = 0;
  }

  /** `tookMs`: from the begin of the attempt to its failure; `streamedMs`: how long events came before it, 0 for none. */
  failed(error: LockkeeperError, tookMs: number, streamedMs: number): NextStep {
    if (!error.retryable && !error.code.startsWith('LK11')) return { kind: 'fail', error };
    this.#faults[this.#current] = error;
    if (this.#faults.every((fault) => fault !== null && !fault.retryable))
      return { kind: 'fail', error: this.#faults[0] ?? error };
    this.#misses += this.#missesOf(error, streamedMs > 0 ? 0 : tookMs);
    if (streamedMs >= STABLE_MS) this.#attempts = 0;
    const delayMs = this.#delay();
    return { kind: 'retry', delayMs, switched: this.#switch(!error.retryable) };
  }

  #missesOf(error: LockkeeperError, tookMs: number): number {
    if (error.code === 'LK1112') return this.#options.failoverAfterMisses;
    return Math.max(1, Math.floor(tookMs / (this.#options.intervalSeconds * 1000)));
  }

  #switch(hopeless: boolean): boolean {
    const { servers, failoverAfterMisses } = this.#options;
    if (servers < 2) return false;
    if (!hopeless && this.#current === this.#lastGood && this.#misses < failoverAfterMisses) return false;
    this.#current = (this.#current + 1) % servers;
    this.#misses = 0;
    return true;
  }

  #delay(): number {
    const full = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts++);
    return full * (0.5 + this.#options.random() / 2);
  }
}
