import type { Lease } from '../../common/zookeeper/lease.ts';

/** Why a term is over; the reason of its signal. */
export class TermEnd extends Error {
  readonly why: 'resigned' | 'session ended' | 'deposed';

  constructor(why: TermEnd['why']) {
    super(`the term of leadership is over: ${why}`);
    this.name = 'TermEnd';
    this.why = why;
  }
}

/**
 * One worker's leadership of one pipeline, from election to resignation or loss.
 *
 * While ZooKeeper is out of reach it is paused, before any other worker can be elected: nothing may be written to the target.
 * It goes on when the same session is back and ends when that has expired. What was sent to the target before a pause may
 * still be under way; the epoch in the target's checkpoint is what keeps two leaders apart there.
 */
export interface Term {
  /** Aborts when the term is over, with a TermEnd as reason. */
  readonly signal: AbortSignal;
  /** Whether writing is allowed at this moment. Looks at the clock, so it is right also in a process that has just been asleep. */
  writable(): boolean;
  /** The same as `writable()`. */
  readonly open: boolean;
  /** Resolves when writing is allowed; rejects with the TermEnd when the term is over. */
  wait(): Promise<void>;
  /** Calls back at each pause; the answer unsubscribes. */
  onPause(listener: () => void): () => void;
  /** Calls back when a pause ends in the same term. */
  onResume(listener: () => void): () => void;
}

/** A term as its owner holds it. */
export class TermController {
  readonly term: Term;
  readonly #abort = new AbortController();
  readonly #lease: Lease | null;
  readonly #now: () => number;
  readonly #pauseListeners = new Set<() => void>();
  readonly #resumeListeners = new Set<() => void>();
  readonly #unsubscribe: () => void;
  #paused = false;
  #timer: NodeJS.Timeout | undefined;

  /** `lease`: null for a term that nothing but its end can interrupt. */
  constructor(lease: Lease | null, now: () => number = () => performance.now()) {
    this.#lease = lease;
    this.#now = now;
    const writable = () => this.#writable();
    this.term = {
      signal: this.#abort.signal,
      writable,
      get open() {
        return writable();
      },
      wait: () => this.#wait(),
      onPause: (listener) => subscribe(this.#pauseListeners, listener),
      onResume: (listener) => subscribe(this.#resumeListeners, listener),
    };
    this.#unsubscribe = lease?.onRenewed(() => this.#look()) ?? (() => undefined);
    this.#look();
  }

  get ended(): boolean {
    return this.#abort.signal.aborted;
  }

  end(why: TermEnd['why']): void {
    if (this.ended) return;
    clearTimeout(this.#timer);
    this.#unsubscribe();
    this.#abort.abort(new TermEnd(why));
  }

  #writable(): boolean {
    return !this.ended && (this.#lease?.valid ?? true);
  }

  /** Tells of a pause or its end, and looks again when the lease runs out. */
  #look(): void {
    if (this.ended || this.#lease === null) return;
    const valid = this.#lease.valid;
    if (valid === this.#paused) {
      this.#paused = !valid;
      for (const listener of [...(valid ? this.#resumeListeners : this.#pauseListeners)]) listener();
    }
    if (valid && this.#timer === undefined) {
      const leftMs = Math.max(1, Math.ceil(this.#lease.validUntil - this.#now()));
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#look();
      }, leftMs);
    }
  }

  #wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = this.#abort;
      const settle = () => {
        if (!signal.aborted && !this.#writable()) return;
        this.#resumeListeners.delete(settle);
        signal.removeEventListener('abort', settle);
        if (signal.aborted) reject(signal.reason as TermEnd);
        else resolve();
      };
      this.#resumeListeners.add(settle);
      signal.addEventListener('abort', settle);
      this.#look();
      settle();
    });
  }
}

function subscribe(listeners: Set<() => void>, listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
