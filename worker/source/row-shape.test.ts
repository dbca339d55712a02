import { describe, expect, it } from 'vitest';
import { ColumnType } from './column-type.ts';
import { RowShape, valueLength } from './row-shape.ts';
import type { TableMap } from './table-map.ts';

function table(columns: readonly (readonly [type: number, meta: number])[]): TableMap {
  return {
    id: 1,
    flavor: 'mysql',
    schema: 's',
    table: 't',
    route: null,
    raw: Buffer.alloc(0),
    columnCount: columns.length,
    types: Uint8Array.from(columns, ([type]) => type),
    meta: Uint16Array.from(columns, ([, meta]) => meta),
    nullable: new Uint8Array(columns.length).fill(1),
    metadata: {
      columnNames: null,
      unsigned: null,
      collations: null,
      primaryKey: null,
      members: null,
      geometryTypes: null,
      visible: null,
    },
  };
}

describe('valueLength', () => {
  it.each([
    ['BIT(1)', ColumnType.BIT, 0x0001, 1],
    ['BIT(8)', ColumnType.BIT, 0x0100, 1],
    ['BIT(33)', ColumnType.BIT, 0x0401, 5],
    ['DECIMAL(10,2)', ColumnType.NEWDECIMAL, 0x0a02, 5],
    ['DECIMAL(65,30)', ColumnType.NEWDECIMAL, 0x411e, 30],
    ['DECIMAL(5,5)', ColumnType.NEWDECIMAL, 0x0505, 3],
    ['TIME(0)', ColumnType.TIME2, 0, 3],
    ['DATETIME(3)', ColumnType.DATETIME2, 3, 7],
    ['TIMESTAMP(6)', ColumnType.TIMESTAMP2, 6, 7],
    ['old DATETIME', ColumnType.DATETIME, 0, 8],
    ['ENUM of 300', ColumnType.ENUM, 2, 2],
    ['SET of 64', ColumnType.SET, 8, 8],
    ['CHAR(63) utf8mb4', ColumnType.STRING, 252, -1],
    ['CHAR(255) utf8mb4', ColumnType.STRING, 1020, -2],
    ['VARCHAR of 255 bytes', ColumnType.VARCHAR, 255, -1],
    ['VARCHAR of 256 bytes', ColumnType.VARCHAR, 256, -2],
    ['TINYBLOB', ColumnType.BLOB, 1, -1],
    ['LONGBLOB', ColumnType.BLOB, 4, -4],
    ['VECTOR', ColumnType.VECTOR, 4, -4],
    ['BLOB with impossible metadata', ColumnType.BLOB, 5, null],
    ['TYPED_ARRAY', ColumnType.TYPED_ARRAY, 0, null],
    ['an unknown type', 200, 0, null],
  ])('%s', (_name, type, meta, length) => {
    expect(valueLength(type, meta)).toBe(length);
  });
});

describe('RowShape', () => {
  const shape = new RowShape(
    table([
      [ColumnType.LONG, 0],
      [ColumnType.VARCHAR, 20],
      [ColumnType.BLOB, 3],
      [ColumnType.TINY, 0],
    ]),
  );
  const full = Buffer.from([0xf0, 1, 0, 0, 0, 2, 0x61, 0x62, 3, 0, 0, 7, 8, 9, 5]);
  const nulls = Buffer.from([0xf6, 1, 0, 0, 0, 5]);

  it('finds every value and the end of each image', () => {
    const images = Buffer.concat([full, nulls, full]);
    const out = new Int32Array(8);
    expect(shape.end(images, 0)).toBe(15);
    expect(shape.columns(images, 0, out)).toBe(15);
    expect([...out]).toEqual([1, 5, 6, 8, 11, 14, 14, 15]);
    expect(shape.columns(images, 15, out)).toBe(21);
    expect([...out]).toEqual([16, 20, -1, -1, -1, -1, 20, 21]);
    expect(shape.count(images)).toBe(3);
  });

  it('refuses images that end early', () => {
    const out = new Int32Array(8);
    for (let length = 1; length < full.length; length++) {
      const cut = full.subarray(0, length);
      expect(() => shape.end(cut, 0), String(length)).toThrow('past the end');
      expect(() => shape.columns(cut, 0, out), String(length)).toThrow('past the end');
    }
    expect(() => shape.count(Buffer.concat([full, full.subarray(0, 6)]))).toThrow('past the end');
  });

  it('walks rows of fixed length as it walks others', () => {
    for (let columns = 1; columns <= 20; columns++) {
      const fixed = new RowShape(table(Array.from({ length: columns }, () => [ColumnType.SHORT, 0] as const)));
      const nullBytes = (columns + 7) >> 3;
      for (let isNull = -1; isNull < columns; isNull++) {
        const image = Buffer.alloc(nullBytes + 2 * columns);
        // Unused bits are set, as servers do.
        for (let bit = columns; bit < nullBytes * 8; bit++) image[bit >> 3]! |= 1 << (bit & 7);
        if (isNull >= 0) image[isNull >> 3]! |= 1 << (isNull & 7);
        const length = nullBytes + 2 * (isNull < 0 ? columns : columns - 1);
        expect(fixed.end(image, 0)).toBe(length);
        expect(fixed.columns(image, 0, new Int32Array(2 * columns))).toBe(length);
      }
    }
  });

  it('tells which JSON values of a partial image are diffs', () => {
    const json = new RowShape(
      table([
        [ColumnType.TINY, 0],
        [ColumnType.JSON, 4],
        [ColumnType.JSON, 4],
      ]),
    );
    const before = [0xf8, 1, 1, 0, 0, 0, 4, 1, 0, 0, 0, 4];
    const partial = [1, 0b10, 0xf8, 1, 1, 0, 0, 0, 4, 2, 0, 0, 0, 9, 9];
    const whole = [0, 0xfc, 1, 1, 0, 0, 0, 4];
    const images = Buffer.from([...before, ...partial, ...before, ...whole]);
    const out = new Int32Array(6);
    const flags = new Uint8Array(3);
    expect(json.partialColumns(images, 12, out, flags)).toBe(27);
    expect([...flags]).toEqual([0, 0, 1]);
    expect([...out]).toEqual([15, 16, 20, 21, 25, 27]);
    expect(json.partialEnd(images, 12)).toBe(27);
    expect(json.countPartialUpdates(images)).toBe(2);
    expect(json.partialColumns(images, 39, out, flags)).toBe(47);
    expect([...flags]).toEqual([0, 0, 0]);
    images[12] = 2;
    expect(() => json.partialEnd(images, 12)).toThrow('row value options 2');
  });
});
