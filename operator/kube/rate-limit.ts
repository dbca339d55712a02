import { sleep, systemClock, type Clock } from './clock.ts';

export interface RateLimiter {
  /** Waits for a turn; returns at once when the signal aborts. */
  take(signal?: AbortSignal): Promise<void>;
}

export const unlimited: RateLimiter = { take: () => Promise.resolve() };

/** `perSecond` on average, `burst` at once; turns are given in the order they were asked for. */
export class TokenBucket implements RateLimiter {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #clock: Clock;
  /** Turns left; below zero when some were given ahead of their time to callers who now wait. */
  #tokens: number;
  #countedAt: number;

  constructor(perSecond: number, burst: number, clock: Clock = systemClock) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#clock = clock;
    this.#tokens = burst;
    this.#countedAt = clock.monotonic();
  }

  async take(signal?: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#countedAt) * this.#perMs);
    this.#countedAt = now;
    this.#tokens -= 1;
    if (this.#tokens < 0) await sleep(this.#clock, -this.#tokens / this.#perMs, signal);
  }
}
