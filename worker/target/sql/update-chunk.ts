import type { PacketStream } from './packet.ts';
import { writeValue, type RowView, type TableWriter } from './table-writer.ts';

/** Comparing keys in CASE costs rows times rows, so there are not too many. */
const MAX_ROWS = 48;

/**
 * Updates of several rows in one statement: `SET a=CASE id WHEN 1 THEN ... END WHERE id IN (...)`. Only rows of different
 * keys whose changes commute may stand together; the caller asks `accepts` and decides.
 */
export class UpdateChunk {
  rows = 0;
  /** Bytes of the images taken. */
  bytes = 0;
  readonly #writer: TableWriter;
  readonly #after: RowView[] = [];
  readonly #changed: Uint8Array;
  readonly #keys = new Set<string>();

  constructor(writer: TableWriter) {
    this.#writer = writer;
    this.#changed = new Uint8Array(writer.shape.columnCount);
  }

  /** Whether a row with this key may join: no other row of the chunk has it. */
  accepts(key: string): boolean {
    return this.rows < MAX_ROWS && !this.#keys.has(key);
  }

  /** `row` is an after-image with its key unchanged; it is copied. */
  add(key: string, row: RowView, changed: Uint8Array, bytes: number): void {
    this.#keys.add(key);
    const view = (this.#after[this.rows] ??= this.#writer.newRow());
    view.images = row.images;
    view.bounds.set(row.bounds);
    for (let i = 0; i < changed.length; i++) this.#changed[i]! |= changed[i]!;
    this.rows++;
    this.bytes += bytes;
  }

  /** Writes the statement and empties the chunk. */
  flush(packet: PacketStream): Promise<void> | null {
    const { rows } = this;
    if (rows === 0) return null;
    packet.begin();
    const warnings = rows === 1 ? this.#writeOne(packet) : this.#writeCase(packet);
    this.rows = 0;
    this.bytes = 0;
    this.#keys.clear();
    this.#changed.fill(0);
    return packet.end(this.#writer, rows, warnings);
  }

  #writeOne({ out }: PacketStream): number {
    const writer = this.#writer;
    const row = this.#after[0]!;
    out.ascii('UPDATE ');
    out.raw(writer.name);
    out.ascii(' SET ');
    writer.writeAssignments(out, row, this.#changed, row, null);
    out.ascii(' WHERE ');
    writer.writeKeyWhere(out, row);
    return writer.expectedWarnings(row, this.#changed);
  }

  #writeCase({ out }: PacketStream): number {
    const writer = this.#writer;
    const { listKey } = writer;
    let warnings = 0;
    out.ascii('UPDATE ');
    out.raw(writer.name);
    out.ascii(' SET ');
    let first = true;
    for (const column of writer.written) {
      if (this.#changed[column.pair.index] === 0) continue;
      if (!first) out.byte(0x2c);
      first = false;
      out.raw(column.name);
      out.ascii('=CASE');
      if (listKey !== null) {
        out.byte(0x20);
        out.raw(listKey.name);
      }
      for (let i = 0; i < this.rows; i++) {
        const row = this.#after[i]!;
        out.ascii(' WHEN ');
        if (listKey !== null) writeKeyValue(this.#writer, out, row);
        else writer.writeKeyWhere(out, row);
        out.ascii(' THEN ');
        writeValue(out, column, row);
      }
      out.ascii(' END');
    }
    out.ascii(' WHERE ');
    for (let i = 0; i < this.rows; i++) warnings += writer.expectedWarnings(this.#after[i]!, this.#changed);
    writeKeyList(writer, out, this.#after, this.rows);
    return warnings;
  }
}

/** `id IN (1,2)` or `(a=1 AND b=2) OR (a=3 AND b=4)`, for the first `rows` of `views`. */
export function writeKeyList(writer: TableWriter, out: PacketStream['out'], views: readonly RowView[], rows: number): void {
  if (writer.listKey !== null) {
    out.raw(writer.listKey.name);
    out.ascii(' IN (');
    for (let i = 0; i < rows; i++) {
      if (i > 0) out.byte(0x2c);
      writeKeyValue(writer, out, views[i]!);
    }
    out.byte(0x29);
    return;
  }
  for (let i = 0; i < rows; i++) {
    out.ascii(i === 0 ? '(' : ' OR (');
    writer.writeKeyWhere(out, views[i]!);
    out.byte(0x29);
  }
}

function writeKeyValue(writer: TableWriter, out: PacketStream['out'], row: RowView): void {
  const column = writer.listKey!;
  column.keyLiteral(out, row.images, row.bounds[column.at]!, row.bounds[column.at + 1]!);
}
