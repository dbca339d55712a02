import type { Readable } from 'node:stream';
import mysql from 'mysql2';
import type { Connection, ConnectionOptions, FieldPacket, QueryError, QueryResult, ResultSetHeader, RowDataPacket } from 'mysql2';
import { LockkeeperError, messageOf } from '../../common/errors.ts';
import type { Flavor } from '../source/position.ts';
import { AnswerWatch, askAbout } from './answer-watch.ts';

/** Anything that runs SQL text given as a binary string (one character per byte on the wire). */
export interface SqlRunner {
  query<T extends QueryResult = QueryResult>(sql: string): Promise<T>;
}

export interface TargetSessionOptions {
  /** Seconds a row lock is waited for before the batch is rolled back and tried again. */
  readonly lockWaitSeconds?: number;
  /** How long an answer may take before the server is asked, over another connection, whether it still comes; milliseconds. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 10_000;

/**
 * One connection to the target in the state that both appliers rely on: bytes are taken as they are (`SET NAMES binary`),
 * no strictness (the source's rows are the truth), UTC, autocommit off so that every write waits for its checkpoint.
 */
export class TargetSession implements SqlRunner {
  readonly flavor: Flavor;
  readonly version: string;
  readonly maxAllowedPacket: number;
  readonly connectionId: number;
  readonly #connection: Connection;
  readonly #pending = new Map<(error: Error) => void, number>();
  readonly #lockWaitSeconds: number;
  readonly #watch: NodeJS.Timeout;
  #broken: LockkeeperError | null = null;

  private constructor(
    connection: Connection,
    facts: RowDataPacket,
    connectionOptions: ConnectionOptions,
    options: TargetSessionOptions,
  ) {
    const { lockWaitSeconds = 10, patienceMs = PATIENCE_MS } = options;
    this.#connection = connection;
    this.#lockWaitSeconds = lockWaitSeconds;
    this.version = String(facts['version']);
    this.flavor = /mariadb/i.test(this.version) ? 'mariadb' : 'mysql';
    this.maxAllowedPacket = Number(facts['packet']);
    this.connectionId = Number(facts['id']);
    connection.on('error', (cause: Error) => {
      const found = messageOf(cause);
      this.#fail(new LockkeeperError('LK1302', `the connection to the target was lost: ${found}`, { found, cause }));
    });
    const watch = new AnswerWatch({
      patienceMs,
      waitingSince: () => this.#pending.values().next().value ?? null,
      ask: () => askAbout(connectionOptions, this.connectionId),
      onLost: (found) => {
        this.#fail(new LockkeeperError('LK1302', `no answer comes from the target: ${found}`, { found }));
        connection.destroy();
      },
      now: () => performance.now(),
    });
    this.#watch = setInterval(() => void watch.look(), patienceMs / 4).unref();
  }

  /** Connects and prepares the session. Rejects with the driver's error; the caller knows whose fault to call it. */
  static async open(connectionOptions: ConnectionOptions, options: TargetSessionOptions = {}): Promise<TargetSession> {
    const connection = mysql.createConnection({
      ...connectionOptions,
      charset: 'BINARY',
      // Told of SET NAMES by the server, mysql2 would encode statements in that charset, and they are bytes already.
      flags: ['-SESSION_TRACK'],
      // There are no placeholders in our text: mysql2 would look for them byte by byte.
      queryFormat: (sql: string) => sql,
      multipleStatements: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
    });
    try {
      await new Promise<void>((resolve, reject) => {
        connection.once('error', reject);
        connection.connect((error) => (error ? reject(error) : resolve()));
      });
      connection.removeAllListeners('error');
      const [facts] = await run<RowDataPacket[]>(
        connection,
        'SELECT VERSION() AS version, @@max_allowed_packet AS packet, CONNECTION_ID() AS id',
      );
      const session = new TargetSession(connection, facts!, connectionOptions, options);
      await session.#prepare();
      return session;
    } catch (error) {
      connection.on('error', () => undefined);
      connection.destroy();
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    const settings = [
      'NAMES binary',
      // Days that no calendar has (2024-02-31) may be in the source's rows.
      "SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'",
      "SESSION time_zone='+00:00'",
      'SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
      `SESSION innodb_lock_wait_timeout=${this.#lockWaitSeconds}`,
      'SESSION lock_wait_timeout=60',
      // A lane may be idle as long as the source is.
      'SESSION wait_timeout=31536000',
      'SESSION autocommit=0',
    ];
    // MariaDB lets a session switch CHECK constraints off; the epoch fence is one.
    if (this.flavor === 'mariadb') settings.push('SESSION check_constraint_checks=1');
    for (const setting of settings) await this.query(`SET ${setting}`);
  }

  /**
   * Runs SQL (several statements where the text has several) and returns mysql2's result: rows, a header, or an array of
   * these for several statements.
   */
  query<T extends QueryResult = ResultSetHeader>(sql: string): Promise<T> {
    return this.#start<T>((done) => this.#connection.query<T>(sql, done));
  }

  /** Runs LOAD DATA LOCAL INFILE; once the server asks for the rows, `open` gives the stream that they come from. */
  load(sql: string, open: () => Readable): Promise<ResultSetHeader> {
    return this.#start<ResultSetHeader>((done) => this.#connection.query({ sql, infileStreamFactory: open }, done));
  }

  /** mysql2 leaves statements without an answer when their connection is cut; here they are rejected. */
  #start<T>(begin: (done: (error: QueryError | null, result: T) => void) => void): Promise<T> {
    if (this.#broken !== null) return Promise.reject(this.#broken);
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(reject, performance.now());
      begin((error, result) => {
        this.#pending.delete(reject);
        if (error) reject(error);
        else resolve(result);
      });
    });
  }

  #fail(error: LockkeeperError): void {
    this.#broken ??= error;
    clearInterval(this.#watch);
    for (const reject of this.#pending.keys()) reject(this.#broken);
    this.#pending.clear();
  }

  /** Changes for how long row locks are waited for; null: what the session began with. */
  async lockWait(seconds: number | null): Promise<void> {
    await this.query(`SET SESSION innodb_lock_wait_timeout=${seconds ?? this.#lockWaitSeconds}`);
  }

  async rollback(): Promise<void> {
    await this.query('ROLLBACK');
  }

  get usable(): boolean {
    return this.#broken === null;
  }

  /** Cuts the connection at once; the server rolls back what was open. What is under way rejects with LK1302. */
  destroy(): void {
    this.#fail(new LockkeeperError('LK1302', 'the target session was closed'));
    this.#connection.on('error', () => undefined);
    this.#connection.destroy();
  }
}

function run<T extends QueryResult>(connection: Connection, sql: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    connection.query<T>(sql, (error: QueryError | null, result: T, _fields: FieldPacket[]) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}

/** A byte-exact SQL string literal for text of ours (never for row data: see sql/literal.ts). */
export function quote(text: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  return `'${bytes.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
