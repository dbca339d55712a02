import { LockkeeperError } from '../../common/errors.ts';
import { beginOfFile, type ScanSource } from './binlog-scan.ts';
import { nowhere } from './current-position.ts';
import type { SourceSession } from './endpoint.ts';
import { fileNumber } from './position-check.ts';
import { gtidBefore, listBinlogFiles, readServerFacts } from './server-facts.ts';

/** How far back a source's binlog goes, and what shortens it. */
export interface BinlogRetention {
  readonly oldestJournal: string;
  /** When that file was begun, milliseconds since 1970; null when it does not say. */
  readonly oldestBegunAt: number | null;
  /** Whether there were files before it; false while the server still has its whole history. */
  readonly purged: boolean;
  /** Age at which the source deletes a file by itself; null when it never does. */
  readonly expireSeconds: number | null;
}

const SETTINGS = ['binlog_expire_logs_seconds', 'expire_logs_days', 'binlog_expire_logs_auto_purge'];

/**
 * Asks a source how long it keeps its binlog. `known` is what was found before: a file is looked into only once.
 * Rejects with LK1104 or an access error.
 */
export async function readRetention(
  session: SourceSession,
  source: Omit<ScanSource, 'serverId'>,
  known: BinlogRetention | null = null,
): Promise<BinlogRetention> {
  const facts = await readServerFacts(session);
  const rows = await session.query(`SHOW GLOBAL VARIABLES WHERE Variable_name IN ('${SETTINGS.join("','")}')`);
  const expires = expireSeconds(new Map(rows.map((row) => [row['Variable_name'] ?? '', row['Value'] ?? ''])));
  const [oldest] = await listBinlogFiles(session);
  if (oldest === undefined) throw new LockkeeperError('LK1104', `the binlog of source ${session.server} is off`);
  const { journal } = oldest;
  if (known?.oldestJournal === journal) return { ...known, expireSeconds: expires };
  // As mysqlbinlog does, without a replica's id: under the pipeline's own the source would end the pipeline's dump.
  const begun = await beginOfFile({ ...source, serverId: 0 }, { ...nowhere(facts), journal, offset: 4 });
  const before = facts.gtid ? await gtidBefore(session, facts.flavor, journal) : null;
  return {
    oldestJournal: journal,
    oldestBegunAt: begun === null ? null : begun * 1000,
    purged: fileNumber(journal) > 1 && before !== '',
    expireSeconds: expires,
  };
}

/** Age at which a server with these global variables deletes a binlog file; null when it never does. */
export function expireSeconds(variables: ReadonlyMap<string, string>): number | null {
  const days = Number(variables.get('expire_logs_days') ?? 0);
  const seconds = Number(variables.get('binlog_expire_logs_seconds') ?? 0) || days * 86_400;
  const automatic = (variables.get('binlog_expire_logs_auto_purge') ?? 'ON') === 'ON';
  return seconds > 0 && automatic ? seconds : null;
}

/**
 * Seconds by which a pipeline is ahead of the deletion of what it still needs; null where nothing is ever deleted. `reached`: the
 * commit time up to which it has everything, `now` when it has all. Both milliseconds since 1970.
 *
 * Two things bound it: what the source will delete by age, and what it did delete, by age or by hand.
 */
export function headroomSeconds(retention: BinlogRetention, reached: number, now: number): number | null {
  const { oldestBegunAt, purged } = retention;
  const bounds: number[] = [];
  if (retention.expireSeconds !== null) bounds.push(retention.expireSeconds - (now - reached) / 1000);
  if (purged && oldestBegunAt !== null) bounds.push((reached - oldestBegunAt) / 1000);
  return bounds.length === 0 ? null : Math.min(...bounds);
}
