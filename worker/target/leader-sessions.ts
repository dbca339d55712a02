import { LockkeeperError } from '../../common/errors.ts';
import { holdersOf, killConnection, lockName, tryLock } from './named-lock.ts';
import type { SqlRunner } from './session.ts';

/** More sessions than the lanes and the parallel chunks of a first copy may have together. */
const PLACES = 160;
const POLL_MS = 50;

export interface EvictionOptions {
  /** How long the end of what the former leader's sessions were doing is waited for: undoing it takes as long as doing it. */
  readonly timeoutMs?: number;
  readonly sleep?: (milliseconds: number) => Promise<unknown>;
  readonly now?: () => number;
}

export interface Eviction {
  readonly ended: readonly number[];
  /** Sessions of another account that ours may not end. The epoch keeps them from writing, but what they locked stays locked. */
  readonly refused: readonly number[];
}

/**
 * Makes a session known as one of its pipeline's leader, by a lock that ends with it. A leader that is frozen, or whose machine
 * lost its network, leaves transactions open at the target, and with them locks on rows; the server would keep them for hours.
 * Its successor finds these sessions by the locks.
 */
export async function markLeaderSession(runner: SqlRunner, pipeline: string): Promise<void> {
  for (let place = 0; place < PLACES; place++) if (await tryLock(runner, placeName(pipeline, place))) return;
  throw new LockkeeperError(
    'LK1404',
    `${PLACES} sessions of ${pipeline} are open at the target; those of former leaders must end first`,
  );
}

/** Ends the sessions of former leaders, and waits until the server has undone what they had not committed. To be called after the epoch was raised. */
export async function evictFormerSessions(runner: SqlRunner, pipeline: string, options: EvictionOptions = {}): Promise<Eviction> {
  const { timeoutMs = 60_000, now = () => performance.now() } = options;
  const sleep = options.sleep ?? ((milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)));
  const names = Array.from({ length: PLACES }, (_, place) => placeName(pipeline, place));
  const deadline = now() + timeoutMs;
  const ended = new Set<number>();
  const refused = new Set<number>();
  for (;;) {
    const holders = (await holdersOf(runner, names)).filter((holder) => !refused.has(holder));
    if (holders.length === 0 || now() >= deadline) return { ended: [...ended], refused: [...refused] };
    for (const holder of holders) {
      if (ended.has(holder)) continue;
      const answer = await killConnection(runner, holder);
      (answer === 'refused' ? refused : ended).add(holder);
    }
    await sleep(POLL_MS);
  }
}

function placeName(pipeline: string, place: number): string {
  return lockName(pipeline, `:${place}`);
}
