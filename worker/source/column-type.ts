import type { Flavor } from './position.ts';

/**
 * Column type codes of TABLE_MAP events.
 * Sources: MySQL enum_field_types (include/field_types.h); MariaDB keeps the codes up to 19 and 245 to 255 and writes the
 * temporal codes without fractional seconds (7, 11, 12) for columns made before 10.1.
 */
export const ColumnType = {
  DECIMAL: 0,
  TINY: 1,
  SHORT: 2,
  LONG: 3,
  FLOAT: 4,
  DOUBLE: 5,
  NULL: 6,
  TIMESTAMP: 7,
  LONGLONG: 8,
  INT24: 9,
  DATE: 10,
  TIME: 11,
  DATETIME: 12,
  YEAR: 13,
  NEWDATE: 14,
  VARCHAR: 15,
  BIT: 16,
  TIMESTAMP2: 17,
  DATETIME2: 18,
  TIME2: 19,
  TYPED_ARRAY: 20,
  MARIADB_BLOB_COMPRESSED: 140,
  MARIADB_VARCHAR_COMPRESSED: 141,
  VECTOR: 242,
  JSON: 245,
  NEWDECIMAL: 246,
  ENUM: 247,
  SET: 248,
  TINY_BLOB: 249,
  MEDIUM_BLOB: 250,
  LONG_BLOB: 251,
  BLOB: 252,
  VAR_STRING: 253,
  STRING: 254,
  GEOMETRY: 255,
} as const;

const names = new Map<number, string>(Object.entries(ColumnType).map(([name, code]) => [code, name]));

export function columnTypeName(type: number): string {
  return names.get(type) ?? `type ${type}`;
}

/** Types for which SIGNEDNESS of the optional metadata has a bit. */
export function isNumeric(type: number): boolean {
  switch (type) {
    case ColumnType.TINY:
    case ColumnType.SHORT:
    case ColumnType.INT24:
    case ColumnType.LONG:
    case ColumnType.LONGLONG:
    case ColumnType.NEWDECIMAL:
    case ColumnType.DECIMAL:
    case ColumnType.FLOAT:
    case ColumnType.DOUBLE:
    case ColumnType.YEAR:
      return true;
    default:
      return false;
  }
}

/** Types of text and bytes: those with a character set, which is `binary` for bytes. */
export function isCharacter(type: number): boolean {
  switch (type) {
    case ColumnType.STRING:
    case ColumnType.VAR_STRING:
    case ColumnType.VARCHAR:
    case ColumnType.TINY_BLOB:
    case ColumnType.MEDIUM_BLOB:
    case ColumnType.LONG_BLOB:
    case ColumnType.BLOB:
    case ColumnType.MARIADB_BLOB_COMPRESSED:
    case ColumnType.MARIADB_VARCHAR_COMPRESSED:
      return true;
    default:
      return false;
  }
}

/** Types that have a place in DEFAULT_CHARSET and COLUMN_CHARSET of the optional metadata: in each flavour also one kind of blob. */
export function isListedWithCharset(type: number, flavor: Flavor): boolean {
  return isCharacter(type) || type === (flavor === 'mysql' ? ColumnType.VECTOR : ColumnType.GEOMETRY);
}

export function isEnumOrSet(type: number): boolean {
  return type === ColumnType.ENUM || type === ColumnType.SET;
}

/** Bytes of metadata in the TABLE_MAP event; throws RangeError for a type that is not known. */
export function metadataLength(type: number): 0 | 1 | 2 {
  switch (type) {
    case ColumnType.FLOAT:
    case ColumnType.DOUBLE:
    case ColumnType.TINY_BLOB:
    case ColumnType.MEDIUM_BLOB:
    case ColumnType.LONG_BLOB:
    case ColumnType.BLOB:
    case ColumnType.MARIADB_BLOB_COMPRESSED:
    case ColumnType.GEOMETRY:
    case ColumnType.JSON:
    case ColumnType.VECTOR:
    case ColumnType.TIME2:
    case ColumnType.DATETIME2:
    case ColumnType.TIMESTAMP2:
      return 1;
    case ColumnType.VARCHAR:
    case ColumnType.MARIADB_VARCHAR_COMPRESSED:
    case ColumnType.BIT:
    case ColumnType.NEWDECIMAL:
    case ColumnType.ENUM:
    case ColumnType.SET:
    case ColumnType.STRING:
    case ColumnType.VAR_STRING:
      return 2;
    case ColumnType.DECIMAL:
    case ColumnType.TINY:
    case ColumnType.SHORT:
    case ColumnType.LONG:
    case ColumnType.NULL:
    case ColumnType.TIMESTAMP:
    case ColumnType.LONGLONG:
    case ColumnType.INT24:
    case ColumnType.DATE:
    case ColumnType.TIME:
    case ColumnType.DATETIME:
    case ColumnType.YEAR:
    case ColumnType.NEWDATE:
      return 0;
    default:
      throw new RangeError(`column type ${type} is unknown`);
  }
}

const DIGITS_PER_WORD = 9;
const BYTES_OF_DIGITS = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;

/** Bytes of a NEWDECIMAL(precision, scale) value: 4 per 9 digits on each side of the point, fewer for the rest. */
export function decimalLength(precision: number, scale: number): number {
  const whole = precision - scale;
  return (
    Math.floor(whole / DIGITS_PER_WORD) * 4 +
    BYTES_OF_DIGITS[whole % DIGITS_PER_WORD]! +
    Math.floor(scale / DIGITS_PER_WORD) * 4 +
    BYTES_OF_DIGITS[scale % DIGITS_PER_WORD]!
  );
}

/** Bytes of fractional seconds in TIME2, DATETIME2 and TIMESTAMP2: two digits a byte. */
export function fractionLength(digits: number): number {
  return (digits + 1) >> 1;
}
