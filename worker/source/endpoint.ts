import mysql from 'mysql2';
import type { Connection, QueryError } from 'mysql2';
import { asLockkeeperError, LockkeeperError } from '../../common/errors.ts';
import { connectionOptions, nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { accessError } from '../../common/mysql-errors.ts';

/** A row of an answer: column name to text, null for NULL. */
export type Row = Readonly<Record<string, string | null>>;

const QUERY_TIMEOUT_MS = 30_000;

/** One short-lived connection to a source for questions about the server; every value comes as text. */
export class SourceSession {
  /** `host:port`. */
  readonly server: string;
  readonly #connection: Connection;

  private constructor(server: string, connection: Connection) {
    this.server = server;
    this.#connection = connection;
  }

  /** Connects and logs in. Rejects with LK1101, LK1102, LK1103 or LK1111. */
  static async open(endpoint: MysqlEndpoint): Promise<SourceSession> {
    const server = nameOf(endpoint);
    const connection = mysql.createConnection(connectionOptions(endpoint));
    try {
      await new Promise<void>((resolve, reject) => {
        connection.once('error', reject);
        connection.connect((error) => (error ? reject(error) : resolve()));
      });
      connection.removeAllListeners('error');
      connection.on('error', () => undefined); // the query under way, or the next one, reports it
      return new SourceSession(server, connection);
    } catch (error) {
      connection.on('error', () => undefined);
      connection.destroy();
      throw accessError('source', server, error) ?? asLockkeeperError(error, 'LK1102');
    }
  }

  /** Rejects with the driver's error for a failed statement, with an LK11xx error where access or the connection is at fault. */
  query(sql: string): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      const options = { sql, timeout: QUERY_TIMEOUT_MS, typeCast: (field: { string(): string | null }) => field.string() };
      this.#connection.query(options, (error: QueryError | null, rows: unknown) => {
        if (error) reject(accessError('source', this.server, error) ?? error);
        else resolve(Array.isArray(rows) ? (rows as Row[]) : []);
      });
    });
  }

  /** The only row of an answer. */
  async row(sql: string): Promise<Row> {
    const [row] = await this.query(sql);
    if (row === undefined) throw new LockkeeperError('LK1102', `source ${this.server} gave no answer to: ${sql}`);
    return row;
  }

  close(): void {
    this.#connection.destroy();
  }
}

/** Runs `work` on a session of its own. */
export async function withSession<T>(endpoint: MysqlEndpoint, work: (session: SourceSession) => Promise<T>): Promise<T> {
  const session = await SourceSession.open(endpoint);
  try {
    return await work(session);
  } finally {
    session.close();
  }
}
