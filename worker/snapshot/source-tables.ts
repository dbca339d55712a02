import { createHash } from 'node:crypto';
import type { RowDataPacket } from 'mysql2';
import { errnoBehind } from '../../common/mysql-errors.ts';
import type { TableRoute } from '../source/table-map.ts';
import { isTransactional } from '../target/engines.ts';
import { quote } from '../target/session.ts';
import type { SourceReader } from './source-reader.ts';
import { nameOfTable, qualified } from './types.ts';

/** What a table of the source looks like now. */
export interface SourceTable {
  /** Answer of SHOW CREATE TABLE. */
  readonly createTable: string;
  /**
   * Changes whenever the table is altered or made anew, and, if it is `identified`, truncated: a hash of its definition, the time of
   * its making and its number within InnoDB; the next AUTO_INCREMENT value does not count.
   */
  readonly definition: string;
  readonly identified: boolean;
  /** Rows that a snapshot shows in one state; false for MyISAM and its like. */
  readonly transactional: boolean;
  /** The server's estimates. */
  readonly rows: number;
  readonly rowBytes: number;
}

/** What tables and columns of a schema have unless they say otherwise. */
export interface SchemaDefaults {
  readonly charset: string;
  readonly collation: string;
}

const ER_NO_SUCH_TABLE = 1146;
const ER_BAD_DB = 1049;
const ER_ACCESS_DENIED = 1227;
const ER_UNKNOWN_TABLE = 1109;

/** Null when the table does not exist. */
export async function readSourceTable(reader: SourceReader, table: TableRoute): Promise<SourceTable | null> {
  let createTable: string;
  try {
    createTable = (await reader.values(`SHOW CREATE TABLE ${qualified(table)}`))[0]![1]!.toString('utf8');
  } catch (error) {
    if (errnoBehind(error) === ER_NO_SUCH_TABLE || errnoBehind(error) === ER_BAD_DB) return null;
    throw error;
  }
  const [facts] = await reader.query<RowDataPacket[]>(
    `SELECT CREATE_TIME AS made, ENGINE AS engine, TABLE_ROWS AS table_rows, AVG_ROW_LENGTH AS row_bytes FROM information_schema.TABLES ` +
      `WHERE TABLE_SCHEMA=${quote(table.schema)} AND TABLE_NAME=${quote(table.table)}`,
  );
  if (facts === undefined) return null;
  const ids = await innodbIds(reader, table);
  const lasting = createTable.replace(/\) (ENGINE=\w+) AUTO_INCREMENT=\d+ /, ') $1 ');
  return {
    createTable,
    definition: createHash('sha256')
      .update(`${lasting}\0${String(facts['made'])}\0${ids}`)
      .digest('hex'),
    identified: ids !== '',
    transactional: isTransactional(String(facts['engine'])),
    rows: Number(facts['table_rows'] ?? 0),
    rowBytes: Number(facts['row_bytes'] ?? 0),
  };
}

/** Numbers of the table and its partitions, which TRUNCATE changes too; empty where they cannot be read (this takes the privilege PROCESS). */
async function innodbIds(reader: SourceReader, { schema, table }: TableRoute): Promise<string> {
  // InnoDB writes other characters in a way of its own.
  if (!/^\w+$/.test(schema + table)) return '';
  const name = `${schema}/${table}`;
  for (const view of ['INNODB_TABLES', 'INNODB_SYS_TABLES']) {
    try {
      const rows = await reader.values(
        `SELECT TABLE_ID FROM information_schema.${view} WHERE NAME=${quote(name)} OR NAME LIKE ${quote(`${name.replaceAll('_', '\\_')}#p#%`)} ORDER BY 1`,
      );
      return rows.map((row) => row[0]!.toString()).join();
    } catch (error) {
      if (errnoBehind(error) === ER_ACCESS_DENIED) return '';
      if (errnoBehind(error) !== ER_UNKNOWN_TABLE) throw error;
    }
  }
  return '';
}

/** The tables that exist, by `schema.table`. */
export async function readSourceTables(reader: SourceReader, tables: readonly TableRoute[]): Promise<Map<string, SourceTable>> {
  const found = new Map<string, SourceTable>();
  for (const table of tables) {
    const facts = await readSourceTable(reader, table);
    if (facts !== null) found.set(nameOfTable(table), facts);
  }
  return found;
}

/** All schemas, by name. */
export async function readSchemas(reader: SourceReader): Promise<Map<string, SchemaDefaults>> {
  const rows = await reader.query<RowDataPacket[]>(
    'SELECT SCHEMA_NAME AS name, DEFAULT_CHARACTER_SET_NAME AS charset, DEFAULT_COLLATION_NAME AS collation FROM information_schema.SCHEMATA',
  );
  return new Map(
    rows.map((row) => [String(row['name']), { charset: String(row['charset']), collation: String(row['collation']) }]),
  );
}
