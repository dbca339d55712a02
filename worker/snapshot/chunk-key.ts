import type { ColumnMetadata, TableMetadata } from '../target/table-metadata.ts';
import { identifier } from './types.ts';

/** A key value as SQL literals that compare like the stored value, one for each column of the key; binary strings. */
export type KeyValue = readonly string[];

interface KeyColumn {
  /** Quoted. */
  readonly name: string;
  /** Expression whose text `literal` understands. */
  readonly select: string;
  readonly literal: (text: Buffer) => string;
}

/** A key that puts all rows of a table into one order, in which chunks are cut. */
export interface ChunkKey {
  /** Quoted name of the index. */
  readonly index: string;
  readonly columns: readonly KeyColumn[];
}

/** The primary key, else the shortest unique key without NULLs; null when the table has no key whose values can be written as literals. */
export function chooseChunkKey(table: TableMetadata): ChunkKey | null {
  const primary = table.primaryKey === null ? [] : [{ name: 'PRIMARY', columns: table.primaryKey }];
  const unique = table.uniqueKeys
    .filter((key) => !key.nullable && !key.functional)
    .sort((a, b) => a.columns.length - b.columns.length);
  for (const { name, columns } of [...primary, ...unique]) {
    const parts = columns.map(({ column, prefix }) => {
      const metadata = table.columns.find((candidate) => candidate.name === column);
      return metadata === undefined || prefix > 0 ? null : keyColumn(metadata);
    });
    if (parts.every((part) => part !== null)) return { index: identifier(name), columns: parts };
  }
  return null;
}

function keyColumn(column: ColumnMetadata): KeyColumn | null {
  const name = identifier(column.name);
  const as = (select: string, literal: KeyColumn['literal']): KeyColumn => ({ name, select, literal });
  switch (column.dataType) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
    case 'bigint':
    case 'decimal':
    case 'year':
      return as(name, latin1);
    case 'bit':
    case 'enum':
    case 'set':
      return as(`CAST(${name} AS UNSIGNED)`, latin1);
    case 'float':
    case 'double':
      return as(`CAST(${name} AS DOUBLE)`, (text) => (/e/i.test(latin1(text)) ? latin1(text) : `${latin1(text)}e0`));
    case 'date':
    case 'time':
    case 'datetime':
    case 'timestamp':
    case 'uuid':
    case 'inet4':
    case 'inet6':
      // Not a plain literal: under SET NAMES binary it would be bytes, and some of these types have an internal form.
      return as(name, (text) => `_latin1'${latin1(text)}'`);
    case 'char':
    case 'varchar':
      return as(name, (text) => `_${column.charset} ${hexLiteral(text)}`);
    case 'binary':
    case 'varbinary':
      return as(name, hexLiteral);
    default:
      return null;
  }
}

function latin1(text: Buffer): string {
  return text.toString('latin1');
}

function hexLiteral(text: Buffer): string {
  return text.length === 0 ? "''" : `0x${text.toString('hex')}`;
}

/** Condition for the rows behind `value` in the key's order. */
export function after(key: ChunkKey, value: KeyValue): string {
  return compare(key, value, '>', '>');
}

/** Condition for the rows up to `value`, that one included. */
export function upTo(key: ChunkKey, value: KeyValue): string {
  return compare(key, value, '<', '<=');
}

/**
 * `(a, b) > (1, 2)` written out, since the server uses no index for row comparisons. The comparison of the first column alone
 * stands before, so that the optimizer sees a range.
 */
function compare(key: ChunkKey, value: KeyValue, inner: string, last: string): string {
  const [first] = key.columns;
  const nested = key.columns.reduceRight<string | null>((rest, { name }, index) => {
    if (rest === null) return `${name}${last}${value[index]!}`;
    return `(${name}${inner}${value[index]!} OR (${name}=${value[index]!} AND ${rest}))`;
  }, null)!;
  return key.columns.length === 1 ? nested : `${first!.name}${inner}=${value[0]!} AND ${nested}`;
}

/** The rows behind `lower` up to `upper`; null is the end of the table. An empty text stands for the whole table. */
export function rangeCondition(key: ChunkKey | null, lower: KeyValue | null, upper: KeyValue | null): string {
  if (key === null) return '';
  const parts = [...(lower === null ? [] : [after(key, lower)]), ...(upper === null ? [] : [upTo(key, upper)])];
  return parts.join(' AND ');
}

/** Finds the key of the row `rows` behind `lower`: the upper end of a chunk. No row: the rest is smaller. */
export function boundarySql(table: string, key: ChunkKey, lower: KeyValue | null, rows: number): string {
  const where = lower === null ? '' : ` WHERE ${after(key, lower)}`;
  const select = key.columns.map((column) => column.select).join(',');
  const order = key.columns.map((column) => column.name).join(',');
  return `SELECT ${select} FROM ${table} FORCE INDEX (${key.index})${where} ORDER BY ${order} LIMIT 1 OFFSET ${rows - 1}`;
}

/** The last key of the table. */
export function lastKeySql(table: string, key: ChunkKey): string {
  const select = key.columns.map((column) => column.select).join(',');
  const order = key.columns.map((column) => `${column.name} DESC`).join(',');
  return `SELECT ${select} FROM ${table} FORCE INDEX (${key.index}) ORDER BY ${order} LIMIT 1`;
}
