import { ColumnType } from '../source/column-type.ts';
import type { TableMap } from '../source/table-map.ts';
import type { TableFinding } from './table-findings.ts';
import type { TableMetadata } from './table-metadata.ts';

/** The columns of a system-versioned table that hold a row's time, where its definition names none. */
export const HIDDEN_PERIOD = { begin: 'row_start', end: 'row_end' } as const;

/**
 * The columns in which the source's rows bring their history; null when they bring none. MariaDB logs what it does to a versioned
 * table row by row: an update closes the present row and inserts the past one, which has the same primary key.
 */
export function historyColumns(map: TableMap, target: TableMetadata): readonly [string, string] | null {
  const { columnNames } = map.metadata;
  const { versioning } = target;
  if (versioning?.declared === true) {
    const has = (column: string) =>
      columnNames === null
        ? map.columnCount === target.columns.length
        : columnNames.some((name) => name.toLowerCase() === column.toLowerCase());
    return has(versioning.begin) && has(versioning.end) ? [versioning.begin, versioning.end] : null;
  }
  // Where names are not logged, a MySQL source's last two columns may look alike.
  if (map.flavor !== 'mariadb') return null;
  const { begin, end } = HIDDEN_PERIOD;
  const last = map.columnCount - 2;
  if (last < 1 || target.columns.some(({ name }) => name.toLowerCase() === begin)) return null;
  if ([last, last + 1].some((i) => map.types[i] !== ColumnType.TIMESTAMP2 || map.meta[i] !== 6)) return null;
  const named =
    columnNames === null ? last === target.columns.length : columnNames[last] === begin && columnNames[last + 1] === end;
  return named ? [begin, end] : null;
}

/** What stands against writing rows that bring their history as statements. */
export function historyFinding(map: TableMap, target: TableMetadata): TableFinding | null {
  const columns = historyColumns(map, target);
  if (columns === null) return null;
  const versions = target.versioning === null ? 'has no versions' : 'has versions';
  return historyFault(`${target.schema}.${target.table}`, `columns ${columns.join(', ')}; the target's table ${versions}`);
}

/** `found` completes why the history of the table cannot be kept. */
export function historyFault(table: string, found: string): TableFinding & { readonly code: 'LK1315' } {
  return {
    code: 'LK1315',
    severity: 'error',
    message: `the rows of ${table} bring a history that the target cannot keep`,
    found,
  };
}
