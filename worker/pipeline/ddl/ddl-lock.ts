import { LockkeeperError } from '../../../common/errors.ts';
import { holdersOf, killConnection, lockName, tryLock } from '../../target/named-lock.ts';
import { quote, type SqlRunner } from '../../target/session.ts';

/**
 * The name of the lock that the connection holds which runs a pipeline's DDL. The epoch keeps former leaders from writing
 * rows; DDL commits by itself and cannot carry that check, so a new leader ends the connection that holds this lock.
 */
export function ddlLockName(pipeline: string): string {
  return lockName(pipeline);
}

/** Takes the lock if nobody has it. */
export function tryDdlLock(runner: SqlRunner, pipeline: string): Promise<boolean> {
  return tryLock(runner, ddlLockName(pipeline));
}

export async function releaseDdlLock(runner: SqlRunner, pipeline: string): Promise<void> {
  await runner.query(`DO RELEASE_LOCK(${quote(ddlLockName(pipeline))})`);
}

export interface EvictOptions {
  /** How long the end of the former leader's statement is waited for: undoing a large ALTER TABLE takes time. */
  readonly timeoutMs?: number;
  readonly sleep?: (milliseconds: number) => Promise<void>;
  readonly now?: () => number;
}

const POLL_MS = 100;

/**
 * Ends the connection of a former leader that is in the midst of DDL and waits until the server has finished or undone its
 * statement. To be called after the epoch was raised: then nobody of an older one gets the lock and beyond its first check.
 * @returns the connection id that was ended, or null when there was none
 * @throws LockkeeperError LK1404 (retryable) when it has not ended in time, LK1303 when the account may not end it
 */
export async function evictDdlHolder(runner: SqlRunner, pipeline: string, options: EvictOptions = {}): Promise<number | null> {
  const { timeoutMs = 60_000, now = () => performance.now() } = options;
  const sleep = options.sleep ?? ((milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)));
  const deadline = now() + timeoutMs;
  let evicted: number | null = null;
  for (;;) {
    const [holder] = await holdersOf(runner, [ddlLockName(pipeline)]);
    if (holder === undefined) return evicted;
    if (now() >= deadline) {
      throw new LockkeeperError(
        'LK1404',
        `DDL of the former leader of ${pipeline} still runs at the target (connection ${holder})`,
        {
          remedy: `It was told to stop and is being undone, which takes as long as it ran; see SHOW PROCESSLIST for connection ${holder}. The pipeline goes on by itself afterwards.`,
          details: { pipeline, connection: holder },
        },
      );
    }
    if (holder !== evicted) await kill(runner, pipeline, holder);
    evicted = holder;
    await sleep(POLL_MS);
  }
}

async function kill(runner: SqlRunner, pipeline: string, connection: number): Promise<void> {
  if ((await killConnection(runner, connection)) !== 'refused') return;
  throw new LockkeeperError('LK1303', `connection ${connection} holds the DDL lock of ${pipeline} and may not be ended`, {
    remedy: `The former leader used another account. KILL ${connection} at the target, or grant CONNECTION_ADMIN (MariaDB: CONNECTION ADMIN) to the account.`,
    details: { pipeline, connection },
  });
}
