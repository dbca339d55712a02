import mysql from 'mysql2';
import type { Connection } from 'mysql2';
import { Answers } from '../../common/answers.ts';
import { asLockkeeperError, LockkeeperError } from '../../common/errors.ts';
import { connectionOptions, nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { accessError, sourceError } from '../../common/mysql-errors.ts';

/** A row of an answer: column name to text, null for NULL. */
export type Row = Readonly<Record<string, string | null>>;

const QUERY_TIMEOUT_MS = 30_000;

/** One short-lived connection to a source for questions about the server; every value comes as text. */
export class SourceSession {
  /** `host:port`. */
  readonly server: string;
  readonly #connection: Connection;
  readonly #answers = new Answers();

  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.close();

  private constructor(server: string, connection: Connection, signal?: AbortSignal) {
    this.server = server;
    this.#connection = connection;
    this.#signal = signal;
    connection.on('error', (error: Error) => this.#answers.fail(error));
    signal?.addEventListener('abort', this.#onAbort);
    if (signal?.aborted) this.close();
  }

  /** Connects and logs in; `signal` closes the session at any time. Rejects with LK1101, LK1102, LK1103 or LK1111. */
  static async open(endpoint: MysqlEndpoint, signal?: AbortSignal): Promise<SourceSession> {
    const server = nameOf(endpoint);
    const session = new SourceSession(server, mysql.createConnection(connectionOptions(endpoint)), signal);
    try {
      await session.#answers.to<void>((done) => session.#connection.connect((error) => done(error, undefined)));
      return session;
    } catch (error) {
      session.close();
      throw accessError('source', server, error) ?? asLockkeeperError(error, 'LK1102');
    }
  }

  /** Rejects with an LK11xx error, the driver's as its cause. */
  async query(sql: string): Promise<Row[]> {
    const options = { sql, timeout: QUERY_TIMEOUT_MS, typeCast: (field: { string(): string | null }) => field.string() };
    try {
      const rows = await this.#answers.to<unknown>((done) => this.#connection.query(options, done));
      return Array.isArray(rows) ? (rows as Row[]) : [];
    } catch (error) {
      throw sourceError(this.server, error);
    }
  }

  /** The only row of an answer. */
  async row(sql: string): Promise<Row> {
    const [row] = await this.query(sql);
    if (row === undefined) throw new LockkeeperError('LK1102', `source ${this.server} gave no answer to: ${sql}`);
    return row;
  }

  /** What is under way rejects with LK1102. */
  close(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#answers.fail(new LockkeeperError('LK1102', `the connection to source ${this.server} was closed`));
    this.#connection.destroy();
  }
}

/** Runs `work` on a session of its own. `signal` closes it: what `work` waits for then rejects with LK1102. */
export async function withSession<T>(
  endpoint: MysqlEndpoint,
  work: (session: SourceSession) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const session = await SourceSession.open(endpoint, signal);
  try {
    return await work(session);
  } finally {
    session.close();
  }
}
