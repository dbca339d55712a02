import type { RowDataPacket } from 'mysql2';
import type { TableRoute } from '../source/table-map.ts';
import { quote, type SqlRunner } from './session.ts';

/** A column of a target table as information_schema describes it. */
export interface ColumnMetadata {
  readonly name: string;
  /** Position in the table, from 0. */
  readonly ordinal: number;
  /** DATA_TYPE in lower case: `int`, `varchar`, `json`, `point`... */
  readonly dataType: string;
  /** COLUMN_TYPE: `int unsigned`, `enum('a','b')`... */
  readonly columnType: string;
  /** `utf8mb3` also where the server says `utf8`; null for columns that hold no text. */
  readonly charset: string | null;
  readonly collation: string | null;
  readonly nullable: boolean;
  readonly generated: 'virtual' | 'stored' | null;
  readonly invisible: boolean;
  readonly autoIncrement: boolean;
  /** ON UPDATE CURRENT_TIMESTAMP: an UPDATE that does not name the column changes it. */
  readonly onUpdateNow: boolean;
  readonly hasDefault: boolean;
  readonly unsigned: boolean;
  /** Characters of text, bytes of binary columns, bits of BIT, dimensions of VECTOR; null elsewhere. */
  readonly length: number | null;
  /** Bytes of the longest value of text and binary columns. */
  readonly octetLength: number | null;
  readonly precision: number | null;
  readonly scale: number | null;
  /** Digits of the fraction of temporal columns. */
  readonly fsp: number | null;
  /** SRID restriction of a spatial column (MySQL). */
  readonly srid: number | null;
  /** Member names of ENUM and SET. */
  readonly members: readonly string[] | null;
}

export interface KeyPart {
  readonly column: string;
  /** Characters (bytes in binary columns) that the key covers; 0 = the whole column. */
  readonly prefix: number;
}

export interface UniqueKey {
  readonly name: string;
  /** Parts on columns; expressions of a functional key are left out. */
  readonly columns: readonly KeyPart[];
  readonly nullable: boolean;
  /** At least one part is an expression: what the key compares cannot be told from the row. */
  readonly functional: boolean;
}

export type ReferentialAction = 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'SET DEFAULT' | 'NO ACTION';

export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly referenced: TableRoute & { readonly columns: readonly string[] };
  readonly onDelete: ReferentialAction;
  readonly onUpdate: ReferentialAction;
}

/** A foreign key seen from its parent: the table that holds it, and the parent's columns that it names. */
export interface Referrer extends TableRoute {
  readonly name: string;
  readonly columns: readonly string[];
  readonly onDelete: ReferentialAction;
  readonly onUpdate: ReferentialAction;
}

/** What the appliers must know of a target table. */
export interface TableMetadata {
  readonly schema: string;
  readonly table: string;
  readonly engine: string;
  readonly columns: readonly ColumnMetadata[];
  readonly primaryKey: readonly KeyPart[] | null;
  /** Unique keys other than the primary key. */
  readonly uniqueKeys: readonly UniqueKey[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly referencedBy: readonly Referrer[];
  readonly triggers: readonly string[];
}

/**
 * Metadata of target tables, read when first needed and kept until somebody says that it changed (DDL).
 * Sources: information_schema of MySQL 8.0 and later, MariaDB 10.6 and later.
 */
export class TableMetadataCache {
  readonly #session: SqlRunner;
  /** Null: the table does not exist. */
  readonly #tables = new Map<string, TableMetadata | null>();

  constructor(session: SqlRunner) {
    this.#session = session;
  }

  /** Reads what is not known yet, one query for each information_schema view. Tables that do not exist are looked for again. */
  async load(tables: readonly TableRoute[]): Promise<void> {
    const missing = new Map<string, TableRoute>();
    for (const table of tables) {
      const key = keyOf(table.schema, table.table);
      if (!this.#tables.get(key)) missing.set(key, table);
    }
    if (missing.size === 0) return;
    const found = await readTables(this.#session, [...missing.values()]);
    for (const [key, { schema, table }] of missing) {
      this.#tables.set(key, found.get(key) ?? found.get(keyOf(schema.toLowerCase(), table.toLowerCase())) ?? null);
    }
  }

  /** Undefined when the table does not exist (or was never loaded). */
  get(schema: string, table: string): TableMetadata | undefined {
    return this.#tables.get(keyOf(schema, table)) ?? undefined;
  }

  /** Forgets one table, all tables of a schema, or all. Tables that reference a forgotten one are forgotten too. */
  invalidate(schema?: string, table?: string): void {
    if (schema === undefined) {
      this.#tables.clear();
      return;
    }
    for (const [key, metadata] of this.#tables) {
      const touches = (route: TableRoute) => route.schema === schema && (table === undefined || route.table === table);
      const gone =
        metadata === null ||
        touches(metadata) ||
        metadata.foreignKeys.some((fk) => touches(fk.referenced)) ||
        metadata.referencedBy.some(touches);
      if (gone) this.#tables.delete(key);
    }
  }
}

function keyOf(schema: string, table: string): string {
  return `${schema}\0${table}`;
}

type Row = Record<string, string | number | null>;

/** information_schema views name their columns in upper or lower case, as strings or as bytes, by version: made one here. */
async function select(session: SqlRunner, sql: string): Promise<Row[]> {
  const rows = await session.query<RowDataPacket[]>(sql);
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row as Record<string, unknown>).map(([name, value]) => [
        name,
        Buffer.isBuffer(value) ? value.toString('utf8') : (value as string | number | null),
      ]),
    ),
  );
}

async function readTables(session: SqlRunner, tables: readonly TableRoute[]): Promise<Map<string, TableMetadata>> {
  const among = (schemaColumn: string, tableColumn: string) =>
    `(${tables.map((t) => `(${schemaColumn}=${quote(t.schema)} AND ${tableColumn}=${quote(t.table)})`).join(' OR ')})`;
  const own = among('TABLE_SCHEMA', 'TABLE_NAME');
  const isMysql = (await select(session, 'SELECT VERSION() AS v')).every((row) => !/mariadb/i.test(String(row['v'])));
  const tableRows = await select(
    session,
    `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, ENGINE AS engine FROM information_schema.TABLES WHERE TABLE_TYPE<>'VIEW' AND ${own}`,
  );
  const columnRows = await select(
    session,
    `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, COLUMN_NAME AS c, DATA_TYPE AS data_type, COLUMN_TYPE AS column_type,
      CHARACTER_SET_NAME AS charset, COLLATION_NAME AS collation, IS_NULLABLE AS nullable, EXTRA AS extra, COLUMN_DEFAULT IS NOT NULL AS has_default,
      CHARACTER_MAXIMUM_LENGTH AS length, CHARACTER_OCTET_LENGTH AS octets, NUMERIC_PRECISION AS prec, NUMERIC_SCALE AS scale,
      DATETIME_PRECISION AS fsp, ${isMysql ? 'SRS_ID' : 'NULL'} AS srid
      FROM information_schema.COLUMNS WHERE ${own} ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION`,
  );
  const keyRows = await select(
    session,
    `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, INDEX_NAME AS k, COLUMN_NAME AS c, SUB_PART AS prefix, NULLABLE AS nullable
      FROM information_schema.STATISTICS WHERE NON_UNIQUE=0 AND ${own} ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`,
  );
  const foreignRows = await select(
    session,
    `SELECT CONSTRAINT_SCHEMA AS fs, CONSTRAINT_NAME AS k, TABLE_SCHEMA AS s, TABLE_NAME AS t, COLUMN_NAME AS c,
      REFERENCED_TABLE_SCHEMA AS rs, REFERENCED_TABLE_NAME AS rt, REFERENCED_COLUMN_NAME AS rc
      FROM information_schema.KEY_COLUMN_USAGE
      WHERE REFERENCED_TABLE_NAME IS NOT NULL AND (${own} OR ${among('REFERENCED_TABLE_SCHEMA', 'REFERENCED_TABLE_NAME')})
      ORDER BY CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION`,
  );
  const ruleRows = await select(
    session,
    `SELECT CONSTRAINT_SCHEMA AS fs, CONSTRAINT_NAME AS k, TABLE_NAME AS t, DELETE_RULE AS on_delete, UPDATE_RULE AS on_update
      FROM information_schema.REFERENTIAL_CONSTRAINTS
      WHERE ${among('CONSTRAINT_SCHEMA', 'TABLE_NAME')} OR ${among('UNIQUE_CONSTRAINT_SCHEMA', 'REFERENCED_TABLE_NAME')}`,
  );
  const triggerRows = await select(
    session,
    `SELECT EVENT_OBJECT_SCHEMA AS s, EVENT_OBJECT_TABLE AS t, TRIGGER_NAME AS name FROM information_schema.TRIGGERS
      WHERE ${among('EVENT_OBJECT_SCHEMA', 'EVENT_OBJECT_TABLE')} ORDER BY TRIGGER_NAME`,
  );

  const relations = foreignKeysOf(foreignRows, ruleRows);
  const result = new Map<string, TableMetadata>();
  for (const row of tableRows) {
    const schema = String(row['s']);
    const table = String(row['t']);
    const mine = (other: Row) => other['s'] === schema && other['t'] === table;
    const keys = uniqueKeysOf(keyRows.filter(mine));
    const primary = keys.find((key) => key.name === 'PRIMARY');
    const metadata: TableMetadata = {
      schema,
      table,
      engine: String(row['engine']),
      columns: columnRows.filter(mine).map(columnOf),
      primaryKey: primary?.columns ?? null,
      uniqueKeys: keys.filter((key) => key !== primary),
      foreignKeys: relations.filter((fk) => fk.schema === schema && fk.table === table).map((fk) => fk.key),
      referencedBy: relations
        .filter((fk) => fk.key.referenced.schema === schema && fk.key.referenced.table === table)
        .map(({ schema, table, key }) => ({
          schema,
          table,
          name: key.name,
          columns: key.referenced.columns,
          onDelete: key.onDelete,
          onUpdate: key.onUpdate,
        })),
      triggers: triggerRows.filter(mine).map((trigger) => String(trigger['name'])),
    };
    result.set(keyOf(schema, table), metadata);
    // Under lower_case_table_names the server may answer in another case than asked.
    const folded = keyOf(schema.toLowerCase(), table.toLowerCase());
    if (!result.has(folded)) result.set(folded, metadata);
  }
  return result;
}

function columnOf(row: Row, ordinal: number): ColumnMetadata {
  const columnType = String(row['column_type']);
  const dataType = String(row['data_type']).toLowerCase();
  const extra = String(row['extra']).toUpperCase();
  const number = (name: string) => (row[name] === null ? null : Number(row[name]));
  const hasMembers = dataType === 'enum' || dataType === 'set';
  return {
    name: String(row['c']),
    ordinal,
    dataType,
    columnType,
    charset: row['charset'] === null ? null : row['charset'] === 'utf8' ? 'utf8mb3' : String(row['charset']),
    collation: row['collation'] === null ? null : String(row['collation']),
    nullable: row['nullable'] === 'YES',
    generated: /VIRTUAL GENERATED/.test(extra) ? 'virtual' : /STORED GENERATED|PERSISTENT/.test(extra) ? 'stored' : null,
    invisible: /INVISIBLE/.test(extra),
    autoIncrement: /AUTO_INCREMENT/.test(extra),
    onUpdateNow: /ON UPDATE/.test(extra),
    hasDefault: Number(row['has_default']) === 1,
    unsigned: /\bunsigned\b/i.test(columnType) && !hasMembers,
    length: dataType === 'bit' ? number('prec') : dataType === 'vector' ? declaredLength(columnType) : number('length'),
    octetLength: number('octets'),
    precision: number('prec'),
    scale: number('scale'),
    fsp: number('fsp'),
    srid: number('srid'),
    members: hasMembers ? membersOf(columnType) : null,
  };
}

function declaredLength(columnType: string): number | null {
  const digits = /\((\d+)\)/.exec(columnType)?.[1];
  return digits === undefined ? null : Number(digits);
}

const ESCAPES: Readonly<Record<string, string>> = { '0': '\0', n: '\n', r: '\r' };

/** The members of `enum('a','b''c')`; quotes are doubled, \0 \n \r and the backslash are escaped. */
export function membersOf(columnType: string): string[] {
  const members: string[] = [];
  for (const match of columnType.matchAll(/'((?:[^'\\]|''|\\.)*)'/gs)) {
    members.push(
      match[1]!.replace(/''|\\(.)/gs, (whole, escaped?: string) =>
        escaped === undefined ? whole[0]! : (ESCAPES[escaped] ?? escaped),
      ),
    );
  }
  return members;
}

function uniqueKeysOf(rows: readonly Row[]): UniqueKey[] {
  const keys = new Map<string, { columns: KeyPart[]; nullable: boolean; functional: boolean }>();
  for (const row of rows) {
    const name = String(row['k']);
    let key = keys.get(name);
    if (key === undefined) keys.set(name, (key = { columns: [], nullable: false, functional: false }));
    if (row['c'] === null) key.functional = true;
    else key.columns.push({ column: String(row['c']), prefix: Number(row['prefix'] ?? 0) });
    if (row['nullable'] === 'YES') key.nullable = true;
  }
  return [...keys].map(([name, key]) => ({ name, ...key }));
}

function foreignKeysOf(rows: readonly Row[], rules: readonly Row[]): (TableRoute & { key: ForeignKey })[] {
  const keys = new Map<string, TableRoute & { key: ForeignKey & { columns: string[]; referenced: { columns: string[] } } }>();
  for (const row of rows) {
    const id = `${row['fs']}\0${row['t']}\0${row['k']}`;
    let entry = keys.get(id);
    if (entry === undefined) {
      const rule = rules.find((r) => r['fs'] === row['fs'] && r['t'] === row['t'] && r['k'] === row['k']);
      const key = {
        name: String(row['k']),
        columns: [],
        referenced: { schema: String(row['rs']), table: String(row['rt']), columns: [] },
        onDelete: (rule?.['on_delete'] ?? 'RESTRICT') as ReferentialAction,
        onUpdate: (rule?.['on_update'] ?? 'RESTRICT') as ReferentialAction,
      };
      keys.set(id, (entry = { schema: String(row['s']), table: String(row['t']), key }));
    }
    entry.key.columns.push(String(row['c']));
    entry.key.referenced.columns.push(String(row['rc']));
  }
  return [...keys.values()];
}
