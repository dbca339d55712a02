import mysql from 'mysql2';
import type { Connection, QueryResult } from 'mysql2';
import { Answers } from '../../common/answers.ts';
import { LockkeeperError } from '../../common/errors.ts';
import { connectionOptions, nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { sourceError } from '../../common/mysql-errors.ts';
import type { SqlRunner } from '../target/session.ts';
import { readRawRows, type RowSink } from './raw-rows.ts';

/** Nothing may interrupt a long read: neither a slow target (the server would give up writing) nor a time limit on statements. */
const settings = [
  'NAMES binary',
  "SESSION sql_mode=''",
  "SESSION time_zone='+00:00'",
  'SESSION net_write_timeout=86400',
  'SESSION wait_timeout=86400',
  'SESSION lock_wait_timeout=60',
  'SESSION sql_quote_show_create=1',
  'SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ',
];
const mysqlSettings = [
  'SESSION max_execution_time=0',
  "SESSION optimizer_switch='use_invisible_indexes=on'",
  'SESSION information_schema_stats_expiry=0',
];
const mariadbSettings = ['SESSION max_statement_time=0'];

const optionalSettings = [
  // MySQL since 8.0.30: keys that the server generated are keys all the same.
  'show_gipk_in_create_table_and_information_schema=ON',
  // MariaDB lets go of metadata locks at a savepoint only where nothing is logged; nothing is, this connection only reads.
  // It takes the privilege BINLOG ADMIN. Without it DDL on a table waits until the tables are copied.
  'sql_log_bin=0',
];

/**
 * A connection to the source that reads rows as bytes, all within one snapshot once `begin` was called. Statements reject with
 * LK11xx errors, the driver's as their cause.
 */
export class SourceReader implements SqlRunner {
  readonly server: string;
  readonly #connection: Connection;
  readonly #answers = new Answers();

  private constructor(server: string, connection: Connection) {
    this.server = server;
    this.#connection = connection;
    connection.on('error', (error: Error) => this.#answers.fail(error));
  }

  /** Rejects with an LK11xx error. */
  static async open(endpoint: MysqlEndpoint): Promise<SourceReader> {
    const server = nameOf(endpoint);
    const connection = mysql.createConnection({ ...connectionOptions(endpoint), charset: 'BINARY', flags: ['-SESSION_TRACK'] });
    const reader = new SourceReader(server, connection);
    try {
      await reader.#answer<void>((done) => connection.connect((error) => done(error, undefined)));
      const [[version]] = (await reader.values('SELECT VERSION()')) as [[Buffer]];
      const flavorSettings = /mariadb/i.test(version.toString()) ? mariadbSettings : mysqlSettings;
      for (const setting of [...settings, ...flavorSettings]) await reader.query(`SET ${setting}`);
      for (const setting of optionalSettings) await reader.query(`SET SESSION ${setting}`).catch(() => undefined);
      return reader;
    } catch (error) {
      reader.destroy();
      throw sourceError(server, error);
    }
  }

  /** Everything read from here on is as of now. The savepoint lets go of metadata locks between chunks, so that DDL need not wait for the end. */
  async begin(): Promise<void> {
    await this.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
    await this.query('SAVEPOINT lockkeeper');
  }

  /** Lets DDL pass; the snapshot stays. */
  async releaseTables(): Promise<void> {
    await this.query('ROLLBACK TO SAVEPOINT lockkeeper');
  }

  query<T extends QueryResult = QueryResult>(sql: string): Promise<T> {
    return this.#answer<T>((done) => this.#connection.query<T>(sql, done));
  }

  /** Rows as arrays of undecoded values; null for NULL. */
  values(sql: string): Promise<(Buffer | null)[][]> {
    const options = { sql, rowsAsArray: true, typeCast: (field: { buffer(): Buffer | null }) => field.buffer() };
    return this.#answer((done) =>
      this.#connection.query(options, (error, rows) => done(error, rows as unknown as (Buffer | null)[][])),
    );
  }

  /** See readRawRows. */
  stream(sql: string, sink: RowSink): Promise<void> {
    return this.#answer<void>((done) => {
      readRawRows(this.#connection, sql, sink).then(() => done(null), done);
    });
  }

  async #answer<T>(begin: (done: (error: Error | null, result: T) => void) => void): Promise<T> {
    try {
      return await this.#answers.to(begin);
    } catch (error) {
      throw sourceError(this.server, error);
    }
  }

  /** Stops and continues reading from the socket. */
  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  /** What is under way rejects with LK1102. */
  destroy(): void {
    this.#answers.fail(new LockkeeperError('LK1102', 'the connection to the source was closed'));
    this.#connection.destroy();
  }
}
