import type { RowOperation, RowsEvent } from '../source/stream-item.ts';
import type { TableMap } from '../source/table-map.ts';

/**
 * The bytes of a prepared XA transaction's rows: the format, then per rows event the number of its table, at its first mention
 * the table map, then head, images, operation, type and flags. Blocks have a 32-bit length before them.
 */
const OPERATIONS: readonly RowOperation[] = ['insert', 'update', 'delete'];

/** Writes rows events as bytes, in pieces. */
export class PreparedEncoder {
  readonly #tables = new Map<TableMap, number>();
  #parts: Buffer[] = [];

  constructor(format: Buffer) {
    this.#block(format);
  }

  /** The bytes of these events, with what is due before them. */
  encode(events: readonly RowsEvent[]): Buffer {
    for (const event of events) {
      const known = this.#tables.get(event.table);
      this.#number(known ?? this.#tables.size);
      if (known === undefined) {
        this.#tables.set(event.table, this.#tables.size);
        this.#block(event.table.raw);
      }
      this.#block(event.head);
      this.#block(event.images);
      const facts = Buffer.allocUnsafe(4);
      facts[0] = OPERATIONS.indexOf(event.operation);
      facts[1] = event.type;
      facts.writeUInt16LE(event.flags, 2);
      this.#parts.push(facts);
    }
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    return bytes;
  }

  #block(bytes: Buffer): void {
    this.#number(bytes.length);
    this.#parts.push(bytes);
  }

  #number(value: number): void {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32LE(value);
    this.#parts.push(bytes);
  }
}

/** Thrown within the reader: the event goes on in a piece that has not come yet, `bytes` are needed at least. */
class Incomplete extends Error {
  readonly bytes: number;

  constructor(bytes: number) {
    super('the piece ends within an event');
    this.bytes = bytes;
  }
}

/** Reads what an encoder wrote from pieces that are cut anywhere. */
export class PreparedReader {
  readonly #restoreTable: (raw: Buffer, format: Buffer) => TableMap;
  readonly #tables: TableMap[] = [];
  #format: Buffer | null = null;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #needed = 0;
  #piece: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(restoreTable: (raw: Buffer, format: Buffer) => TableMap) {
    this.#restoreTable = restoreTable;
  }

  /** Whether the last piece ended with an event. */
  get isWhole(): boolean {
    return this.#pendingBytes === 0;
  }

  /** The events that this piece completes, without those of tables that no longer travel. Throws when the bytes are none of an encoder. */
  take(bytes: Buffer): { events: RowsEvent[]; format: Buffer } {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    const events: RowsEvent[] = [];
    if (this.#pendingBytes >= this.#needed) this.#read(events);
    return { events, format: this.#format ?? Buffer.alloc(0) };
  }

  #read(events: RowsEvent[]): void {
    this.#piece = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    this.#at = 0;
    let done = 0;
    this.#needed = 0;
    try {
      while (this.#at < this.#piece.length) {
        if (this.#format === null) this.#format = Buffer.from(this.#block());
        else {
          const event = this.#event(this.#format);
          if (event.table.route !== null) events.push(event);
        }
        done = this.#at;
      }
    } catch (error) {
      if (!(error instanceof Incomplete)) throw error;
      this.#needed = error.bytes - done;
    }
    const rest = this.#piece.subarray(done);
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#pendingBytes = rest.length;
  }

  #event(format: Buffer): RowsEvent {
    const number = this.#number();
    const raw = number === this.#tables.length ? this.#block() : null;
    const head = this.#block();
    const images = this.#block();
    const facts = this.#bytes(4);
    // Only now: an event that is read again with the next piece must find its table unknown again.
    if (raw !== null) this.#tables.push(this.#restoreTable(raw, format));
    const table = this.#tables[number];
    const operation = OPERATIONS[facts[0]!];
    if (table === undefined || operation === undefined) throw new Error('it names a table or an operation that there is not');
    return { table, head, images, operation, type: facts[1]!, flags: facts.readUInt16LE(2) };
  }

  #block(): Buffer {
    return this.#bytes(this.#number());
  }

  #number(): number {
    return this.#bytes(4).readUInt32LE();
  }

  #bytes(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#piece.length) throw new Incomplete(end);
    const bytes = this.#piece.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}
