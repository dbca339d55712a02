import type { RowDataPacket } from 'mysql2';
import type { LockkeeperError } from '../../common/errors.ts';
import type { TargetSession } from '../target/session.ts';
import { findingError } from '../target/table-findings.ts';
import type { TableMetadata } from '../target/table-metadata.ts';
import { historyFault } from '../target/versioning.ts';
import type { SourceReader } from './source-reader.ts';

/** From this version on MariaDB's times end in 2106, and so do rows of the present; before that in 2038. */
const LONG_TIMES = [11, 5];

/**
 * Why the history of versioned tables cannot be copied into the target and followed there; null when it can.
 * `rawRefused`: why row events cannot be replayed at the target, or null.
 */
export async function historyRefusal(
  source: SourceReader,
  target: TargetSession,
  rawRefused: string | null,
): Promise<string | null> {
  if (rawRefused !== null) return `rows cannot be replayed: ${rawRefused}`;
  const rows = await target.query<RowDataPacket[]>("SHOW VARIABLES LIKE 'system_versioning_insert_history'");
  if (rows.length === 0) return `the target (${target.version}) takes no rows of the past`;
  const [[version]] = (await source.values('SELECT VERSION()')) as [[Buffer]];
  if (hasLongTimes(version.toString()) !== hasLongTimes(target.version)) {
    return `the times of the source (${version.toString()}) and of the target (${target.version}) do not end alike`;
  }
  return null;
}

function hasLongTimes(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major > LONG_TIMES[0]! || (major === LONG_TIMES[0] && minor >= LONG_TIMES[1]!);
}

/** What stands against copying a versioned table where its target table is this one; null when nothing does. */
export function historyError(
  name: string,
  source: TableMetadata,
  target: TableMetadata | undefined,
  refusal: string | null,
): LockkeeperError | null {
  if (source.versioning === null) return null;
  const found =
    refusal ??
    (source.versioning.byTransaction
      ? 'its versions are numbered by transactions of the source'
      : target !== undefined && target.versioning?.declared !== source.versioning.declared
        ? 'the target’s table is not WITH SYSTEM VERSIONING, or names other columns for it'
        : null);
  return found === null ? null : findingError(historyFault(name, found), name);
}
