import type { SourcePosition } from './position.ts';
import type { BinlogFile } from './server-facts.ts';

/**
 * Age in seconds at which a server deletes binlog files, from its variables; null where it does not by itself.
 * MySQL 8.0 and MariaDB 10.6 have both names; the one in seconds counts where it is not 0.
 */
export function expireSeconds(variables: ReadonlyMap<string, string>): number | null {
  const days = Number(variables.get('expire_logs_days') ?? 0);
  const seconds = Number(variables.get('binlog_expire_logs_seconds') ?? 0) || days * 86_400;
  const automatic = (variables.get('binlog_expire_logs_auto_purge') ?? 'ON') === 'ON';
  return seconds === 0 || !automatic ? null : seconds;
}

export interface RetentionFacts {
  readonly serverUuid: string;
  /** Oldest first. */
  readonly files: readonly BinlogFile[];
  readonly expireSeconds: number | null;
  /** The server's clock, seconds since 1970. */
  readonly now: number;
  /** When a file was begun, seconds since 1970; null when that cannot be told. */
  readonly begunAt: (journal: string) => Promise<number | null>;
}

/**
 * Least time in seconds until the server deletes what comes after a position; null where it deletes nothing by itself or the
 * position does not tell. A file's age counts from when the next one was begun; the one that is written is never deleted.
 */
export async function headroomSeconds(position: SourcePosition, facts: RetentionFacts): Promise<number | null> {
  const { files, now } = facts;
  const keeps = facts.expireSeconds;
  if (keeps === null) return null;
  const left = (since: number) => Math.max(0, Math.min(keeps, Math.round(keeps - (now - since))));
  if (position.serverUuid === facts.serverUuid && position.journal !== '') {
    const index = files.findIndex(({ journal }) => journal === position.journal);
    if (index === -1) return 0;
    const next = files[index + 1];
    if (next === undefined) return keeps;
    const begun = await facts.begunAt(next.journal);
    if (begun !== null) return left(begun);
  }
  return position.timestampMicros === 0 ? null : left(position.timestampMicros / 1e6);
}
