import { ColumnType } from './column-type.ts';
import type { TableMap } from './table-map.ts';

/** The one row of a MariaDB sequence. Source: sql/sql_sequence.cc. */
const COLUMNS = [
  'next_not_cached_value',
  'minimum_value',
  'maximum_value',
  'start_value',
  'increment',
  'cache_size',
  'cycle_option',
  'cycle_count',
] as const;
const CYCLE_OPTION = COLUMNS.indexOf('cycle_option');

/** Whether the rows are those of a sequence: the binlog does not say so, its columns do, by their names where these are logged. */
export function isSequence({ columnCount, types, nullable, metadata }: TableMap): boolean {
  if (columnCount !== COLUMNS.length) return false;
  return COLUMNS.every((name, i) => {
    const type = i === CYCLE_OPTION ? ColumnType.TINY : ColumnType.LONGLONG;
    return types[i] === type && nullable[i] === 0 && (metadata.columnNames?.[i] ?? name) === name;
  });
}
