import { ByteReader } from './bytes.ts';
import { ColumnType, isListedWithCharset, isEnumOrSet, isNumeric } from './column-type.ts';
import type { Flavor } from './position.ts';
import type { TableMapMetadata } from './table-map.ts';

/** Field types of the optional metadata. Source: MySQL internals, Table_map_event::Optional_metadata_field_type. */
const Field = {
  SIGNEDNESS: 1,
  DEFAULT_CHARSET: 2,
  COLUMN_CHARSET: 3,
  COLUMN_NAME: 4,
  SET_STR_VALUE: 5,
  ENUM_STR_VALUE: 6,
  GEOMETRY_TYPE: 7,
  SIMPLE_PRIMARY_KEY: 8,
  PRIMARY_KEY_WITH_PREFIX: 9,
  ENUM_AND_SET_DEFAULT_CHARSET: 10,
  ENUM_AND_SET_COLUMN_CHARSET: 11,
  COLUMN_VISIBILITY: 12,
} as const;

type Metadata = { -readonly [K in keyof TableMapMetadata]: TableMapMetadata[K] };

/**
 * Parses the optional metadata at the end of a TABLE_MAP event: fields of type(1), length, value until the end. Fields that are
 * not known are skipped, as their authors intend. Throws RangeError when the bytes end early.
 */
export function parseTableMapMetadata(reader: ByteReader, types: Uint8Array, flavor: Flavor): TableMapMetadata {
  const isText = (type: number): boolean => isListedWithCharset(type, flavor);
  const metadata: Metadata = {
    columnNames: null,
    unsigned: null,
    collations: null,
    primaryKey: null,
    members: null,
    geometryTypes: null,
    visible: null,
  };
  while (reader.left > 0) {
    const field = reader.u8();
    const length = reader.lengthEncoded();
    const start = reader.skip(length);
    readField(metadata, field, new ByteReader(reader.buffer, start, start + length), types, isText);
  }
  return metadata;
}

function readField(
  metadata: Metadata,
  field: number,
  value: ByteReader,
  types: Uint8Array,
  isText: (type: number) => boolean,
): void {
  switch (field) {
    case Field.SIGNEDNESS:
      metadata.unsigned = bitsOf(value, types, isNumeric);
      return;
    case Field.DEFAULT_CHARSET:
      metadata.collations = defaultedCollations(value, types, isText, metadata.collations);
      return;
    case Field.COLUMN_CHARSET:
      metadata.collations = listedCollations(value, types, isText, metadata.collations);
      return;
    case Field.ENUM_AND_SET_DEFAULT_CHARSET:
      metadata.collations = defaultedCollations(value, types, isEnumOrSet, metadata.collations);
      return;
    case Field.ENUM_AND_SET_COLUMN_CHARSET:
      metadata.collations = listedCollations(value, types, isEnumOrSet, metadata.collations);
      return;
    case Field.COLUMN_NAME:
      metadata.columnNames = Array.from(types, () => value.text(value.lengthEncoded()));
      return;
    case Field.SET_STR_VALUE:
      metadata.members = memberLists(value, types, ColumnType.SET, metadata.members);
      return;
    case Field.ENUM_STR_VALUE:
      metadata.members = memberLists(value, types, ColumnType.ENUM, metadata.members);
      return;
    case Field.GEOMETRY_TYPE:
      metadata.geometryTypes = Uint8Array.from(types, (type) => (type === ColumnType.GEOMETRY ? value.lengthEncoded() : 0));
      return;
    case Field.SIMPLE_PRIMARY_KEY:
    case Field.PRIMARY_KEY_WITH_PREFIX: {
      const key: { column: number; prefix: number }[] = [];
      while (value.left > 0) {
        const column = value.lengthEncoded();
        key.push({ column, prefix: field === Field.PRIMARY_KEY_WITH_PREFIX ? value.lengthEncoded() : 0 });
      }
      metadata.primaryKey = key;
      return;
    }
    case Field.COLUMN_VISIBILITY:
      metadata.visible = bitsOf(value, types, () => true);
      return;
  }
}

/** One bit per column that counts, highest bit of each byte first. */
function bitsOf(value: ByteReader, types: Uint8Array, counts: (type: number) => boolean): Uint8Array {
  const bits = new Uint8Array(types.length);
  let seen = 0;
  let byte = 0;
  types.forEach((type, column) => {
    if (!counts(type)) return;
    if (seen % 8 === 0) byte = value.u8();
    bits[column] = (byte >> (7 - (seen % 8))) & 1;
    seen++;
  });
  return bits;
}

/** A default collation, then pairs (index among the columns that count, collation) of those that differ. */
function defaultedCollations(
  value: ByteReader,
  types: Uint8Array,
  counts: (type: number) => boolean,
  known: Uint16Array | null,
): Uint16Array {
  const collations = known ?? new Uint16Array(types.length);
  const columns = columnsOf(types, counts);
  const standard = value.lengthEncoded();
  for (const column of columns) collations[column] = standard;
  while (value.left > 0) {
    const column = columns[value.lengthEncoded()];
    const collation = value.lengthEncoded();
    if (column === undefined) throw new RangeError('the optional metadata name a character column that is not there');
    collations[column] = collation;
  }
  return collations;
}

function listedCollations(
  value: ByteReader,
  types: Uint8Array,
  counts: (type: number) => boolean,
  known: Uint16Array | null,
): Uint16Array {
  const collations = known ?? new Uint16Array(types.length);
  for (const column of columnsOf(types, counts)) collations[column] = value.lengthEncoded();
  return collations;
}

function memberLists(
  value: ByteReader,
  types: Uint8Array,
  type: number,
  known: TableMapMetadata['members'],
): (readonly Buffer[] | null)[] {
  const members = known === null ? Array.from(types, (): readonly Buffer[] | null => null) : [...known];
  for (const column of columnsOf(types, (t) => t === type)) {
    const count = value.lengthEncoded();
    members[column] = Array.from({ length: count }, () => value.bytes(value.lengthEncoded()));
  }
  return members;
}

function columnsOf(types: Uint8Array, counts: (type: number) => boolean): number[] {
  const columns: number[] = [];
  types.forEach((type, column) => {
    if (counts(type)) columns.push(column);
  });
  return columns;
}
