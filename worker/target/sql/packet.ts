import type { QueryResult, ResultSetHeader, RowDataPacket } from 'mysql2';
import { LockkeeperError } from '../../../common/errors.ts';
import { serverErrno } from '../../../common/mysql-errors.ts';
import type { SqlRunner } from '../session.ts';
import { Divergence } from './divergence.ts';
import type { SqlBuffer } from './sql-buffer.ts';
import type { TableWriter } from './table-writer.ts';
import { alteringWarning } from './warnings.ts';

/** What the answer to one statement must say. */
interface Expected {
  readonly table: TableWriter | null;
  /** Rows found (not only changed: the session has FOUND_ROWS). */
  readonly rows: number;
  readonly warnings: number;
}

const DUPLICATE: ReadonlySet<number> = new Set([1022, 1062, 1586, 1859]);
/** Larger packets win nothing; smaller ones let server and worker compute at the same time. */
const TARGET_BYTES = 256 * 1024;
const WARNING = ';SHOW WARNINGS';

/**
 * Statements on their way to the target, many to a packet. While one packet runs at the server the next one is written; the
 * answers are compared with what each statement must have done.
 */
export class PacketStream {
  readonly out: SqlBuffer;
  /** A statement or a list of rows should end when the packet has this many bytes. */
  readonly softLimit: number;
  readonly #session: SqlRunner;
  readonly #maxPacket: number;
  #expected: Expected[] = [];
  #statement = 0;
  #running: Promise<void> | null = null;

  /** `out`: from the batch before, for a new one of this size each time would have the garbage collector run all the time. */
  constructor(session: SqlRunner, maxPacket: number, out: SqlBuffer) {
    this.out = out;
    out.empty(2 * TARGET_BYTES);
    this.#session = session;
    this.#maxPacket = maxPacket;
    this.softLimit = Math.min(TARGET_BYTES, Math.floor(maxPacket / 8));
  }

  /** Begins a statement; its text is then written to `out`. */
  begin(): void {
    if (this.out.length > 0) this.out.byte(0x3b);
    this.#statement = this.out.length;
  }

  /** Ends a statement of rows. Resolves at once unless the packet is full and must be sent first. */
  end(table: TableWriter, rows: number, warnings: number): Promise<void> | null {
    return this.#end({ table, rows, warnings });
  }

  /** A whole statement about the session. */
  setting(sql: string): void {
    this.begin();
    this.out.ascii(sql);
    void this.#end({ table: null, rows: 0, warnings: 0 });
  }

  #end(expected: Expected): Promise<void> | null {
    const { out } = this;
    if (expected.table?.noisy === true) out.ascii(WARNING);
    if (out.length > this.#maxPacket - 16) return this.#sendApart(expected);
    this.#expected.push(expected);
    return out.length >= this.softLimit && expected.table !== null ? this.send() : null;
  }

  /** The statement just written does not fit beside those before it. */
  async #sendApart(expected: Expected): Promise<void> {
    const { out } = this;
    const alone = Buffer.from(out.bytes.subarray(this.#statement, out.length));
    if (alone.length > this.#maxPacket - 16) {
      throw new LockkeeperError('LK1306', `a row of ${expected.table?.label} is larger than the target accepts`, {
        found: `${alone.length} bytes as a statement, max_allowed_packet is ${this.#maxPacket}`,
      });
    }
    out.length = Math.max(0, this.#statement - 1);
    await this.send();
    out.raw(alone);
    this.#expected.push(expected);
    await this.send();
  }

  /** Sends what is written, as soon as the packet before is answered. */
  async send(): Promise<void> {
    const { out } = this;
    if (this.#expected.length === 0) return;
    const sql = out.text();
    const expected = this.#expected;
    out.length = 0;
    this.#expected = [];
    await this.#answered();
    this.#running = this.#run(sql, expected);
    // A failure is reported to whoever waits next; until then it must not count as unhandled.
    this.#running.catch(() => undefined);
  }

  /** Sends the rest and waits for all answers. */
  async finish(): Promise<void> {
    await this.send();
    await this.#answered();
  }

  /** Forgets what was not sent and waits for the packet under way, whatever its outcome. */
  async abandon(): Promise<void> {
    this.out.length = 0;
    this.#expected = [];
    await this.#answered().catch(() => undefined);
  }

  async #answered(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    await running;
  }

  async #run(sql: string, expected: readonly Expected[]): Promise<void> {
    let answer: QueryResult;
    try {
      answer = await this.#session.query<QueryResult>(sql);
    } catch (error) {
      const errno = serverErrno(error);
      if (errno === undefined || !DUPLICATE.has(errno)) throw error;
      const tables = [...new Set(expected.flatMap((statement) => (statement.table === null ? [] : [statement.table.label])))];
      throw new Divergence(tables.join(), error instanceof Error ? error.message : 'duplicate key');
    }
    const answers = (expected.length === 1 && !expected[0]!.table?.noisy ? [answer] : answer) as (
      ResultSetHeader | RowDataPacket[]
    )[];
    let next = 0;
    for (const statement of expected) {
      const header = answers[next++] as ResultSetHeader;
      const { table } = statement;
      if (table === null) continue;
      if (header.affectedRows !== statement.rows) {
        throw new Divergence(table.label, `${statement.rows} rows expected, ${header.affectedRows} found`);
      }
      if (table.noisy) {
        const altered = alteringWarning(answers[next++] as RowDataPacket[], statement.warnings, header.warningStatus);
        if (altered !== null) throw new Divergence(table.label, altered);
      } else if (header.warningStatus > statement.warnings) {
        throw new Divergence(table.label, `${header.warningStatus} warnings`);
      }
    }
  }
}
