import type { ZkSession } from './session.ts';
import { isZkError } from './zk-error.ts';

/** The text of a znode; null where it does not exist. @throws ZkError */
export async function readZnode(session: ZkSession, path: string): Promise<string | null> {
  try {
    return (await session.get(path)).data.toString();
  } catch (error) {
    if (isZkError(error, 'no-node')) return null;
    throw error;
  }
}

/** Names of a znode's children, in no particular order; none where it does not exist. @throws ZkError */
export async function childrenOf(session: ZkSession, path: string): Promise<string[]> {
  try {
    return await session.children(path);
  } catch (error) {
    if (isZkError(error, 'no-node')) return [];
    throw error;
  }
}

/**
 * Makes a znode hold a text, with all nodes above it: created complete, so that no watcher ever sees it empty, or replaced
 * unless it holds the same already. Of several writers at once each sees what it replaces. Once `signal` has aborted it writes no
 * text any more, however long it has waited for a connection. @throws ZkError, or the signal's reason
 */
export async function writeZnode(
  session: ZkSession,
  path: string,
  text: string,
  signal?: AbortSignal,
): Promise<'written' | 'unchanged'> {
  await session.ensurePath(parentOf(path));
  for (;;) {
    try {
      const { data, stat } = await session.get(path);
      await session.adopt(path, stat);
      if (data.toString() === text) return 'unchanged';
      signal?.throwIfAborted();
      await session.set(path, text, stat.version);
      return 'written';
    } catch (error) {
      if (isZkError(error, 'bad-version')) continue;
      if (!isZkError(error, 'no-node')) throw error;
    }
    try {
      signal?.throwIfAborted();
      await session.create(path, text);
      return 'written';
    } catch (error) {
      if (!isZkError(error, 'node-exists')) throw error;
    }
  }
}

/**
 * Overwrites or creates a znode below a parent that must exist: for reports, whose late writers must not bring back what was
 * removed. @throws ZkError, `no-node` without the parent
 */
export async function reportZnode(session: ZkSession, path: string, text: string): Promise<void> {
  try {
    await session.adopt(path, await session.set(path, text));
  } catch (error) {
    if (!isZkError(error, 'no-node')) throw error;
    await session.create(path, text);
  }
}

/**
 * Deletes znodes in the order given, children before parents; those that are gone already do not matter. False where one
 * still has children, such as the ephemeral nodes of workers that are about to leave: call it again. @throws ZkError
 */
export async function removeZnodes(session: ZkSession, paths: readonly string[]): Promise<boolean> {
  try {
    for (const path of paths) await session.deleteSurely(path);
    return true;
  } catch (error) {
    if (isZkError(error, 'not-empty')) return false;
    throw error;
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
