import { LockkeeperError } from '../../common/errors.ts';
import { serverErrno } from '../../common/mysql-errors.ts';
import type { Flavor } from '../source/position.ts';
import type { TargetSession } from '../target/session.ts';

const MISSING_PRIVILEGE = 1227;

/**
 * Why row events cannot be replayed at this target at all, or null when they can. An empty BINLOG statement tells: the server
 * checks the privilege before it looks at the text. Throws LK1303 or LK1308 when `mode` demands Raw.
 */
export async function rawRefusal(session: TargetSession, source: Flavor, mode: 'Auto' | 'Raw' | 'Sql'): Promise<string | null> {
  if (mode === 'Sql') return 'apply.mode is Sql';
  if (session.flavor !== source) {
    const reason = `the source is ${source}, the target ${session.flavor}`;
    if (mode === 'Raw') throw new LockkeeperError('LK1308', `apply.mode Raw needs one family on both sides: ${reason}`);
    return reason;
  }
  try {
    await session.query("BINLOG ''");
  } catch (error) {
    if (serverErrno(error) !== MISSING_PRIVILEGE) return null;
    const grant = session.flavor === 'mysql' ? 'BINLOG_ADMIN or REPLICATION_APPLIER' : 'BINLOG REPLAY';
    if (mode === 'Raw') {
      throw new LockkeeperError('LK1303', `apply.mode Raw needs ${grant} at the target`, { cause: error });
    }
    return `the account has not ${grant} at the target`;
  }
  return null;
}
