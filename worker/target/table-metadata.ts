import type { TableRoute } from '../source/table-map.ts';
import { readTables, tableKey } from './metadata-queries.ts';
import type { SqlRunner } from './session.ts';

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

/** MariaDB's system versioning: rows of the past stay in the table, and two columns tell when a row was valid. */
export interface Versioning {
  readonly begin: string;
  readonly end: string;
  /** They are columns of the definition, and among the table's; else they are hidden, and information_schema does not list them. */
  readonly declared: boolean;
  /** They hold numbers of the server's own transactions, not times. */
  readonly byTransaction: boolean;
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
  /** Null: it holds the present alone. */
  readonly versioning: Versioning | null;
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
      const key = tableKey(table.schema, table.table);
      if (!this.#tables.get(key)) missing.set(key, table);
    }
    if (missing.size === 0) return;
    const found = await readTables(this.#session, [...missing.values()]);
    for (const [key, { schema, table }] of missing) {
      this.#tables.set(key, found.get(key) ?? found.get(tableKey(schema.toLowerCase(), table.toLowerCase())) ?? null);
    }
  }

  /** Undefined when the table does not exist (or was never loaded). */
  get(schema: string, table: string): TableMetadata | undefined {
    return this.#tables.get(tableKey(schema, table)) ?? undefined;
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
