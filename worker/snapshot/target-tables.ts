import type { ResultSetHeader, RowDataPacket } from 'mysql2';
import { LockkeeperError, messageOf } from '../../common/errors.ts';
import { serverErrno } from '../../common/mysql-errors.ts';
import { releaseDdlLock, tryDdlLock } from '../pipeline/ddl/ddl-lock.ts';
import type { TableRoute } from '../source/table-map.ts';
import { TARGET_ENGINE } from '../target/engines.ts';
import { quote, type TargetSession } from '../target/session.ts';
import { TableMetadataCache, type TableMetadata } from '../target/table-metadata.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import type { SchemaDefaults } from './source-tables.ts';
import { collationFor, targetDefinition, type TargetDefinition } from './table-definition.ts';
import { identifier, nameOfTable, qualified, type Flavors, type SnapshotTable } from './types.ts';

const ROWS_PER_DELETE = 10_000;
const ER_DUP_KEYNAME = 1061;
const ER_BAD_DB = 1049;
const ER_NO_SUCH_TABLE = 1146;
const LOCK_PAUSE_MS = 500;
const LOCK_TRIES = 120;

/** Settings without which loading would change or refuse rows. Those in the second list are not everywhere, or need a privilege. */
const SETTINGS = [
  "SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'",
  'SESSION foreign_key_checks=0',
  'SESSION net_read_timeout=86400',
  'SESSION max_error_count=65535',
  // Loads of one table may queue behind each other.
  'SESSION innodb_lock_wait_timeout=60',
];
const OPTIONAL_SETTINGS = [
  'sql_require_primary_key=0',
  'sql_generate_invisible_primary_key=0',
  'innodb_strict_mode=0',
  'system_versioning_insert_history=1',
];

/** Makes a target session ready to load rows. Throws LK1313 when the server refuses LOAD DATA LOCAL. */
export async function prepareLoading(session: TargetSession): Promise<void> {
  const [row] = await session.query<RowDataPacket[]>('SELECT @@GLOBAL.local_infile AS allowed');
  if (Number(row?.['allowed']) !== 1) throw new LockkeeperError('LK1313');
  for (const setting of SETTINGS) await session.query(`SET ${setting}`);
  for (const setting of OPTIONAL_SETTINGS) await session.query(`SET SESSION ${setting}`).catch(() => undefined);
}

/** Whether LOAD DATA locks a table's AUTO_INCREMENT counter for the whole statement, MariaDB's default. */
export async function locksAutoIncrement(session: TargetSession): Promise<boolean> {
  const [row] = await session.query<RowDataPacket[]>('SELECT @@GLOBAL.innodb_autoinc_lock_mode AS mode');
  return Number(row?.['mode']) < 2;
}

/** Tables at the target, and the statements that make, empty and drop them. */
export class TargetTables {
  readonly #session: TargetSession;
  readonly #store: SnapshotStore;
  readonly #pipeline: string;
  readonly #metadata: TableMetadataCache;
  #loaded = new Map<string, TableMetadata | undefined>();

  constructor(session: TargetSession, store: SnapshotStore, pipeline: string) {
    this.#session = session;
    this.#store = store;
    this.#pipeline = pipeline;
    this.#metadata = new TableMetadataCache(session);
  }

  /** Reads many at once, for `known`. */
  async load(tables: readonly TableRoute[]): Promise<void> {
    this.#metadata.invalidate();
    await this.#metadata.load(tables);
    this.#loaded = new Map(tables.map((table) => [nameOfTable(table), this.#metadata.get(table.schema, table.table)]));
  }

  /** As `load` found it; undefined when it did not exist. */
  known(table: TableRoute): TableMetadata | undefined {
    return this.#loaded.get(nameOfTable(table));
  }

  /** As it is now; undefined when it does not exist. */
  async read(table: TableRoute): Promise<TableMetadata | undefined> {
    this.#metadata.invalidate(table.schema, table.table);
    await this.#metadata.load([table]);
    return this.#metadata.get(table.schema, table.table);
  }

  async exists(table: TableRoute): Promise<boolean> {
    return (await this.read(table)) !== undefined;
  }

  /** Names of all tables of these schemas, `schema.table`. */
  async list(schemas: readonly string[]): Promise<string[]> {
    if (schemas.length === 0) return [];
    const rows = await this.#session.query<RowDataPacket[]>(
      'SELECT TABLE_SCHEMA AS `schema`, TABLE_NAME AS `table` FROM information_schema.TABLES ' +
        `WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA IN (${schemas.map(quote).join(',')}) ORDER BY 1, 2`,
    );
    await this.#session.query('COMMIT');
    return rows.map((row) => nameOfTable({ schema: String(row['schema']), table: String(row['table']) }));
  }

  /** `history`: rows of the past count too. */
  async hasRows(table: TableRoute, history: boolean): Promise<boolean> {
    const rows = `${qualified(table)}${history ? ' FOR SYSTEM_TIME ALL' : ''}`;
    try {
      return (await this.#session.query<RowDataPacket[]>(`SELECT 1 FROM ${rows} LIMIT 1`)).length > 0;
    } catch (error) {
      if (serverErrno(error) === ER_NO_SUCH_TABLE || serverErrno(error) === ER_BAD_DB) return false;
      throw error;
    } finally {
      await this.#session.query('COMMIT');
    }
  }

  /**
   * What a target table made from this definition would look like. Foreign keys to tables that neither travel nor exist at the target are
   * left out, since no row could satisfy them, and engines without transactions are replaced; `onChanged` is told.
   */
  async define(
    table: SnapshotTable,
    source: TableMetadata,
    createTable: string,
    flavors: Flavors,
    options: {
      deferIndexes: boolean;
      travels: (parent: TableRoute) => TableRoute | null;
      onChanged: (text: string) => void;
    },
  ): Promise<TargetDefinition> {
    const { deferIndexes, travels, onChanged } = options;
    refuseUnspeakable(table.target, source);
    const parents = new Map<string, TableRoute | null>();
    for (const { name, referenced } of source.foreignKeys) {
      const parent = { schema: referenced.schema, table: referenced.table };
      const there = travels(parent) ?? ((await this.exists(parent)) ? parent : null);
      if (there === null)
        onChanged(`foreign key ${name} of ${nameOfTable(table.target)} is left out: ${nameOfTable(parent)} is not copied`);
      parents.set(nameOfTable(parent), there);
    }
    const definition = targetDefinition({
      createTable,
      table,
      flavors,
      deferIndexes,
      referenced: (parent) => parents.get(nameOfTable(parent)) ?? travels(parent),
    });
    if (definition.replacedEngine !== null)
      onChanged(`${nameOfTable(table.target)} gets ENGINE=${TARGET_ENGINE}: ${definition.replacedEngine} has no transactions`);
    return definition;
  }

  /**
   * Creates the schema like the source's and the table. A schema that is there keeps its defaults unless it `follows` the source's.
   * Throws LK1308 when the target does not understand the definition.
   */
  async create(table: TableRoute, definition: TargetDefinition, schema: SchemaDefaults, follows: boolean): Promise<void> {
    const collation = collationFor(this.#session.flavor, schema.collation);
    const defaults = `${identifier(table.schema)} CHARACTER SET ${schema.charset} COLLATE ${collation}`;
    // Literals in the definition (defaults, ENUM members, comments) are text, not bytes.
    await this.#session.query('SET NAMES utf8mb4');
    try {
      await this.#session.query(`CREATE DATABASE IF NOT EXISTS ${defaults}`);
      if (follows && (await this.#collationOf(table.schema)) !== collation)
        await this.#session.query(`ALTER DATABASE ${defaults}`);
      await this.#session.query(binary(definition.sql));
    } catch (error) {
      if (serverErrno(error) === undefined) throw error;
      throw new LockkeeperError('LK1308', `the target cannot create ${nameOfTable(table)}: ${messageOf(error)}`, {
        found: definition.sql.slice(0, 500),
        remedy: `Create ${nameOfTable(table)} at the target by hand, as near to the source’s as it can be, and leave it empty.`,
        details: { table: nameOfTable(table), errno: serverErrno(error) },
        cause: error,
      });
    } finally {
      if (this.#session.usable) await this.#session.query('SET NAMES binary');
    }
  }

  async #collationOf(schema: string): Promise<string> {
    const [row] = await this.#session.query<RowDataPacket[]>(
      `SELECT DEFAULT_COLLATION_NAME AS collation FROM information_schema.SCHEMATA WHERE SCHEMA_NAME=${quote(schema)}`,
    );
    return String(row?.['collation']);
  }

  /** Deletes all rows, in transactions that a former leader cannot commit; with `history` those of the past too. */
  async empty(table: TableRoute, history = false): Promise<void> {
    for (;;) {
      const { affectedRows } = await this.#session.query<ResultSetHeader>(
        `DELETE FROM ${qualified(table)} LIMIT ${ROWS_PER_DELETE}`,
      );
      await this.#store.commit(this.#session, []);
      if (affectedRows < ROWS_PER_DELETE) break;
    }
    if (!history) return;
    await this.#session.query(`DELETE HISTORY FROM ${qualified(table)}`);
    await this.#store.commit(this.#session, []);
  }

  /** Drops a table that the copy made. The lock lets a new leader end this connection, since DDL cannot carry the fence. */
  async drop(table: TableRoute, sleep: (milliseconds: number) => Promise<void>): Promise<void> {
    for (let attempt = 1; !(await tryDdlLock(this.#session, this.#pipeline)); attempt++) {
      if (attempt === LOCK_TRIES)
        throw new LockkeeperError('LK1404', `another connection runs DDL of ${this.#pipeline} at the target`);
      await sleep(LOCK_PAUSE_MS);
    }
    try {
      await this.#store.commit(this.#session, []);
      await this.#session.query(`DROP TABLE IF EXISTS ${qualified(table)}`);
    } finally {
      if (this.#session.usable) await releaseDdlLock(this.#session, this.#pipeline);
    }
  }
}

/**
 * Servers describe tables in three-byte UTF-8: members of ENUM and SET with other characters come as question marks, and the target
 * would show these instead.
 */
function refuseUnspeakable(target: TableRoute, source: TableMetadata): void {
  const column = source.columns.find(({ members }) => members?.some((member) => member.includes('?')));
  if (column === undefined) return;
  throw new LockkeeperError('LK1308', `the source does not tell all members of ${nameOfTable(source)}.${column.name}`, {
    found: column.columnType.slice(0, 200),
    remedy: `A question mark in it may stand for a character such as an emoji. Create ${nameOfTable(target)} at the target by hand with the same members, and leave it empty.`,
    details: { table: nameOfTable(target), column: column.name },
  });
}

/** Adds what is missing of the indexes left for later; safe to repeat. */
export async function addLaterIndexes(session: TargetSession, table: TableRoute, indexes: readonly string[]): Promise<void> {
  if (indexes.length === 0) return;
  const rows = await session.query<RowDataPacket[]>(
    `SELECT DISTINCT INDEX_NAME AS name FROM information_schema.STATISTICS WHERE TABLE_SCHEMA=${quote(table.schema)} AND TABLE_NAME=${quote(table.table)}`,
  );
  const there = new Set(rows.map((row) => identifier(String(row['name'])).toLowerCase()));
  const missing = indexes.filter((index) => !there.has(binary(/^KEY (`(?:[^`]|``)*`)/.exec(index)![1]!).toLowerCase()));
  if (missing.length === 0) return;
  try {
    await session.query('SET NAMES utf8mb4');
    await session.query(`ALTER TABLE ${qualified(table)} ${missing.map((index) => `ADD ${binary(index)}`).join(', ')}`);
  } catch (error) {
    if (serverErrno(error) !== ER_DUP_KEYNAME) throw error;
  } finally {
    if (session.usable) await session.query('SET NAMES binary');
  }
}

function binary(sql: string): string {
  return Buffer.from(sql, 'utf8').toString('latin1');
}
