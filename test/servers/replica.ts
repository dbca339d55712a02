import type { DbServer } from './db-server.ts';

const WAIT_SECONDS = 60;

export interface BinlogPlace {
  readonly journal: string;
  readonly offset: number;
}

/** Where a server's binlog ends. */
export async function binlogEnd(server: DbServer): Promise<BinlogPlace> {
  const [row] = await server.query(server.flavor === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS');
  return { journal: String(row!['File']), offset: Number(row!['Position']) };
}

/**
 * Makes a server follow another by its own means: by GTID where there are some, else from a place in the source's binlog, its begin
 * unless given.
 */
export async function replicate(source: DbServer, replica: DbServer, from?: BinlogPlace): Promise<void> {
  if (source.flavor === 'mysql') {
    const place = from === undefined ? '' : `, SOURCE_LOG_FILE='${from.journal}', SOURCE_LOG_POS=${from.offset}`;
    const start = (await hasGtids(source)) ? ', SOURCE_AUTO_POSITION=1' : place;
    await replica.query(
      `CHANGE REPLICATION SOURCE TO SOURCE_HOST='${source.host}', SOURCE_PORT=${source.port}, SOURCE_USER='${source.user}',
       SOURCE_PASSWORD='${source.password}', SOURCE_CONNECT_RETRY=1, GET_SOURCE_PUBLIC_KEY=1${start}; START REPLICA`,
    );
    return;
  }
  // What the server has written itself counts too: it may have been a source before.
  await replica.query(
    `SET GLOBAL gtid_slave_pos=@@GLOBAL.gtid_binlog_pos;
     CHANGE MASTER TO MASTER_HOST='${source.host}', MASTER_PORT=${source.port}, MASTER_USER='${source.user}',
     MASTER_PASSWORD='${source.password}', MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos; START SLAVE`,
  );
}

/** The replica follows nobody any more, and may be written to. */
export async function promote(replica: DbServer): Promise<void> {
  await replica.query(replica.flavor === 'mysql' ? 'STOP REPLICA; RESET REPLICA ALL' : 'STOP SLAVE; RESET SLAVE ALL');
}

/** Waits until the replica has applied all that the source has committed. */
export async function replicated(source: DbServer, replica: DbServer): Promise<void> {
  const { wait, done } = await waitFor(source);
  const [row] = await replica.query(`SELECT ${wait} AS answer`);
  if (!done(row!['answer'] as number | null))
    throw new Error(`the replica at port ${replica.port} did not catch up in ${WAIT_SECONDS} s`);
}

/** How a replica waits for what the source has now, and what the server's answer means. */
async function waitFor(source: DbServer): Promise<{ wait: string; done: (answer: number | null) => boolean }> {
  const isZero = (answer: number | null) => answer === 0;
  if (source.flavor === 'mariadb') {
    const [row] = await source.query('SELECT @@GLOBAL.gtid_binlog_pos AS pos');
    return { wait: `MASTER_GTID_WAIT('${String(row!['pos'])}', ${WAIT_SECONDS})`, done: isZero };
  }
  if (await hasGtids(source)) {
    const [row] = await source.query('SELECT @@GLOBAL.gtid_executed AS gtids');
    return { wait: `WAIT_FOR_EXECUTED_GTID_SET('${String(row!['gtids'])}', ${WAIT_SECONDS})`, done: isZero };
  }
  const { journal, offset } = await binlogEnd(source);
  const wait = `SOURCE_POS_WAIT('${journal}', ${offset}, ${WAIT_SECONDS})`;
  return { wait, done: (answer) => answer !== null && answer >= 0 };
}

async function hasGtids(server: DbServer): Promise<boolean> {
  const [row] = await server.query('SELECT @@GLOBAL.gtid_mode AS mode');
  return row!['mode'] === 'ON';
}
