import { ColumnType } from '../../worker/source/column-type.ts';
import { rowShape } from '../../worker/source/row-shape.ts';
import type { RowsEvent } from '../../worker/source/stream-item.ts';
import type { PrintedRow } from './binlog-text.ts';

/** Stands for a value whose text is not compared: only that it is there, and where it ends, since its neighbours are compared. */
export const PRESENT = Symbol('present');
export type Value = string | typeof PRESENT;

export interface ReadRow {
  readonly operation: PrintedRow['operation'];
  readonly table: string;
  readonly before: Value[];
  readonly after: Value[];
}

/** The rows of an event, each value as mysqlbinlog prints it where that is simple. */
export function rowsOf(event: RowsEvent): ReadRow[] {
  const { table, images, operation } = event;
  const shape = rowShape(table);
  const bounds = new Int32Array(table.columnCount * 2);
  const partial = new Uint8Array(table.columnCount);
  const values = (isPartial: (column: number) => boolean): Value[] =>
    Array.from({ length: table.columnCount }, (_, i) => {
      if (bounds[2 * i] === -1) return 'NULL';
      return isPartial(i)
        ? PRESENT
        : valueText(table.types[i]!, table.meta[i]!, images.subarray(bounds[2 * i], bounds[2 * i + 1]));
    });
  const rows: ReadRow[] = [];
  for (let at = 0; at < images.length;) {
    const end = shape.end(images, at);
    const next = shape.columns(images, at, bounds);
    if (next !== end) throw new Error(`columns() ends at ${next}, end() at ${end}`);
    at = next;
    const first = values(() => false);
    const row = { operation, table: `${table.schema}.${table.table}`, before: first, after: first };
    if (operation === 'update') {
      at = event.type === 39 ? shape.partialColumns(images, at, bounds, partial) : shape.columns(images, at, bounds);
      row.after = values((i) => event.type === 39 && partial[i] === 1);
    }
    if (operation === 'insert') row.before = [];
    if (operation === 'delete') row.after = [];
    rows.push(row);
  }
  return rows;
}

function valueText(type: number, meta: number, bytes: Buffer): Value {
  switch (type) {
    case ColumnType.TINY:
    case ColumnType.SHORT:
    case ColumnType.INT24:
    case ColumnType.LONG:
      return String(bytes.readIntLE(0, bytes.length));
    case ColumnType.LONGLONG:
      return String(bytes.readBigInt64LE());
    case ColumnType.YEAR:
      return bytes[0] === 0 ? '0000' : String(1900 + bytes[0]!);
    case ColumnType.ENUM:
      return String(bytes.readUIntLE(0, bytes.length));
    case ColumnType.SET:
      // Printed in the order of the bytes, although they hold a little-endian number.
      return bits(bytes, bytes.length * 8);
    case ColumnType.BIT:
      return bits(bytes, (meta >> 8) * 8 + (meta & 0xff));
    case ColumnType.DATE: {
      const packed = bytes.readUIntLE(0, 3);
      const part = (value: number, width: number): string => String(value).padStart(width, '0');
      return `'${part(packed >> 9, 4)}:${part((packed >> 5) & 15, 2)}:${part(packed & 31, 2)}'`;
    }
    case ColumnType.VARCHAR:
    case ColumnType.STRING:
    case ColumnType.BLOB:
      // The tools quote some characters, each in its way; the workload writes none of those.
      return `'${bytes.toString('latin1')}'`;
    default:
      return PRESENT;
  }
}

function bits(bytes: Buffer, count: number): string {
  const all = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return `b'${all.slice(all.length - count)}'`;
}

/** Integers are printed as `-1 (255)`, so that either sign can be read from them. */
export function comparable(printed: string, read: Value): Value {
  if (read === PRESENT) return printed === 'NULL' ? 'NULL' : PRESENT;
  return /^-\d+ \(\d+\)$/.test(printed) ? printed.slice(0, printed.indexOf(' ')) : printed;
}
