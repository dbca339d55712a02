import type { StartPoint } from '../../crds/canal-instance.ts';
import { LockkeeperError } from '../../common/errors.ts';
import { beginOfFile, walkBinlog, type ScanSource } from './binlog-scan.ts';
import { nowhere, quoted, serverMicros, startingPosition } from './current-position.ts';
import type { SourceSession } from './endpoint.ts';
import { EventType } from './event-types.ts';
import { eventEndPosition, eventType } from './event-header.ts';
import type { SourcePosition } from './position.ts';
import { gtidBefore, listBinlogFiles, readServerFacts, type BinlogFile, type ServerFacts } from './server-facts.ts';
import type { StreamItem } from './stream-item.ts';

/** First byte after the magic number of a binlog file. */
export const FIRST_OFFSET = 4;

/**
 * The point at which a pipeline without a stored position begins.
 * Rejects with LK1003 (a start that this server cannot have), LK1104, LK1109, LK1113, LK1114, or an access error.
 */
export async function resolveStart(session: SourceSession, source: ScanSource, start: StartPoint): Promise<SourcePosition> {
  switch (start.kind) {
    case 'latest':
      return startingPosition(session);
    case 'journal':
      return startAtJournal(session, source, start.name, start.position);
    case 'timestamp':
      return startAtTime(session, source, start.at.getTime() * 1000);
    case 'gtid':
      return startAfterGtids(session, start.gtid);
    default:
      return start satisfies never;
  }
}

/** A file and offset that a person gave: looked at from the file's begin, since only a boundary between transactions is a start. */
async function startAtJournal(
  session: SourceSession,
  source: ScanSource,
  journal: string,
  offset: number,
): Promise<SourcePosition> {
  const facts = await readServerFacts(session);
  const files = await existingFiles(session);
  const file = files.find((candidate) => candidate.journal === journal);
  if (file === undefined) {
    throw new LockkeeperError('LK1003', `spec.start.journal.name: source ${session.server} has no binlog file ${journal}`, {
      found: journal,
      remedy: `Give a file of SHOW BINARY LOGS: ${files[0]!.journal} to ${files.at(-1)!.journal}.`,
      details: { field: 'spec.start.journal.name' },
    });
  }
  if (offset > file.size) throw notABoundary(session, journal, offset, `the file has ${file.size} bytes`);
  const begin = await beginningOf(session, facts, journal);
  if (offset === FIRST_OFFSET) return begin;
  let last = FIRST_OFFSET;
  let found = false;
  const { position } = await walkBinlog(source, begin, (event, items) => {
    const end = eventEndPosition(event);
    if (items.length > 0 || betweenTransactions.has(eventType(event))) last = end > 0 ? end : last;
    found = last === offset;
    return found || end > offset;
  });
  if (!found) throw notABoundary(session, journal, offset, `the last boundary before it is ${position.offset}`);
  return { ...position, journal, offset };
}

/** Events that stand between transactions; the end of any other is a boundary only when it completes one. */
const betweenTransactions = new Set<number>([
  EventType.FORMAT_DESCRIPTION,
  EventType.ROTATE,
  EventType.STOP,
  EventType.PREVIOUS_GTIDS,
  EventType.MARIADB_GTID_LIST,
  EventType.MARIADB_BINLOG_CHECKPOINT,
  EventType.MARIADB_START_ENCRYPTION,
]);

function notABoundary(session: SourceSession, journal: string, offset: number, why: string): LockkeeperError {
  const text = `spec.start.journal.position: ${offset} is not between two transactions of ${journal} at ${session.server}`;
  return new LockkeeperError('LK1003', text, {
    found: `${journal}:${offset}; ${why}`,
    remedy:
      'Give a position as SHOW BINARY LOG STATUS (MariaDB: SHOW MASTER STATUS) or mysqlbinlog print it, or 4 for the begin of the file.',
    details: { field: 'spec.start.journal.position' },
  });
}

/**
 * The first transaction whose (original) commit time is `micros` or later; the end of the log when there is none yet.
 * Rejects with LK1114 when `micros` is in the future or before the oldest binlog.
 */
async function startAtTime(session: SourceSession, source: ScanSource, micros: number): Promise<SourcePosition> {
  const facts = await readServerFacts(session);
  const asked = new Date(micros / 1000).toISOString();
  if (micros > (await serverMicros(session)))
    throw new LockkeeperError('LK1114', `the start ${asked} is in the future`, { found: asked });
  const files = await existingFiles(session);
  const index = await lastFileBegunBefore(source, facts, files, Math.floor(micros / 1e6));
  const begin = await beginningOf(session, facts, files[Math.max(index, 0)]!.journal);
  // Before the oldest file lies nothing if that one is the first of the server's history.
  if (index < 0 && begin.gtid !== '') {
    const text = `source ${session.server} has no binlog of ${asked}: its oldest file ${files[0]!.journal} began later`;
    throw new LockkeeperError('LK1114', text, { found: asked, details: { oldest: files[0]!.journal } });
  }
  // MariaDB logs whole seconds: what it committed later within the second must not be passed over.
  const wanted = facts.flavor === 'mariadb' ? Math.floor(micros / 1e6) * 1e6 : micros;
  let target = begin;
  const { stopped, position } = await walkBinlog(source, begin, (_event, items, before) => {
    target = before;
    return items.some((item) => commitMicrosOf(item) >= wanted);
  });
  return stopped ? target : position;
}

function commitMicrosOf(item: StreamItem): number {
  return item.kind === 'heartbeat' || item.kind === 'restart' ? 0 : item.head.commitMicros;
}

/** Index of the last file begun before `seconds`, by bisection; -1 when all are younger. Begin times never go back. */
export async function lastFileBegunBefore(
  source: ScanSource,
  facts: ServerFacts,
  files: readonly BinlogFile[],
  seconds: number,
): Promise<number> {
  let low = 0;
  let high = files.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const begun = await beginOfFile(source, { ...nowhere(facts), journal: files[middle]!.journal, offset: FIRST_OFFSET });
    if (begun !== null && begun >= seconds) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}

/** After the transactions of a set that a person gave. The server finds the file when it is asked for the dump. */
async function startAfterGtids(session: SourceSession, gtid: string): Promise<SourcePosition> {
  const facts = await readServerFacts(session);
  if (!facts.gtid) {
    throw new LockkeeperError('LK1113', `spec.start.gtid is set, but gtid_mode of source ${session.server} is not ON`);
  }
  if (gtid.includes(':') !== (facts.flavor === 'mysql')) {
    const remedy = facts.flavor === 'mysql' ? 'Give a GTID set such as 3e11fa47-...:1-77.' : 'Give a position such as 0-1-270.';
    throw new LockkeeperError('LK1003', `spec.start.gtid is not in the format of source ${session.server} (${facts.version})`, {
      found: gtid.slice(0, 100),
      remedy,
      details: { field: 'spec.start.gtid' },
    });
  }
  if (facts.flavor === 'mariadb') return { ...nowhere(facts), gtid };
  const { normal } = await session.row(`SELECT GTID_SUBTRACT(${quoted(gtid)}, '') AS normal`);
  return { ...nowhere(facts), gtid: (normal ?? '').replace(/\s/g, '') };
}

async function beginningOf(session: SourceSession, facts: ServerFacts, journal: string): Promise<SourcePosition> {
  const gtid = facts.gtid ? await gtidBefore(session, facts.flavor, journal) : null;
  return { ...nowhere(facts), gtid, journal, offset: FIRST_OFFSET };
}

/** Rejects with LK1104 when there are none. */
export async function existingFiles(session: SourceSession): Promise<readonly BinlogFile[]> {
  const files = await listBinlogFiles(session);
  if (files.length === 0) throw new LockkeeperError('LK1104', `the binlog of source ${session.server} is off`);
  return files;
}
