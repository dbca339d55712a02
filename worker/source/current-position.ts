import { setTimeout as delay } from 'node:timers/promises';
import { LockkeeperError } from '../../common/errors.ts';
import { errnoBehind } from '../../common/mysql-errors.ts';
import type { Row, SourceSession } from './endpoint.ts';
import type { SourcePosition } from './position.ts';
import { readServerFacts, type ServerFacts } from './server-facts.ts';

const ER_PARSE_ERROR = 1064;

/**
 * The end of the server's binlog: everything committed is before it, so the timestamp is the server's time now.
 * Rejects with LK1104 when the binlog is off.
 */
export async function currentPosition(session: SourceSession): Promise<SourcePosition> {
  const facts = await readServerFacts(session);
  const status = await binlogStatus(session, facts);
  const journal = status?.['File'] ?? '';
  if (journal === '') throw new LockkeeperError('LK1104', `the binlog of source ${session.server} is off`);
  const offset = Number(status?.['Position']);
  const now = await serverMicros(session);
  return {
    ...nowhere(facts),
    gtid: await gtidAt(session, facts, journal, offset, status),
    journal,
    offset,
    timestampMicros: now,
  };
}

const XA_LOOKS = 40;
const XA_LOOK_MS = 50;
/** How MySQL refuses XA RECOVER to an account without XA_RECOVER_ADMIN. */
const ER_XAER_RMERR = 1401;

/**
 * Like `currentPosition`, at a moment when no XA transaction is prepared, if one comes within two seconds: of one that was
 * prepared before the position and is committed behind it, the stream would bring the verdict without the rows (LK1408).
 */
export async function startingPosition(session: SourceSession): Promise<SourcePosition> {
  for (let look = 1; ; look++) {
    const position = await currentPosition(session);
    if (look === XA_LOOKS || !(await hasPreparedXa(session))) return position;
    await delay(XA_LOOK_MS);
  }
}

/** False also when the account may not know. */
async function hasPreparedXa(session: SourceSession): Promise<boolean> {
  try {
    return (await session.query('XA RECOVER')).length > 0;
  } catch (error) {
    if (errnoBehind(error) !== ER_XAER_RMERR) throw error;
    return false;
  }
}

/** MySQL 8.2 renamed the statement, 8.4 dropped the old name. */
async function binlogStatus(session: SourceSession, facts: ServerFacts): Promise<Row | undefined> {
  if (facts.flavor === 'mysql') {
    try {
      return (await session.query('SHOW BINARY LOG STATUS'))[0];
    } catch (error) {
      if (errnoBehind(error) !== ER_PARSE_ERROR) throw error;
    }
  }
  return (await session.query('SHOW MASTER STATUS'))[0];
}

async function gtidAt(
  session: SourceSession,
  facts: ServerFacts,
  journal: string,
  offset: number,
  status: Row | undefined,
): Promise<string | null> {
  if (!facts.gtid) return null;
  if (facts.flavor === 'mysql') return (status?.['Executed_Gtid_Set'] ?? '').replace(/\s/g, '');
  const { pos } = await session.row(`SELECT BINLOG_GTID_POS(${quoted(journal)}, ${offset}) AS pos`);
  return pos ?? '';
}

/** The server's clock, microseconds since 1970. */
export async function serverMicros(session: SourceSession): Promise<number> {
  const { now } = await session.row('SELECT UNIX_TIMESTAMP(NOW(6)) AS now');
  return Math.round(Number(now) * 1e6);
}

/** No place in the server's binlog yet. */
export function nowhere(facts: ServerFacts): SourcePosition {
  return { flavor: facts.flavor, serverUuid: facts.serverUuid, gtid: null, journal: '', offset: 0, timestampMicros: 0 };
}

/** A string literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
