import { errnoBehind } from '../../common/mysql-errors.ts';
import type { Flavor } from './position.ts';
import type { Row, SourceSession } from './endpoint.ts';

/** Who a server is, as far as positions in its binlog are concerned. */
export interface ServerFacts {
  readonly flavor: Flavor;
  readonly version: string;
  /**
   * MySQL's server_uuid. MariaDB has no lasting one; there it is `server-id-N`, since servers of one topology must
   * have different ids.
   */
  readonly serverUuid: string;
  readonly serverId: number;
  /** Whether every transaction has a GTID and dumps may be asked for by GTID (MySQL: gtid_mode = ON; MariaDB: always). */
  readonly gtid: boolean;
}

export async function readServerFacts(session: SourceSession): Promise<ServerFacts> {
  const { version, server_id: serverId } = await session.row('SELECT VERSION() AS version, @@GLOBAL.server_id AS server_id');
  const text = version ?? '';
  if (/mariadb/i.test(text)) {
    return { flavor: 'mariadb', version: text, serverUuid: `server-id-${serverId}`, serverId: Number(serverId), gtid: true };
  }
  const row = await session.row('SELECT @@GLOBAL.server_uuid AS uuid, @@GLOBAL.gtid_mode AS gtid_mode');
  return {
    flavor: 'mysql',
    version: text,
    serverUuid: row['uuid'] ?? '',
    serverId: Number(serverId),
    gtid: row['gtid_mode'] === 'ON',
  };
}

/** A file of the server's binlog index. */
export interface BinlogFile {
  readonly journal: string;
  readonly size: number;
}

/** The server's binlog files, oldest first; empty when the binlog is off. */
export async function listBinlogFiles(session: SourceSession): Promise<BinlogFile[]> {
  try {
    const rows = await session.query('SHOW BINARY LOGS');
    return rows.map((row) => ({ journal: row['Log_name'] ?? '', size: Number(row['File_size']) }));
  } catch (error) {
    if (errnoBehind(error) === 1381) return []; // ER_NO_BINARY_LOGGING
    throw error;
  }
}

/**
 * The GTIDs before the first transaction of a binlog file: executed set (MySQL, Previous_gtids event) or replica position
 * (MariaDB, Gtid_list event).
 */
export async function gtidBefore(session: SourceSession, flavor: Flavor, journal: string): Promise<string> {
  const rows = await session.query(`SHOW BINLOG EVENTS IN '${journal.replaceAll("'", "''")}' LIMIT 5`);
  const type = flavor === 'mysql' ? 'Previous_gtids' : 'Gtid_list';
  const info = rows.find((row: Row) => row['Event_type'] === type)?.['Info'] ?? '';
  return flavor === 'mysql' ? info.replace(/\s/g, '') : positionOfList(info);
}

/**
 * `[0-1-5,0-2-7]` names the last GTID of each domain and server, each domain's newest at its end; a replica position holds
 * only these newest.
 */
function positionOfList(info: string): string {
  const newest = new Map<string, string>();
  for (const gtid of info.replace(/[[\]\s]/g, '').split(',')) {
    if (gtid !== '') newest.set(gtid.slice(0, gtid.indexOf('-')), gtid);
  }
  return [...newest.values()].join(',');
}
