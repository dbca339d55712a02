import { LockkeeperError } from '../../../common/errors.ts';
import type { RowRun } from '../row-run.ts';
import type { TargetSession } from '../session.ts';
import { encodeRuns, overheadOf } from './binlog-statement.ts';

/** Base64 makes four bytes of three; the rest is the statement's own text. */
const STATEMENT_OVERHEAD = 64;
/** More than this in one statement wins nothing and only costs memory on both sides. */
const MAX_EVENT_BYTES = 12 * 1024 * 1024;

/** BINLOG statements ready to be sent, all for one target transaction. */
export interface RawStatements {
  readonly kind: 'raw';
  readonly statements: readonly string[];
  /** The FORMAT_DESCRIPTION event that the session must know before. */
  readonly format: Buffer;
}

/** Replays row events in the target's own applier: no value is decoded, so none can be altered. */
export class RawWriter {
  readonly #session: TargetSession;
  #format: Buffer | null = null;

  constructor(session: TargetSession) {
    this.#session = session;
  }

  /** Encodes runs into as few statements as the target's packet size allows. Pure CPU work: done while the batch before is under way. */
  prepare(runs: readonly RowRun[], format: Buffer): RawStatements {
    const limit = Math.min(Math.floor(((this.#session.maxAllowedPacket - STATEMENT_OVERHEAD) * 3) / 4), MAX_EVENT_BYTES);
    const statements: string[] = [];
    let part: RowRun[] = [];
    let bytes = 0;
    const flush = () => {
      if (part.length > 0) statements.push(this.#statement(part));
      part = [];
      bytes = 0;
    };
    for (const run of runs) {
      const overhead = overheadOf(run);
      const size = run.bytes + overhead;
      if (bytes + size > limit) flush();
      if (size <= limit) {
        part.push(run);
        bytes += size;
      } else {
        for (const piece of splitRun(run, limit - overhead)) statements.push(this.#statement([piece]));
      }
    }
    flush();
    return { kind: 'raw', statements, format };
  }

  #statement(runs: readonly RowRun[]): string {
    const text = `BINLOG '${encodeRuns(runs).toString('base64')}'`;
    if (text.length > this.#session.maxAllowedPacket) {
      const { route } = runs[0]!.table;
      throw new LockkeeperError('LK1306', `a row of ${route?.schema}.${route?.table} is larger than the target accepts`, {
        found: `${text.length} bytes as a statement, max_allowed_packet is ${this.#session.maxAllowedPacket}`,
      });
    }
    return text;
  }

  /** Teaches the session the source's event format. Must be called between transactions. */
  async useFormat(format: Buffer): Promise<void> {
    if (this.#format !== null && (this.#format === format || this.#format.equals(format))) return;
    await this.#session.query('COMMIT');
    await this.#session.query(`BINLOG '${format.toString('base64')}'`);
    // The format event makes the session a binlog applier that wants a GTID for each transaction; let the target number them.
    if (this.#session.flavor === 'mysql') await this.#session.query("SET SESSION gtid_next='AUTOMATIC'");
    this.#format = format;
  }

  async write(raw: RawStatements): Promise<void> {
    for (const statement of raw.statements) await this.#session.query(statement);
  }
}

/** Cuts a run at its buffers, each of which holds whole rows. */
function splitRun(run: RowRun, limit: number): RowRun[] {
  const pieces: RowRun[] = [];
  let images: Buffer[] = [];
  let bytes = 0;
  const flush = () => {
    // Row counts of pieces are of no interest to the raw writer.
    if (images.length > 0)
      pieces.push({
        table: run.table,
        operation: run.operation,
        type: run.type,
        flags: run.flags,
        head: run.head,
        images,
        rows: 0,
        bytes,
      });
    images = [];
    bytes = 0;
  };
  for (const buffer of run.images) {
    if (bytes + buffer.length > limit) flush();
    images.push(buffer);
    bytes += buffer.length;
  }
  flush();
  return pieces;
}
