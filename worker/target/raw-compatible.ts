import { ColumnType, columnTypeName } from '../source/column-type.ts';
import type { TableMap } from '../source/table-map.ts';
import { charsetOfCollation } from './sql/charset.ts';
import type { ColumnMetadata, TableMetadata } from './table-metadata.ts';
import { historyColumns } from './versioning.ts';

/**
 * Whether the target's own applier would store the source's row images as they are: the same columns, in the same order, of
 * the same types, lengths, signedness and character sets (the latter two as far as the source logs them). Else the reason.
 */
export function rawCompatible(map: TableMap, target: TableMetadata): true | string {
  const { versioning } = target;
  const history = historyColumns(map, target);
  if (history !== null && versioning?.byTransaction === true) return `${history.join(' and ')} number the source's transactions`;
  const hidden = history !== null && versioning?.declared === false ? history.length : 0;
  if (map.columnCount !== target.columns.length + hidden)
    return `the source has ${map.columnCount} columns, the target ${target.columns.length + hidden}`;
  for (let i = 0; i < target.columns.length; i++) {
    const difference = columnDifference(map, i, target.columns[i]!);
    if (difference !== null) return `column ${target.columns[i]!.name}: ${difference}`;
  }
  return true;
}

function columnDifference(map: TableMap, i: number, target: ColumnMetadata): string | null {
  const { columnNames, unsigned, collations, members } = map.metadata;
  const name = columnNames?.[i];
  if (name !== undefined && name.toLowerCase() !== target.name.toLowerCase()) return `the source has ${name} in its place`;
  const type = map.types[i]!;
  const expected = binlogType(target);
  if (expected === null || expected.type !== type || expected.meta !== map.meta[i]) {
    return `the source has ${columnTypeName(type)} (${map.meta[i]}), the target ${target.columnType}`;
  }
  if (unsigned !== null && INTEGERS.has(type) && (unsigned[i] === 1) !== target.unsigned) {
    return `the source is ${unsigned[i] === 1 ? 'unsigned' : 'signed'}, the target is not`;
  }
  const collation = collations?.[i] ?? 0;
  if (collation !== 0) {
    const charset = charsetOfCollation(collation) ?? `collation ${collation}`;
    const own = target.charset ?? 'binary';
    if (charset !== own) return `the source has character set ${charset}, the target ${own}`;
  }
  if (map.nullable[i] === 1 && !target.nullable) return 'the source allows NULL, the target does not';
  const list = members?.[i] ?? null;
  if (list !== null && target.members !== null && !sameMembers(list, target.members)) return 'the members differ';
  return null;
}

const INTEGERS: ReadonlySet<number> = new Set([
  ColumnType.TINY,
  ColumnType.SHORT,
  ColumnType.INT24,
  ColumnType.LONG,
  ColumnType.LONGLONG,
]);

/**
 * Members that are no ASCII may be in another encoding here and there (and information_schema does not show all characters);
 * for them it is enough that they stand in one place.
 */
function sameMembers(source: readonly Buffer[], target: readonly string[]): boolean {
  return (
    source.length === target.length &&
    source.every((member, i) => member.some((byte) => byte > 0x7f) || member.toString('latin1') === target[i])
  );
}

const INTEGER_TYPES: Readonly<Record<string, number>> = {
  tinyint: ColumnType.TINY,
  smallint: ColumnType.SHORT,
  mediumint: ColumnType.INT24,
  int: ColumnType.LONG,
  bigint: ColumnType.LONGLONG,
  year: ColumnType.YEAR,
  date: ColumnType.DATE,
};
const OLD_TEMPORAL: Readonly<Record<string, number>> = {
  time: ColumnType.TIME,
  datetime: ColumnType.DATETIME,
  timestamp: ColumnType.TIMESTAMP,
};
/** BLOB and TEXT by the bytes of their length. */
const BLOB_BYTES: Readonly<Record<string, number>> = {
  tinytext: 1,
  tinyblob: 1,
  text: 2,
  blob: 2,
  mediumtext: 3,
  mediumblob: 3,
  longtext: 4,
  longblob: 4,
};
const GEOMETRIES: ReadonlySet<string> = new Set([
  'geometry',
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geomcollection',
  'geometrycollection',
]);

/** How the target itself would log the column; null for a type without an entry here. */
export function binlogType(column: ColumnMetadata): { readonly type: number; readonly meta: number } | null {
  const { dataType } = column;
  const compressed = /COMPRESSED/.test(column.columnType);
  // A column made before MySQL 5.6's formats, or with mysql56_temporal_format=OFF; with fractions its length is not logged alike.
  const old = /mariadb-5\.3/.test(column.columnType) ? OLD_TEMPORAL[dataType] : undefined;
  if (old !== undefined) return (column.fsp ?? 0) === 0 ? { type: old, meta: 0 } : null;
  const integer = INTEGER_TYPES[dataType];
  if (integer !== undefined) return { type: integer, meta: 0 };
  const lengthBytes = BLOB_BYTES[dataType];
  if (lengthBytes !== undefined)
    return { type: compressed ? ColumnType.MARIADB_BLOB_COMPRESSED : ColumnType.BLOB, meta: lengthBytes };
  if (GEOMETRIES.has(dataType)) return { type: ColumnType.GEOMETRY, meta: 4 };
  const octets = column.octetLength ?? 0;
  switch (dataType) {
    case 'float':
      return { type: ColumnType.FLOAT, meta: 4 };
    case 'double':
      return { type: ColumnType.DOUBLE, meta: 8 };
    case 'decimal':
      return { type: ColumnType.NEWDECIMAL, meta: ((column.precision ?? 0) << 8) | (column.scale ?? 0) };
    case 'bit': {
      const bits = column.length ?? 0;
      return { type: ColumnType.BIT, meta: ((bits >> 3) << 8) | (bits & 7) };
    }
    case 'time':
      return { type: ColumnType.TIME2, meta: column.fsp ?? 0 };
    case 'datetime':
      return { type: ColumnType.DATETIME2, meta: column.fsp ?? 0 };
    case 'timestamp':
      return { type: ColumnType.TIMESTAMP2, meta: column.fsp ?? 0 };
    case 'char':
    case 'binary':
      return { type: ColumnType.STRING, meta: octets };
    case 'varchar':
    case 'varbinary':
      return compressed
        ? { type: ColumnType.MARIADB_VARCHAR_COMPRESSED, meta: octets + 1 }
        : { type: ColumnType.VARCHAR, meta: octets };
    case 'json':
      return { type: ColumnType.JSON, meta: 4 };
    case 'vector':
      return { type: ColumnType.VECTOR, meta: 4 };
    case 'enum':
      return { type: ColumnType.ENUM, meta: (column.members?.length ?? 0) < 256 ? 1 : 2 };
    case 'set': {
      const bytes = Math.ceil((column.members?.length ?? 0) / 8);
      return { type: ColumnType.SET, meta: bytes > 4 ? 8 : bytes };
    }
    case 'uuid':
    case 'inet6':
      return { type: ColumnType.STRING, meta: 16 };
    case 'inet4':
      return { type: ColumnType.STRING, meta: 4 };
    default:
      return null;
  }
}
