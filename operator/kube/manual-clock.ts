import type { Clock } from './clock.ts';

interface Timer {
  readonly at: number;
  readonly action: () => void;
}

/** A clock for tests: time passes only when told. */
export class ManualClock implements Clock {
  readonly #start: number;
  #elapsed = 0;
  /** In the order they were set; few, so that the earliest is searched. */
  readonly #timers = new Set<Timer>();

  constructor(start: number = Date.UTC(2026, 0, 1)) {
    this.#start = start;
  }

  now(): number {
    return this.#start + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(milliseconds: number, action: () => void): () => void {
    const timer = { at: this.#elapsed + Math.max(0, milliseconds), action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Milliseconds until the next timer is due; undefined when none is set. */
  get nextIn(): number | undefined {
    return this.#timers.size === 0 ? undefined : this.#earliest()!.at - this.#elapsed;
  }

  /** Lets `milliseconds` pass, timer by timer; whatever each sets off has run before the next. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#elapsed + milliseconds;
    await settle();
    for (let timer = this.#earliest(); timer !== undefined && timer.at <= end; timer = this.#earliest()) {
      this.#timers.delete(timer);
      this.#elapsed = timer.at;
      timer.action();
      await settle();
    }
    this.#elapsed = end;
  }

  #earliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) if (earliest === undefined || timer.at < earliest.at) earliest = timer;
    return earliest;
  }
}

/** Resolves when everything that waits only for promises has run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
