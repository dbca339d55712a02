import type { RowDataPacket } from 'mysql2';
import type { TableRoute } from '../source/table-map.ts';
import { quote, type SqlRunner } from './session.ts';
import type {
  ColumnMetadata,
  ForeignKey,
  KeyPart,
  ReferentialAction,
  TableMetadata,
  UniqueKey,
  Versioning,
} from './table-metadata.ts';
import { HIDDEN_PERIOD } from './versioning.ts';

/** Names a table in a map; NUL is in no name. */
export function tableKey(schema: string, table: string): string {
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

/** Reads the tables that exist, each under its own name and under its name in lower case. */
export async function readTables(session: SqlRunner, tables: readonly TableRoute[]): Promise<Map<string, TableMetadata>> {
  const among = (schemaColumn: string, tableColumn: string) =>
    `(${tables.map((t) => `(${schemaColumn}=${quote(t.schema)} AND ${tableColumn}=${quote(t.table)})`).join(' OR ')})`;
  const own = among('TABLE_SCHEMA', 'TABLE_NAME');
  const isMysql = (await select(session, 'SELECT VERSION() AS v')).every((row) => !/mariadb/i.test(String(row['v'])));
  const tableRows = await select(
    session,
    `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, ENGINE AS engine, TABLE_TYPE='SYSTEM VERSIONED' AS versioned FROM information_schema.TABLES WHERE TABLE_TYPE<>'VIEW' AND ${own}`,
  );
  const columnRows = await select(
    session,
    `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, COLUMN_NAME AS c, DATA_TYPE AS data_type, COLUMN_TYPE AS column_type,
      CHARACTER_SET_NAME AS charset, COLLATION_NAME AS collation, IS_NULLABLE AS nullable, EXTRA AS extra, COLUMN_DEFAULT IS NOT NULL AS has_default,
      CHARACTER_MAXIMUM_LENGTH AS length, CHARACTER_OCTET_LENGTH AS octets, NUMERIC_PRECISION AS prec, NUMERIC_SCALE AS scale,
      DATETIME_PRECISION AS fsp, ${isMysql ? 'SRS_ID' : 'NULL'} AS srid, GENERATION_EXPRESSION AS expression
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
      versioning: Number(row['versioned']) === 1 ? versioningOf(columnRows.filter(mine)) : null,
    };
    result.set(tableKey(schema, table), metadata);
    // Under lower_case_table_names the server may answer in another case than asked.
    const folded = tableKey(schema.toLowerCase(), table.toLowerCase());
    if (!result.has(folded)) result.set(folded, metadata);
  }
  return result;
}

function versioningOf(columns: readonly Row[]): Versioning {
  const column = (expression: string) => columns.find((row) => row['expression'] === expression);
  const [begin, end] = [column('ROW START'), column('ROW END')];
  if (begin === undefined || end === undefined) return { ...HIDDEN_PERIOD, declared: false, byTransaction: false };
  const byTransaction = String(begin['data_type']).toLowerCase() === 'bigint';
  return { begin: String(begin['c']), end: String(end['c']), declared: true, byTransaction };
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
