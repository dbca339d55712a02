import { LockkeeperError } from '../../common/errors.ts';
import type { SourceSession } from './endpoint.ts';
import type { SourcePosition } from './position.ts';
import { gtidBefore, listBinlogFiles, readServerFacts, type ServerFacts } from './server-facts.ts';

/** That a server can go on from a position, and how it is to be asked. */
export interface ResumePoint {
  readonly facts: ServerFacts;
  readonly byGtid: boolean;
}

/**
 * Proves that the server still has everything after `position` and had everything before it.
 *
 * Rejects with LK1109 when the server has deleted what comes next, with LK1110 when it does not know what came before
 * (restored, reset, another server), with LK1104 when its binlog is off. A null answer says that only the server differs and the
 * position has no GTID to tell where to go on: time is all that is left to go by.
 */
export async function checkPosition(session: SourceSession, position: SourcePosition): Promise<ResumePoint | null> {
  const facts = await readServerFacts(session);
  if (facts.flavor !== position.flavor) {
    throw diverged(session, `it is ${facts.version}, the position was written by ${position.flavor}`, { position });
  }
  if (position.gtid !== null && facts.gtid) {
    if (facts.flavor === 'mysql') await checkMysqlGtids(session, facts, position, position.gtid);
    else await checkMariadbGtids(session, position, position.gtid);
    return { facts, byGtid: true };
  }
  if (facts.serverUuid !== position.serverUuid || position.journal === '') {
    if (position.gtid === null) return null;
    throw new LockkeeperError('LK1113', `the position has GTIDs, but gtid_mode of source ${session.server} is not ON`, {
      details: { server: session.server, position },
    });
  }
  await checkFile(session, position);
  return { facts, byGtid: false };
}

async function checkMysqlGtids(
  session: SourceSession,
  facts: ServerFacts,
  position: SourcePosition,
  gtid: string,
): Promise<void> {
  if (!/^[\w:,-]*$/.test(gtid)) throw diverged(session, 'the stored GTID set is no GTID set', { gtid: gtid.slice(0, 200) });
  // The server sends a transaction before it counts as executed (semi-sync may hold it for seconds); until then it is owned.
  // Owned is read first: what leaves it before executed is read has arrived there.
  const { owned } = await session.row('SELECT @@GLOBAL.gtid_owned AS owned');
  const pending = compact(owned).replace(/#\d+/g, '');
  const row = await session.row(
    `SELECT GTID_SUBTRACT(GTID_SUBTRACT('${gtid}', '${pending}'), @@GLOBAL.gtid_executed) AS errant, GTID_SUBTRACT(@@GLOBAL.gtid_purged, '${gtid}') AS missing`,
  );
  const errant = compact(row['errant']);
  const missing = compact(row['missing']);
  if (errant !== '') {
    const own = errant.includes(facts.serverUuid) || facts.serverUuid === position.serverUuid;
    const why = own ? 'it has lost transactions that it had' : 'it never had these transactions, or does not have them yet';
    throw diverged(session, `${why}: ${shortened(errant)}`, { errant, serverUuid: facts.serverUuid });
  }
  if (missing !== '') throw purged(session, `transactions ${shortened(missing)}`, { missing });
}

/**
 * MariaDB's position names the last transaction per domain: the server must have seen each, and its oldest file must not
 * begin after one.
 */
async function checkMariadbGtids(session: SourceSession, position: SourcePosition, gtid: string): Promise<void> {
  const row = await session.row('SELECT @@GLOBAL.gtid_binlog_state AS state, @@GLOBAL.gtid_slave_pos AS applied');
  const known = [...gtidsOf(row['state'] ?? ''), ...gtidsOf(row['applied'] ?? '')];
  const ours = gtidsOf(gtid);
  const errant = ours.filter(
    ({ domain, server, sequence }) => !known.some((k) => k.domain === domain && k.server === server && k.sequence >= sequence),
  );
  if (errant.length > 0) {
    const text = errant.map((g) => g.text).join(',');
    throw diverged(session, `it never had these transactions, has lost them, or does not have them yet: ${shortened(text)}`, {
      errant: text,
      serverUuid: position.serverUuid,
    });
  }
  const [oldest] = await listBinlogFiles(session);
  if (oldest === undefined) throw binlogOff(session);
  const begin = gtidsOf(await gtidBefore(session, 'mariadb', oldest.journal));
  const missing = begin.filter(({ domain, sequence }) => !ours.some((o) => o.domain === domain && o.sequence >= sequence));
  if (missing.length > 0) {
    const text = missing.map((g) => g.text).join(',');
    throw purged(session, `transactions up to ${shortened(text)}`, { missing: text, oldest: oldest.journal });
  }
}

async function checkFile(session: SourceSession, { journal, offset }: SourcePosition): Promise<void> {
  const files = await listBinlogFiles(session);
  const [oldest] = files;
  if (oldest === undefined) throw binlogOff(session);
  const file = files.find((candidate) => candidate.journal === journal);
  if (file === undefined) {
    const details = { journal, offset, oldest: oldest.journal, newest: files.at(-1)!.journal };
    if (fileNumber(journal) < fileNumber(oldest.journal))
      throw purged(session, `file ${journal}, the oldest left is ${oldest.journal}`, details);
    throw diverged(session, `it has no file ${journal}, the newest is ${details.newest}`, details);
  }
  if (offset > file.size) {
    throw diverged(session, `${journal} has ${file.size} bytes, the position is at ${offset}`, {
      journal,
      offset,
      size: file.size,
    });
  }
}

/** The number at the end of a binlog file's name. */
export function fileNumber(journal: string): number {
  return Number(/\d+$/.exec(journal)?.[0] ?? 0);
}

function gtidsOf(text: string): { text: string; domain: string; server: string; sequence: bigint }[] {
  const found = [];
  for (const gtid of text.split(',')) {
    const [domain, server, sequence] = gtid.trim().split('-');
    if (domain !== undefined && server !== undefined && /^\d+$/.test(sequence ?? '')) {
      found.push({ text: gtid.trim(), domain, server, sequence: BigInt(sequence!) });
    }
  }
  return found;
}

function diverged(session: SourceSession, why: string, details: Record<string, unknown>): LockkeeperError {
  return new LockkeeperError('LK1110', `source ${session.server} does not hold the stored position: ${why}`, {
    found: why,
    details: { server: session.server, ...details },
  });
}

function purged(session: SourceSession, what: string, details: Record<string, unknown>): LockkeeperError {
  return new LockkeeperError('LK1109', `source ${session.server} has purged what comes after the stored position: ${what}`, {
    found: what,
    details: { server: session.server, ...details },
  });
}

function binlogOff(session: SourceSession): LockkeeperError {
  return new LockkeeperError('LK1104', `the binlog of source ${session.server} is off`, { details: { server: session.server } });
}

function compact(gtids: string | null | undefined): string {
  return (gtids ?? '').replace(/\s/g, '');
}

function shortened(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}
