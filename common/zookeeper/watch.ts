import { setTimeout as sleep } from 'node:timers/promises';
import type { ZkSession, ZkStat } from './session.ts';
import { isZkError } from './zk-error.ts';

export interface ZkValue {
  readonly data: Buffer;
  readonly stat: ZkStat;
}

/**
 * Delivers a znode's data, null while it is absent, now and after each change, until `signal` aborts or the session ends.
 * Changes in quick succession may be delivered as one.
 *
 * @throws ZkError LK1705 where reading is not allowed, and whatever `deliver` throws
 */
export function watchData(
  session: ZkSession,
  path: string,
  deliver: (value: ZkValue | null) => void,
  signal: AbortSignal,
): Promise<void> {
  const read = async (): Promise<ZkValue | null> => {
    for (;;) {
      try {
        return await session.get(path, { watch: true });
      } catch (error) {
        if (!isZkError(error, 'no-node')) throw error;
      }
      // A failed get leaves no watch.
      if ((await session.exists(path, { watch: true })) === null) return null;
    }
  };
  return follow(session, path, read, deliver, signal);
}

/** Delivers the names of a znode's children, sorted; null while it is absent. Otherwise as `watchData`. */
export function watchChildren(
  session: ZkSession,
  path: string,
  deliver: (names: string[] | null) => void,
  signal: AbortSignal,
): Promise<void> {
  const read = async (): Promise<string[] | null> => {
    for (;;) {
      try {
        return (await session.children(path, { watch: true })).sort();
      } catch (error) {
        if (!isZkError(error, 'no-node')) throw error;
      }
      if ((await session.exists(path, { watch: true })) === null) return null;
    }
  };
  return follow(session, path, read, deliver, signal);
}

/** Each round waits before it reads: a watch can fire before the read that set it is answered. */
async function follow<T>(
  session: ZkSession,
  path: string,
  read: () => Promise<T>,
  deliver: (value: T) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && !session.ended) {
    const round = new AbortController();
    try {
      const changed = session.whenChanged(path, AbortSignal.any([signal, round.signal]));
      const value = await read();
      if (signal.aborted) return;
      deliver(value);
      await changed;
    } catch (error) {
      if (signal.aborted || session.ended) return;
      if (!isZkError(error, 'connection-loss')) throw error;
      await sleep(100);
    } finally {
      round.abort();
    }
  }
}
