import type { RowDataPacket } from 'mysql2';
import { LockkeeperError } from '../../common/errors.ts';
import type { RowOperation, RowsEvent } from '../source/stream-item.ts';
import type { TableMap } from '../source/table-map.ts';
import { quote, type SqlRunner } from '../target/session.ts';

export const xaTableSql = `CREATE TABLE IF NOT EXISTS lockkeeper.xa_prepared (
  pipeline VARCHAR(330) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  xid VARCHAR(320) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  part INT NOT NULL,
  payload LONGBLOB NOT NULL,
  PRIMARY KEY (pipeline, xid, part)
) ENGINE=InnoDB`;

/** Bytes of payload per stored row; as hexadecimal text it is twice as long. */
const PART_BYTES = 2 * 1024 * 1024;
const OPERATIONS: readonly RowOperation[] = ['insert', 'update', 'delete'];

/** A prepared XA transaction as it is kept in the target until its verdict comes. */
export interface PreparedXa {
  readonly events: readonly RowsEvent[];
  readonly format: Buffer;
}

/**
 * Keeps the rows of prepared XA transactions in the target until the source logs COMMIT or ROLLBACK, which can be days and
 * many restarts later. The rows are locked at the source meanwhile, so applying them at the verdict changes no result, and
 * the target needs no prepared transaction of its own, which would block the checkpoint.
 */
export class XaStore {
  readonly #runner: SqlRunner;
  readonly #pipeline: string;

  constructor(runner: SqlRunner, pipeline: string) {
    this.#runner = runner;
    this.#pipeline = quote(pipeline);
  }

  /** Inserts within the caller's open transaction. */
  async save(xid: string, prepared: PreparedXa): Promise<void> {
    const payload = encodePrepared(prepared);
    for (let part = 0; part * PART_BYTES < payload.length; part++) {
      const bytes = payload.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
      await this.#runner.query(
        `INSERT INTO lockkeeper.xa_prepared (pipeline, xid, part, payload) VALUES ` +
          `(${this.#pipeline}, ${quote(xid)}, ${part}, X'${bytes.toString('hex')}')`,
      );
    }
  }

  /** The prepared rows, or null when this xid was prepared before the pipeline's first position. */
  async load(xid: string, restoreTable: (raw: Buffer) => TableMap): Promise<PreparedXa | null> {
    const rows = await this.#runner.query<RowDataPacket[]>(
      `SELECT payload FROM lockkeeper.xa_prepared WHERE pipeline=${this.#pipeline} AND xid=${quote(xid)} ORDER BY part`,
    );
    if (rows.length === 0) return null;
    return decodePrepared(Buffer.concat(rows.map((row) => row['payload'] as Buffer)), restoreTable);
  }

  async forget(xid: string): Promise<void> {
    await this.#runner.query(`DELETE FROM lockkeeper.xa_prepared WHERE pipeline=${this.#pipeline} AND xid=${quote(xid)}`);
  }
}

/** Layout: format, then per event: table map, head, images (each with a 32-bit length before it), operation, type, flags. */
export function encodePrepared({ events, format }: PreparedXa): Buffer {
  const parts: Buffer[] = [];
  const block = (bytes: Buffer) => {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(bytes.length);
    parts.push(length, bytes);
  };
  block(format);
  for (const event of events) {
    block(event.table.raw);
    block(event.head);
    block(event.images);
    const facts = Buffer.allocUnsafe(4);
    facts[0] = OPERATIONS.indexOf(event.operation);
    facts[1] = event.type;
    facts.writeUInt16LE(event.flags, 2);
    parts.push(facts);
  }
  return Buffer.concat(parts);
}

export function decodePrepared(payload: Buffer, restoreTable: (raw: Buffer) => TableMap): PreparedXa {
  let at = 0;
  const block = () => {
    const length = payload.readUInt32LE(at);
    const bytes = payload.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    return bytes;
  };
  try {
    const format = block();
    const events: RowsEvent[] = [];
    while (at < payload.length) {
      const table = restoreTable(block());
      const head = block();
      const images = block();
      const operation = OPERATIONS[payload[at]!]!;
      events.push({ table, head, images, operation, type: payload[at + 1]!, flags: payload.readUInt16LE(at + 2) });
      at += 4;
    }
    return { events: events.filter((event) => event.table.route !== null), format };
  } catch (cause) {
    throw new LockkeeperError('LK1311', 'lockkeeper.xa_prepared holds a payload that cannot be read', { cause });
  }
}
