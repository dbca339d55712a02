import { ColumnType } from '../../source/column-type.ts';
import type { TableMap } from '../../source/table-map.ts';
import type { ColumnMetadata, TableMetadata } from '../table-metadata.ts';
import { charsetOfCollation } from './charset.ts';

/** A column of the row image, with the target column that takes its values. */
export interface ColumnPair {
  /** Index in the row image. */
  readonly index: number;
  readonly type: number;
  readonly meta: number;
  readonly unsigned: boolean;
  /** Character set of text, ENUM and SET, `binary` for bytes; null where it has none or the source did not log it. */
  readonly charset: string | null;
  /** Members of ENUM and SET in column charset bytes; null when not logged. */
  readonly members: readonly Buffer[] | null;
  readonly nullable: boolean;
  readonly target: ColumnMetadata;
}

/** Types whose values are text or bytes; which of both is in the charset. */
const TEXT_TYPES: ReadonlySet<number> = new Set([
  ColumnType.VARCHAR,
  ColumnType.VAR_STRING,
  ColumnType.STRING,
  ColumnType.TINY_BLOB,
  ColumnType.MEDIUM_BLOB,
  ColumnType.LONG_BLOB,
  ColumnType.BLOB,
  ColumnType.MARIADB_BLOB_COMPRESSED,
  ColumnType.MARIADB_VARCHAR_COMPRESSED,
]);

/** How the columns of a row image find their places in the target table. */
export interface ColumnMatch {
  readonly pairs: readonly ColumnPair[];
  /** Source columns that the target lacks, by name or (not logged) by position from 1. */
  readonly missing: readonly string[];
  /** Target columns for which the source has no value. */
  readonly extra: readonly ColumnMetadata[];
}

/**
 * Columns match by name where the source logs names (binlog_row_metadata=FULL), so their order may differ; else by position,
 * which is only safe if both sides have as many.
 */
export function matchColumns(map: TableMap, target: TableMetadata): ColumnMatch {
  const { columnNames } = map.metadata;
  const byName = new Map(target.columns.map((column) => [column.name.toLowerCase(), column]));
  const pairs: ColumnPair[] = [];
  const missing: string[] = [];
  const used = new Set<ColumnMetadata>();
  for (let index = 0; index < map.columnCount; index++) {
    const name = columnNames?.[index];
    const column = name === undefined ? target.columns[index] : byName.get(name.toLowerCase());
    if (column === undefined) {
      missing.push(name ?? String(index + 1));
      continue;
    }
    used.add(column);
    pairs.push(pairOf(map, index, column));
  }
  return { pairs, missing, extra: target.columns.filter((column) => !used.has(column)) };
}

function pairOf(map: TableMap, index: number, target: ColumnMetadata): ColumnPair {
  const { unsigned, collations, members } = map.metadata;
  const type = map.types[index]!;
  const collation = collations?.[index] ?? 0;
  return {
    index,
    type,
    meta: map.meta[index]!,
    unsigned: unsigned === null ? target.unsigned : unsigned[index] === 1,
    charset:
      collation === 0 ? (TEXT_TYPES.has(type) ? (target.charset ?? 'binary') : null) : (charsetOfCollation(collation) ?? null),
    members: members?.[index] ?? null,
    nullable: map.nullable[index] === 1,
    target,
  };
}
