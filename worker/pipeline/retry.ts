import type { LockkeeperError } from '../../common/errors.ts';

export interface RetryState {
  /** Failures in a row. */
  readonly attempts: number;
}

export type RetryDecision =
  { readonly kind: 'retry'; readonly delayMs: number; readonly state: RetryState } | { readonly kind: 'suspend' };

const FIRST_DELAY_MS = 250;

/** A server that cannot be reached or written: its end is waited for. */
const OUTAGES: ReadonlySet<string> = new Set(['LK1102', 'LK1302', 'LK1304', 'LK1305']);

/**
 * Whether and when a failed pipeline is tried again: at once and then ever more slowly, with jitter so that pipelines of one
 * broken server do not return in step. A server that cannot be reached, is read-only or full is waited for without end: giving
 * up would only turn an outage into work for a person.
 */
export function nextAttempt(
  error: LockkeeperError,
  state: RetryState,
  policy: { readonly retries: number; readonly maxBackoffSeconds: number },
  random: () => number,
): RetryDecision {
  if (!error.retryable) return { kind: 'suspend' };
  if (!OUTAGES.has(error.code) && state.attempts >= policy.retries) return { kind: 'suspend' };
  const limit = Math.min(policy.maxBackoffSeconds * 1000, FIRST_DELAY_MS * 2 ** Math.min(state.attempts, 20));
  return { kind: 'retry', delayMs: limit / 2 + (limit / 2) * random(), state: { attempts: state.attempts + 1 } };
}
