import type { RowDataPacket } from 'mysql2/promise';
import type { SqlServer } from './sql-server.ts';

const systemSchemas = ['mysql', 'sys', 'information_schema', 'performance_schema', 'lockkeeper'];

export interface SameDataOptions {
  /** Source schema to target schema, where the names differ; when given and `tables` is not, only these schemas are compared. */
  schemaMap?: Record<string, string>;
  /** Source tables as `schema.table`. Default: every table of every schema that is not a system's or Lockkeeper's own. */
  tables?: readonly string[];
}

export interface TableChecksum {
  rows: number;
  /** The same for the same multiset of rows, whatever their order. */
  hash: string;
}

interface Column {
  name: string;
  type: string;
  key: boolean;
}

/** How many differing rows an error shows for each table. */
const shownRows = 5;

/**
 * Fails unless the target holds, byte for byte, the source's tables, columns and rows. The error names the tables and shows
 * the first differing rows by key. At least one table must be compared.
 */
export async function expectSameData(
  source: SqlServer,
  target: SqlServer,
  options: SameDataOptions = {},
): Promise<{ tables: number; rows: number }> {
  const { schemaMap, tables } = options;
  const targetName = (name: string) => {
    const [schema = '', table = ''] = split(name);
    return `${schemaMap?.[schema] ?? schema}.${table}`;
  };
  const names = tables ?? (await tableNames(source, schemaMap ? Object.keys(schemaMap) : undefined));
  if (names.length === 0) throw new Error('expectSameData: the source has no table to compare');
  const problems: string[] = [];
  if (!tables) {
    const expected = new Set(names.map(targetName));
    for (const name of await tableNames(target, schemaMap ? Object.values(schemaMap) : undefined)) {
      if (!expected.has(name)) problems.push(`${name} is in the target but not in the source`);
    }
  }
  const [sourceColumns, targetColumns] = await Promise.all([columnsOf(source, names), columnsOf(target, names.map(targetName))]);
  let rows = 0;
  for (const name of names) {
    const here = { server: source, name, columns: sourceColumns.get(name) ?? [] };
    const there = { server: target, name: targetName(name), columns: targetColumns.get(targetName(name)) ?? [] };
    const problem = await compareTable(here, there, (count) => (rows += count));
    if (problem) problems.push(problem);
  }
  if (problems.length > 0) throw new Error(`source and target differ:\n${problems.join('\n')}`);
  return { tables: names.length, rows };
}

/** Row count and order-independent hash of each table, by `schema.table`. */
export async function tableChecksums(server: SqlServer, schemas?: readonly string[]): Promise<Map<string, TableChecksum>> {
  const checksums = new Map<string, TableChecksum>();
  const names = await tableNames(server, schemas);
  if (names.length === 0) return checksums;
  const columns = await columnsOf(server, names);
  for (const name of names) checksums.set(name, await checksum({ server, name, columns: columns.get(name) ?? [] }));
  return checksums;
}

interface Side {
  server: SqlServer;
  /** `schema.table` there. */
  name: string;
  columns: readonly Column[];
}

async function compareTable(source: Side, target: Side, count: (rows: number) => void): Promise<string | undefined> {
  if (source.columns.length === 0) return `${source.name} is missing in the source`;
  if (target.columns.length === 0) return `${target.name} is missing in the target`;
  const [sourceNames, targetNames] = [source, target].map(({ columns }) => columns.map(({ name }) => name).join(', '));
  if (sourceNames !== targetNames) return `${target.name} has columns ${targetNames}; the source has ${sourceNames}`;
  const [here, there] = await Promise.all([checksum(source), checksum(target)]);
  count(here.rows);
  if (here.rows === there.rows && here.hash === there.hash) return undefined;
  const differences = diffRows(await rowHashes(source), await rowHashes(target));
  const title = `${source.name} has ${here.rows} rows in the source, ${there.rows} in the target; ${differences.length} keys differ:`;
  const details: string[] = [];
  for (const { key, condition } of differences.slice(0, shownRows)) {
    details.push(`  at ${key}`);
    details.push(`    source: ${await showRow(source, condition)}`);
    details.push(`    target: ${await showRow(target, condition)}`);
  }
  return [title, ...details].join('\n');
}

async function tableNames(server: SqlServer, schemas?: readonly string[]): Promise<string[]> {
  const which = schemas ? 'IN' : 'NOT IN';
  const rows = await server.query(
    `SELECT table_schema AS s, table_name AS t FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema ${which} (?) ORDER BY 1, 2`,
    [schemas ?? systemSchemas],
  );
  return rows.map((row) => `${row['s'] as string}.${row['t'] as string}`);
}

/** Columns of each table that exists, by `schema.table`. */
async function columnsOf(server: SqlServer, names: readonly string[]): Promise<Map<string, Column[]>> {
  const rows = await server.query(
    `SELECT CONCAT(table_schema, '.', table_name) AS tab, column_name AS name, LOWER(data_type) AS type, column_key = 'PRI' AS pri
     FROM information_schema.columns WHERE table_schema IN (?) ORDER BY tab, ordinal_position`,
    [[...new Set(names.map((name) => split(name)[0]))]],
  );
  const columns = new Map<string, Column[]>();
  for (const row of rows) {
    const list = columns.get(row['tab'] as string) ?? [];
    if (list.length === 0) columns.set(row['tab'] as string, list);
    list.push({ name: row['name'] as string, type: row['type'] as string, key: row['pri'] === 1 });
  }
  return columns;
}

/** An expression that is the value's bytes in hexadecimal, exact for every type. */
function exactBytes({ name, type }: Column): string {
  const column = quote(name);
  switch (type) {
    case 'float': // its text is rounded to 6 digits, a double's is not
    case 'double':
      return `HEX(CAST(${column} + 0e0 AS CHAR))`;
    case 'enum':
    case 'set':
      return `CONCAT(CAST(${column} AS UNSIGNED), 'x', HEX(CAST(${column} AS BINARY)))`;
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
    case 'bigint':
    case 'decimal':
    case 'year':
    case 'date':
    case 'time':
    case 'datetime':
    case 'timestamp':
    case 'json':
    case 'uuid':
    case 'inet4':
    case 'inet6':
      return `HEX(CAST(${column} AS CHAR))`;
    case 'bit':
      return `CAST(${column} + 0 AS CHAR)`;
    default: // strings, blobs, geometry, vector: their bytes as stored
      return `HEX(${column})`;
  }
}

const typesWithoutText = /bit|blob|binary|geometry|geomcollection|point|line|polygon|vector/;

/** What a person reads in an error, beside the exact bytes. */
function readable({ name, type }: Column): string {
  return typesWithoutText.test(type) ? "'bytes'" : `CAST(${quote(name)} AS CHAR)`;
}

function rowHash(columns: readonly Column[]): string {
  const values = columns.map((column) => `COALESCE(${exactBytes(column)}, 'N')`);
  return `SHA2(CONCAT_WS(',', ${values.join(', ')}), 256)`;
}

async function checksum({ server, name, columns }: Side): Promise<TableChecksum> {
  // 60 bits of each row's hash: their sum is exact, and, unlike XOR, does not lose rows that come twice.
  const part = (from: number) => `COALESCE(SUM(CAST(CONV(SUBSTR(h, ${from}, 15), 16, 10) AS UNSIGNED)), 0)`;
  const rows = await exactQuery(
    server,
    `SELECT COUNT(*) AS n, CONCAT_WS('-', ${part(1)}, ${part(16)}) AS hash
     FROM (SELECT ${rowHash(columns)} AS h FROM ${quoteTable(name)}) AS t`,
  );
  const row = rows[0];
  return { rows: Number(row?.['n']), hash: String(row?.['hash']) };
}

interface HashedRow {
  /** How a person finds the row. */
  key: string;
  /** How SQL finds it. */
  condition: string;
  hash: string;
  times: number;
}

/** The hash of every row, by primary key, or by all columns where there is none. */
async function rowHashes({ server, name, columns }: Side): Promise<Map<string, HashedRow>> {
  const keys = columns.filter(({ key }) => key);
  const identity = keys.length > 0 ? keys : columns;
  const fields = identity.map((column, index) => `${exactBytes(column)} AS k${index}, ${readable(column)} AS t${index}`);
  const rows = await exactQuery(server, `SELECT ${rowHash(columns)} AS h, ${fields.join(', ')} FROM ${quoteTable(name)}`);
  const hashes = new Map<string, HashedRow>();
  for (const row of rows) {
    const id = identity.map((_, index) => String(row[`k${index}`])).join(',');
    const seen = hashes.get(id);
    if (seen) {
      seen.times++;
      continue;
    }
    const condition = identity.map((column, index) => {
      const bytes = row[`k${index}`] as string | null;
      return `${exactBytes(column)} <=> ${bytes === null ? 'NULL' : `'${bytes}'`}`;
    });
    const key = identity.map((column, index) => `${column.name}=${String(row[`t${index}`])}`);
    hashes.set(id, { key: key.join(', '), condition: condition.join(' AND '), hash: row['h'] as string, times: 1 });
  }
  return hashes;
}

function diffRows(source: Map<string, HashedRow>, target: Map<string, HashedRow>): HashedRow[] {
  const differences: HashedRow[] = [];
  for (const [id, row] of source) {
    const other = target.get(id);
    if (other?.hash !== row.hash || other.times !== row.times) differences.push(row);
  }
  for (const [id, row] of target) if (!source.has(id)) differences.push(row);
  return differences;
}

async function showRow({ server, name, columns }: Side, condition: string): Promise<string> {
  const fields = columns.map(
    (column) => `${exactBytes(column)} AS ${quote(column.name)}, ${readable(column)} AS ${quote(`text of ${column.name}`)}`,
  );
  const rows = await exactQuery(server, `SELECT ${fields.join(', ')} FROM ${quoteTable(name)} WHERE ${condition} LIMIT 100`);
  const first = rows[0];
  if (!first) return 'no such row';
  const values = columns.map(({ name: column }) => {
    const [bytes, text] = [first[column] as string | null, String(first[`text of ${column}`])];
    return `${column}=${bytes === null ? 'NULL' : `${text.slice(0, 40)} (${bytes.slice(0, 60)})`}`;
  });
  return `${rows.length > 1 ? `${rows.length} times ` : ''}${values.join(', ')}`;
}

/** In UTC, so that TIMESTAMP columns do not depend on a server's zone. */
async function exactQuery(server: SqlServer, sql: string): Promise<RowDataPacket[]> {
  return server.query(`SET time_zone = '+00:00'; ${sql}`);
}

function split(name: string): [string, string] {
  const dot = name.indexOf('.');
  if (dot < 1) throw new Error(`${name} is not written as schema.table`);
  return [name.slice(0, dot), name.slice(dot + 1)];
}

function quote(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

function quoteTable(name: string): string {
  return split(name).map(quote).join('.');
}
