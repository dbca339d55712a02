/** What the loop saw lately. */
export interface JoinState {
  /** Duration of the last target transaction, milliseconds. */
  readonly commitMs: number;
  /** Items that came with the last look into the queue. */
  readonly arrivals: number;
}

/**
 * How long a batch that is not full is held back for more transactions, milliseconds.
 *
 * A lone transaction is never delayed. While several come per commit, waiting for a part of a commit's duration lets one
 * flush serve more of them, at a delay that is small beside the commit itself.
 */
export function joinDelay(state: JoinState, maxDelayMs: number): number {
  if (state.arrivals < 2) return 0;
  return Math.min(maxDelayMs, state.commitMs / 4);
}
