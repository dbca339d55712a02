import { u16, u24, u32 } from './bytes.ts';
import { ColumnType, columnTypeName, decimalLength, fractionLength } from './column-type.ts';
import { undecodable } from './stream-error.ts';
import type { TableMap } from './table-map.ts';

/** A column is FIXED bytes long (`size`), or has `size` bytes of little-endian length before it. */
const FIXED = 0;
/** Row value option: JSON columns may be diffs. */
const PARTIAL_JSON = 1;

/**
 * Walks row images of one table without decoding values. An image is a null bitmap of all columns, then the values of
 * those that are not NULL. Nothing is allocated per row.
 *
 * Every method throws LK1203 when a value reaches past `limit` (by default the buffer's end).
 */
export class RowShape {
  readonly columnCount: number;
  readonly nullBytes: number;
  /** Per column: its bytes when the length is fixed, else 0. */
  readonly fixed: Int32Array;
  /** Per column: bytes of the length before the value (1 to 4), 0 when the length is fixed. */
  readonly prefix: Uint8Array;
  /** Indexes of the JSON columns: each has a bit in a partial image. */
  readonly json: readonly number[];
  /** Image length when no column is NULL and all are fixed, else -1. */
  readonly #wholeLength: number;
  readonly #name: string;

  constructor(map: TableMap) {
    this.columnCount = map.columnCount;
    this.nullBytes = (map.columnCount + 7) >> 3;
    this.#name = `${map.schema}.${map.table}`;
    this.fixed = new Int32Array(map.columnCount);
    this.prefix = new Uint8Array(map.columnCount);
    const json: number[] = [];
    let whole = this.nullBytes;
    for (let i = 0; i < map.columnCount; i++) {
      const length = valueLength(map.types[i]!, map.meta[i]!);
      if (length === null) {
        throw undecodable(`column ${i + 1} of ${this.#name} has ${columnTypeName(map.types[i]!)}, which cannot be in a row`, {
          table: this.#name,
          column: i + 1,
        });
      }
      if (map.types[i] === ColumnType.JSON) json.push(i);
      if (length >= 0) this.fixed[i] = length;
      else this.prefix[i] = -length;
      whole = length >= 0 && whole >= 0 ? whole + length : -1;
    }
    this.json = json;
    this.#wholeLength = whole;
  }

  /** Offset after the image that starts at `offset`. */
  end(image: Buffer, offset: number, limit: number = image.length): number {
    const { columnCount, fixed, prefix } = this;
    let at = offset + this.nullBytes;
    if (at > limit) throw this.#overrun(offset);
    if (this.#wholeLength >= 0 && this.#noNulls(image, offset)) {
      at = offset + this.#wholeLength;
    } else {
      for (let i = 0; i < columnCount; i++) {
        if ((image[offset + (i >> 3)]! & (1 << (i & 7))) !== 0) continue;
        const width = prefix[i]!;
        at = width === FIXED ? at + fixed[i]! : at + width + lengthAt(image, at, width);
      }
    }
    if (!(at <= limit)) throw this.#overrun(offset);
    return at;
  }

  /**
   * Fills `out` with start and end offset of each value: out[2i], out[2i+1] (the length prefix is left out); both -1 for
   * NULL. `out` holds at least 2 * columnCount numbers. Returns the offset after the image.
   */
  columns(image: Buffer, offset: number, out: Int32Array, limit: number = image.length): number {
    const { columnCount, fixed, prefix } = this;
    let at = offset + this.nullBytes;
    if (at > limit) throw this.#overrun(offset);
    for (let i = 0, o = 0; i < columnCount; i++, o += 2) {
      if ((image[offset + (i >> 3)]! & (1 << (i & 7))) !== 0) {
        out[o] = -1;
        out[o + 1] = -1;
        continue;
      }
      const width = prefix[i]!;
      let length = fixed[i]!;
      if (width !== FIXED) {
        length = lengthAt(image, at, width);
        at += width;
      }
      out[o] = at;
      at += length;
      out[o + 1] = at;
    }
    if (!(at <= limit)) throw this.#overrun(offset);
    return at;
  }

  /** Number of images between `offset` and `limit`; throws LK1203 unless the last one ends exactly there. */
  count(images: Buffer, offset = 0, limit: number = images.length): number {
    let rows = 0;
    for (let at = offset; at < limit; rows++) at = this.end(images, at, limit);
    return rows;
  }

  /** Offset after the partial after-image (PARTIAL_UPDATE_ROWS) at `offset`. */
  partialEnd(images: Buffer, offset: number, limit: number = images.length): number {
    return this.end(images, this.#partialStart(images, offset, limit), limit);
  }

  /**
   * As `columns`, for the after-image of a PARTIAL_UPDATE_ROWS event. Sets `partial[i]` to 1 where the value of JSON column i is
   * a diff on the before-image and to 0 for all other columns.
   * Source: MySQL internals, Rows_event: value options (length-encoded, 1 = PARTIAL_JSON), a bit per JSON column, row image.
   */
  partialColumns(images: Buffer, offset: number, out: Int32Array, partial: Uint8Array, limit: number = images.length): number {
    const start = this.#partialStart(images, offset, limit);
    partial.fill(0, 0, this.columnCount);
    if (images[offset] === PARTIAL_JSON) {
      this.json.forEach((column, i) => {
        partial[column] = (images[offset + 1 + (i >> 3)]! >> (i & 7)) & 1;
      });
    }
    return this.columns(images, start, out, limit);
  }

  /** Number of rows in the images of a PARTIAL_UPDATE_ROWS event. */
  countPartialUpdates(images: Buffer, offset = 0, limit: number = images.length): number {
    let rows = 0;
    for (let at = offset; at < limit; rows++) at = this.partialEnd(images, this.end(images, at, limit), limit);
    return rows;
  }

  /** Where the null bitmap of a partial image begins. */
  #partialStart(images: Buffer, offset: number, limit: number): number {
    if (offset >= limit) throw this.#overrun(offset);
    const options = images[offset]!;
    if (options === 0) return offset + 1;
    if (options !== PARTIAL_JSON) throw undecodable(`row value options ${options} are unknown`, { table: this.#name });
    return offset + 1 + ((this.json.length + 7) >> 3);
  }

  #noNulls(image: Buffer, offset: number): boolean {
    const last = this.nullBytes - 1;
    for (let i = 0; i < last; i++) if (image[offset + i] !== 0) return false;
    // Bits after the last column carry no meaning (servers set them to 1).
    const used = this.columnCount - last * 8;
    return (image[offset + last]! & ((1 << used) - 1)) === 0;
  }

  #overrun(offset: number): Error {
    return undecodable(`a row image of ${this.#name} at byte ${offset} reaches past the end of its event`, { table: this.#name });
  }
}

const shapes = new WeakMap<TableMap, RowShape>();

/** The shape of a table's row images, made once per TableMap. Throws LK1203 when a column's type cannot be in a row. */
export function rowShape(map: TableMap): RowShape {
  let shape = shapes.get(map);
  if (shape === undefined) {
    shape = new RowShape(map);
    shapes.set(map, shape);
  }
  return shape;
}

/** Past the end `buffer[at]` is undefined and the sum NaN, which fails the caller's limit test. */
function lengthAt(buffer: Buffer, at: number, width: number): number {
  if (at + width > buffer.length) return NaN;
  switch (width) {
    case 1:
      return buffer[at]!;
    case 2:
      return u16(buffer, at);
    case 3:
      return u24(buffer, at);
    default:
      return u32(buffer, at);
  }
}

/**
 * Length of a value in a row image: the bytes when fixed, minus the width of the length prefix when it is variable, null
 * when the type cannot be in a row image. `meta` is as in TableMap.meta.
 * Source: MySQL calc_field_size (libs/mysql/binlog/event/binary_log_funcs).
 */
export function valueLength(type: number, meta: number): number | null {
  switch (type) {
    case ColumnType.TINY:
    case ColumnType.YEAR:
      return 1;
    case ColumnType.SHORT:
      return 2;
    case ColumnType.INT24:
    case ColumnType.DATE:
    case ColumnType.NEWDATE:
    case ColumnType.TIME:
      return 3;
    case ColumnType.FLOAT:
      return meta === 4 ? 4 : null;
    case ColumnType.DOUBLE:
      return meta === 8 ? 8 : null;
    case ColumnType.LONG:
    case ColumnType.TIMESTAMP:
      return 4;
    case ColumnType.LONGLONG:
    case ColumnType.DATETIME:
      return 8;
    case ColumnType.TIMESTAMP2:
      return 4 + fractionLength(meta);
    case ColumnType.DATETIME2:
      return 5 + fractionLength(meta);
    case ColumnType.TIME2:
      return 3 + fractionLength(meta);
    case ColumnType.NEWDECIMAL:
      return decimalLength(meta >> 8, meta & 0xff);
    case ColumnType.BIT:
      return (meta >> 8) + ((meta & 0xff) > 0 ? 1 : 0);
    case ColumnType.ENUM:
    case ColumnType.SET:
      return meta;
    case ColumnType.VARCHAR:
    case ColumnType.VAR_STRING:
    case ColumnType.STRING:
    case ColumnType.MARIADB_VARCHAR_COMPRESSED:
      return meta > 255 ? -2 : -1;
    case ColumnType.TINY_BLOB:
    case ColumnType.MEDIUM_BLOB:
    case ColumnType.LONG_BLOB:
    case ColumnType.BLOB:
    case ColumnType.MARIADB_BLOB_COMPRESSED:
    case ColumnType.GEOMETRY:
    case ColumnType.JSON:
    case ColumnType.VECTOR:
      return meta >= 1 && meta <= 4 ? -meta : null;
    case ColumnType.NULL:
      return 0;
    default:
      return null;
  }
}
