import { createHash } from 'node:crypto';
import { openAcl, zkPerms, type ZkAcl } from '../../common/zookeeper/acl.ts';
import { rootPath } from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';

/** Anybody may use the rest of the tree as before, but nobody may lock others out of it. */
const openTopAcl: readonly ZkAcl[] = [{ ...openAcl[0]!, perms: zkPerms.all & ~zkPerms.admin }];

/**
 * Gives everything under /lockkeeper this access list and no other; answers whether anything had to be done.
 *
 * From the top down, each node before its children are listed, so that no open node can be made behind our back. The root's data
 * says which list was given to all: it is written last, so a walk that was cut off is done again.
 * @throws ZkError, not-allowed unless the session is the super user's
 */
export async function secureRoot(session: ZkSession, acl: readonly ZkAcl[]): Promise<boolean> {
  if (await isRootSecured(session, acl)) return false;
  await session.create(rootPath, '', { acl }).catch(unless('node-exists'));
  // Only a list that nobody has ever set is ours to change.
  await session.setAcl('/', openTopAcl, 0).catch(unless('bad-version'));
  await giveTo(session, rootPath, acl);
  await session.set(rootPath, sealOf(acl));
  return true;
}

/** @throws ZkError */
export async function isRootSecured(session: ZkSession, acl: readonly ZkAcl[]): Promise<boolean> {
  try {
    const { data } = await session.get(rootPath);
    return data.toString() === sealOf(acl);
  } catch (error) {
    if (isZkError(error, 'no-node', 'not-allowed')) return false;
    throw error;
  }
}

/** A write that changes nothing, which a quorum has accepted when this resolves. */
export async function writeBarrier(session: ZkSession): Promise<void> {
  const { data } = await session.get(rootPath);
  await session.set(rootPath, data);
}

async function giveTo(session: ZkSession, path: string, acl: readonly ZkAcl[]): Promise<void> {
  try {
    await session.setAcl(path, acl);
    for (const name of await session.children(path)) await giveTo(session, `${path}/${name}`, acl);
  } catch (error) {
    unless('no-node')(error);
  }
}

function sealOf(acl: readonly ZkAcl[]): string {
  return `access list ${createHash('sha256').update(JSON.stringify(acl)).digest('hex').slice(0, 16)}`;
}

function unless(reason: 'no-node' | 'node-exists' | 'bad-version'): (error: unknown) => void {
  return (error) => {
    if (!isZkError(error, reason)) throw error;
  };
}
