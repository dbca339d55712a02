/** What the loop saw lately. */
export interface JoinState {
  /** Duration of the last target transaction, milliseconds. */
  readonly commitMs: number;
  /** Items that came with the last look into the queue. */
  readonly arrivals: number;
}

/** A timer waits no shorter than this, so a shorter delay would become a long one beside the commit. */
const SHORTEST_MS = 1;

/**
 * How long a batch that is not full is held back for more transactions, milliseconds.
 *
 * A lone transaction is never delayed. While several come per commit, waiting for a part of a commit's duration lets one
 * flush serve more of them, at a delay that is small beside the commit itself.
 */
export function joinDelay(state: JoinState, maxDelayMs: number): number {
  if (state.arrivals < 2) return 0;
  const delay = Math.min(maxDelayMs, state.commitMs / 4);
  return delay < SHORTEST_MS ? 0 : delay;
}
