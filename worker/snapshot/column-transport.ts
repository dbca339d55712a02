import { LockkeeperError } from '../../common/errors.ts';
import type { ColumnMetadata, TableMetadata } from '../target/table-metadata.ts';
import { identifier, nameOfTable, type Flavors } from './types.ts';

/** How one column travels through text without change. */
export interface ColumnTransport {
  /** Column name, as in both tables. */
  readonly name: string;
  /** Expression at the source, a binary string. */
  readonly select: string;
  /** What the target makes of the text in a user variable; null: the text is stored as it is. */
  readonly store: ((variable: string) => string) | null;
  /** JSON values of this column may hold what JSON text cannot express (see json-exact.ts). */
  readonly typedJson: boolean;
}

const TEXT = new Set(['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'enum', 'set']);

/**
 * The transports of all columns that are stored at the source; generated ones are left to the target. Of a versioned table the two
 * that tell a row's time are among them.
 * Throws LK1308 when the target lacks a column or computes it.
 */
export function planColumns(source: TableMetadata, target: TableMetadata, flavors: Flavors): readonly ColumnTransport[] {
  const { versioning } = source;
  const period = versioning === null ? [] : [versioning.begin, versioning.end];
  const times = period.map((name): ColumnTransport => ({ name, select: identifier(name), store: null, typedJson: false }));
  const columns = source.columns
    .filter((column) => column.generated === null)
    .map((column) => {
      const stored = target.columns.find((candidate) => candidate.name.toLowerCase() === column.name.toLowerCase());
      if (stored === undefined || stored.generated !== null) {
        const what = stored === undefined ? 'has no column' : 'computes the column';
        throw new LockkeeperError('LK1308', `target table ${nameOfTable(target)} ${what} ${column.name}`, {
          details: { table: nameOfTable(target), column: column.name },
        });
      }
      return transport(column, stored, flavors);
    });
  return [...columns, ...times];
}

function transport(source: ColumnMetadata, target: ColumnMetadata, flavors: Flavors): ColumnTransport {
  const name = source.name;
  const column = identifier(name);
  const as = (select: string, store: ColumnTransport['store'] = null, typedJson = false): ColumnTransport => ({
    name,
    select,
    store,
    typedJson,
  });
  const fromCharset = (charset: string) => (variable: string) => `CONVERT(${variable} USING ${charset})`;
  switch (source.dataType) {
    case 'float':
      // A FLOAT prints six digits; as a double it prints all that it has.
      return as(`CAST(${column} AS DOUBLE)`);
    case 'double':
      return as(source.columnType.includes('(') ? `CAST(${column} AS DOUBLE)` : column);
    case 'json': {
      if (target.dataType !== 'json') return as(column, target.charset === 'utf8mb4' ? null : fromCharset('utf8mb4'));
      return as(column, fromCharset('utf8mb4'), flavors.source === 'mysql');
    }
    case 'enum':
    case 'set':
      // As numbers: 0, the mark of an invalid value, has no text, and a member may look like another's number.
      if (source.columnType === target.columnType)
        return as(`CAST(${column} AS UNSIGNED)`, (variable) => `CAST(${variable} AS UNSIGNED)`);
      break;
    case 'bit':
      return as(`CAST(${column} AS UNSIGNED)`, (variable) => `CAST(${variable} AS UNSIGNED)`);
    case 'uuid':
    case 'inet4':
    case 'inet6':
      // Bytes without a character set would be taken for the internal form.
      return as(column, fromCharset('latin1'));
    default:
  }
  if (TEXT.has(source.dataType)) {
    if (target.dataType === 'json') return as(column, fromCharset(source.charset ?? 'utf8mb4'));
    if (source.charset !== null && target.charset !== null && source.charset !== target.charset) {
      // The target converts, and complains where a character does not exist there; the source would send a question mark.
      return as(column, fromCharset(source.charset));
    }
  }
  return as(column);
}
