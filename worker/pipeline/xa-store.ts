import type { RowDataPacket } from 'mysql2';
import { LockkeeperError } from '../../common/errors.ts';
import { flavorOfFormat } from '../source/format-description.ts';
import type { RowsEvent } from '../source/stream-item.ts';
import { NAMES_AT, parseTableMap } from '../source/table-map-event.ts';
import type { TableMap, TableRoute } from '../source/table-map.ts';
import { quote, type SqlRunner } from '../target/session.ts';
import { PreparedEncoder, PreparedReader } from './xa-rows.ts';

export const xaTableSql = `CREATE TABLE IF NOT EXISTS lockkeeper.xa_prepared (
  pipeline VARCHAR(330) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  xid VARCHAR(320) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  part INT NOT NULL,
  payload LONGBLOB NOT NULL,
  PRIMARY KEY (pipeline, xid, part)
) ENGINE=InnoDB`;

/** Bytes of payload in a stored row. As hexadecimal text it is twice as long, and the statement around it is short. */
const PART_BYTES = 1024 * 1024;
const STATEMENT_OVERHEAD = 64 * 1024;

/** Rows of a prepared XA transaction. */
export interface PreparedRows {
  readonly events: readonly RowsEvent[];
  /** The FORMAT_DESCRIPTION event under which they were logged. */
  readonly format: Buffer;
}

export interface XaStoreOptions {
  readonly runner: SqlRunner & { readonly maxAllowedPacket: number };
  readonly pipeline: string;
  readonly route: (schema: string, table: string) => TableRoute | null;
}

/**
 * Keeps the rows of prepared XA transactions in the target until the source logs COMMIT or ROLLBACK, which can be days and
 * many restarts later. The rows are locked at the source meanwhile, so applying them at the verdict changes no result, and
 * the target needs no prepared transaction of its own, which would block the checkpoint.
 *
 * Rows come and go piece by piece, so that a transaction of any size takes little memory.
 */
export class XaStore {
  readonly #options: XaStoreOptions;
  readonly #pipeline: string;
  readonly #partBytes: number;
  /** The transaction that is being stored. */
  #open: { readonly encoder: PreparedEncoder; parts: number } | null = null;
  /** Table maps that were restored, by their bytes: what is known of a table hangs on the object. */
  readonly #tables = new Map<string, TableMap>();

  constructor(options: XaStoreOptions) {
    this.#options = options;
    this.#pipeline = quote(options.pipeline);
    this.#partBytes = Math.min(PART_BYTES, Math.floor(options.runner.maxAllowedPacket / 2) - STATEMENT_OVERHEAD);
  }

  /**
   * Stores rows behind those stored before, within the caller's open transaction. `first` begins a transaction anew: a source has only
   * one of a name, so what is left under it is of a history that has ended.
   */
  async append(xid: string, rows: PreparedRows, first: boolean): Promise<void> {
    if (first) this.#open = { encoder: new PreparedEncoder(rows.format), parts: 0 };
    const open = this.#open!;
    const bytes = open.encoder.encode(rows.events);
    for (let at = 0; at < bytes.length; at += this.#partBytes) {
      const part = bytes.subarray(at, at + this.#partBytes);
      const clear = open.parts === 0 ? `${this.#forgetSql(xid)};` : '';
      await this.#options.runner.query(
        `${clear}INSERT INTO lockkeeper.xa_prepared (pipeline, xid, part, payload) VALUES ` +
          `(${this.#pipeline}, ${quote(xid)}, ${open.parts++}, X'${part.toString('hex')}')`,
      );
    }
  }

  /**
   * The prepared rows, piece by piece; nothing at all when this xid was prepared before the pipeline's first position. Throws LK1311
   * when they cannot be read.
   */
  async *read(xid: string): AsyncGenerator<PreparedRows> {
    const reader = new PreparedReader((raw, format) => this.#restore(raw, format));
    for (let part = 0; ; part++) {
      const [row] = await this.#options.runner.query<RowDataPacket[]>(
        `SELECT payload FROM lockkeeper.xa_prepared WHERE pipeline=${this.#pipeline} AND xid=${quote(xid)} AND part=${part}`,
      );
      if (row === undefined) break;
      try {
        yield reader.take(row['payload'] as Buffer);
      } catch (cause) {
        throw new LockkeeperError('LK1311', 'lockkeeper.xa_prepared holds a payload that cannot be read', { cause });
      }
    }
    if (!reader.isWhole) throw new LockkeeperError('LK1311', `lockkeeper.xa_prepared has lost parts of ${xid}`);
  }

  async forget(xid: string): Promise<void> {
    await this.#options.runner.query(this.#forgetSql(xid));
  }

  #forgetSql(xid: string): string {
    return `DELETE FROM lockkeeper.xa_prepared WHERE pipeline=${this.#pipeline} AND xid=${quote(xid)}`;
  }

  #restore(raw: Buffer, format: Buffer): TableMap {
    const bytes = raw.toString('latin1', NAMES_AT);
    let table = this.#tables.get(bytes);
    if (table === undefined) {
      table = parseTableMap(Buffer.from(raw), this.#options.route, flavorOfFormat(format));
      this.#tables.set(bytes, table);
    }
    return table;
  }
}
