import type { KubeError } from './errors.ts';

export interface RetryPolicy {
  readonly attempts: number;
  /** Before the second attempt; doubles from one to the next. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** A server that asks for a longer pause is not asked again by this call. */
  readonly longestRetryAfterMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 5, firstDelayMs: 100, longestDelayMs: 5_000, longestRetryAfterMs: 30_000 };

/** For what is done again anyway. */
export const withoutRetries: RetryPolicy = { ...DEFAULT_RETRY, attempts: 1 };

/** Milliseconds until the next attempt, or null for none. `repeatable`: another attempt can do no harm. `random` from 0 to 1. */
export function retryDelay(
  policy: RetryPolicy,
  attempt: number,
  error: KubeError,
  repeatable: boolean,
  random: number,
): number | null {
  const passing = error.status === 0 || error.status === 429 || error.status >= 500;
  if (!passing || !repeatable || attempt >= policy.attempts) return null;
  const backoff = backoffDelay(policy.firstDelayMs, policy.longestDelayMs, attempt, random);
  if (error.retryAfterMs === undefined) return backoff;
  return error.retryAfterMs > policy.longestRetryAfterMs ? null : error.retryAfterMs + backoff * 0.5;
}

/** Doubling with jitter: between half and all of `first * 2^(attempt-1)`, at most `longest`. `random` from 0 to 1. */
export function backoffDelay(first: number, longest: number, attempt: number, random: number): number {
  const whole = Math.min(longest, first * 2 ** Math.min(attempt - 1, 40));
  return whole / 2 + (random * whole) / 2;
}
