import { rowShape, type RowShape } from '../../source/row-shape.ts';
import type { TableMap } from '../../source/table-map.ts';

/** A primary key value as it stands in a row image: equal keys have equal RowKeys and the reverse. */
export type RowKey = number | string;

/**
 * Reads primary keys out of row images without decoding the rest of the row.
 * Only for keys whose stored bytes are equal exactly when the values are equal (see `byteExact` in table-plan.ts).
 */
export class RowKeyReader {
  /** Offset after the image last read. */
  end = 0;
  readonly #shape: RowShape;
  readonly #columns: readonly number[];
  readonly #bounds: Int32Array;
  /** Bytes of the integer when the key is one integer column that fits a number, else 0. */
  readonly #integerBytes: number;

  constructor(map: TableMap, keyColumns: readonly number[]) {
    this.#shape = rowShape(map);
    this.#columns = keyColumns;
    this.#bounds = new Int32Array(map.columnCount * 2);
    this.#integerBytes = keyColumns.length === 1 ? (INTEGER_BYTES.get(map.types[keyColumns[0]!]!) ?? 0) : 0;
  }

  /** The key of the image at `offset`; `end` then points behind the image. */
  read(images: Buffer, offset: number): RowKey {
    const bounds = this.#bounds;
    this.end = this.#shape.columns(images, offset, bounds);
    if (this.#integerBytes !== 0) return readInteger(images, bounds[this.#columns[0]! * 2]!, this.#integerBytes);
    if (this.#columns.length === 1) return slice(images, bounds, this.#columns[0]!);
    let key = '';
    for (const column of this.#columns) {
      const value = slice(images, bounds, column);
      key += `${value.length}:${value}`;
    }
    return key;
  }
}

/** TINY, SHORT, INT24, LONG, LONGLONG, YEAR. */
const INTEGER_BYTES: ReadonlyMap<number, number> = new Map([
  [1, 1],
  [2, 2],
  [9, 3],
  [3, 4],
  [8, 8],
  [13, 1],
]);

function readInteger(images: Buffer, offset: number, bytes: number): RowKey {
  if (bytes <= 4) return images.readUIntLE(offset, bytes);
  const high = images.readUInt32LE(offset + 4);
  // Below 2^53 the number is exact; above it (and for negative values) the bytes themselves are the key.
  return high < 0x200000 ? high * 0x1_0000_0000 + images.readUInt32LE(offset) : images.toString('latin1', offset, offset + 8);
}

function slice(images: Buffer, bounds: Int32Array, column: number): string {
  return images.toString('latin1', bounds[column * 2], bounds[column * 2 + 1]);
}
