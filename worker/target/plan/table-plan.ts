import type { TableMap } from '../../source/table-map.ts';
import type { ReferentialAction, TableMetadata } from '../table-metadata.ts';
import { historyColumns } from '../versioning.ts';
import { RowKeyReader } from './row-key.ts';

/**
 * How much the order of a table's rows may be changed inside one target transaction, whose inner states nobody sees.
 *
 * - `by-key`: no foreign keys, the primary key is the only unique key, and equal keys have equal bytes. Rows of different
 *   keys commute, and several changes of one key can become one.
 * - `in-order`: no foreign keys: the table commutes with others, but its own rows keep their order (a value of a second
 *   unique key may move from row to row).
 * - `global`: foreign keys tie it to other tables: order is kept among all such tables.
 *
 * `cascades`: a foreign key of another table (CASCADE, SET NULL...) makes a change of this one change rows there.
 *
 * `join` tells whether rows of consecutive events may be written as one event. Tables without a usable unique key are
 * searched by the server event by event, where a row that changes twice in one event would not be found again.
 */
export type TablePlan =
  | { readonly kind: 'by-key'; readonly key: RowKeyReader }
  | { readonly kind: 'in-order'; readonly join: boolean }
  | { readonly kind: 'global'; readonly join: boolean; readonly cascades: boolean };

export function planTable(map: TableMap, target: TableMetadata): TablePlan {
  const join = hasRowLocator(target);
  if (target.foreignKeys.length > 0 || target.referencedBy.length > 0) {
    const cascades = target.referencedBy.some(({ onDelete, onUpdate }) => !isCheck(onDelete) || !isCheck(onUpdate));
    return { kind: 'global', join, cascades };
  }
  // A row of the past has the primary key of the present one.
  const key = historyColumns(map, target) === null ? compactableKey(map, target) : null;
  return key === null ? { kind: 'in-order', join } : { kind: 'by-key', key: new RowKeyReader(map, key) };
}

function isCheck(action: ReferentialAction): boolean {
  return action === 'RESTRICT' || action === 'NO ACTION';
}

/** The server finds a row of the event by a key that names exactly one row. */
function hasRowLocator(target: TableMetadata): boolean {
  return target.primaryKey !== null || target.uniqueKeys.some((key) => !key.nullable && !key.functional);
}

/** Ordinals (in the row image) of the primary key's columns when the table's rows may be compacted by it, else null. */
function compactableKey(map: TableMap, target: TableMetadata): number[] | null {
  if (target.primaryKey === null || target.uniqueKeys.length > 0) return null;
  const ordinals: number[] = [];
  for (const part of target.primaryKey) {
    const ordinal = imageOrdinal(map, target, part.column);
    if (part.prefix !== 0 || ordinal < 0 || !byteExact(map, ordinal, target)) return null;
    ordinals.push(ordinal);
  }
  return ordinals;
}

/** Columns match by name where the source logs names; else both sides have the same columns in the same order. */
function imageOrdinal(map: TableMap, target: TableMetadata, column: string): number {
  const names = map.metadata.columnNames ?? target.columns.map((c) => c.name);
  if (names.length !== map.columnCount) return -1;
  const wanted = column.toLowerCase();
  return names.findIndex((name) => name.toLowerCase() === wanted);
}

/** Integers, YEAR, BIT, and the packed temporal types: one byte pattern per value. */
const EXACT_TYPES: ReadonlySet<number> = new Set([1, 2, 3, 8, 9, 13, 16, 10, 17, 18, 19]);
const STRING_TYPES: ReadonlySet<number> = new Set([15, 253, 254]);

/**
 * Whether equal values of the column always have equal bytes. Text is not (collations, trailing spaces), floats are not
 * (-0 = 0), DECIMAL is left out to be safe; BINARY and VARBINARY are.
 */
function byteExact(map: TableMap, ordinal: number, target: TableMetadata): boolean {
  const type = map.types[ordinal]!;
  if (EXACT_TYPES.has(type)) return true;
  if (!STRING_TYPES.has(type)) return false;
  const names = map.metadata.columnNames;
  const column = names === null ? target.columns[ordinal] : target.columns.find((c) => sameName(c.name, names[ordinal]!));
  return column !== undefined && (column.dataType === 'binary' || column.dataType === 'varbinary');
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
