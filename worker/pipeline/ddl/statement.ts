import type { ClientCharset } from './client-charset.ts';
import type { Range } from './lexer.ts';
import type { NameRef } from './token-reader.ts';

export type { NameRef } from './token-reader.ts';

/** What a second name in a table's DDL is to it. */
export type NameRole =
  | 'renamed' // the table's name from then on
  | 'parent' // of a foreign key
  | 'template' // of CREATE TABLE ... LIKE
  | 'partner' // gives or takes rows: EXCHANGE and CONVERT PARTITION, tables of a MERGE
  | 'sequence'; // a default value's

/** `text` is to stand in the range instead. */
export interface Substitute extends Range {
  readonly text: string;
}

/** CREATE, ALTER, TRUNCATE of one table or sequence, and CREATE or DROP INDEX on it. */
export interface TableChange {
  readonly kind: 'table';
  readonly verb: 'create' | 'alter' | 'truncate' | 'create-index' | 'drop-index';
  readonly object: 'table' | 'sequence';
  readonly table: NameRef;
  readonly others: readonly { readonly role: NameRole; readonly name: NameRef }[];
  /** Places where columns are qualified with the table's own name. */
  readonly qualifiers: readonly Range[];
  /** Clauses that mean nothing outside of the source's binlog. */
  readonly cuts: readonly Range[];
  /** Values that the target must not take over: engines without transactions, and what only these know. */
  readonly substitutes: readonly Substitute[];
  /** Running it twice is the same as running it once: IF NOT EXISTS, OR REPLACE, TRUNCATE. */
  readonly repeatable: boolean;
  /** EXCHANGE PARTITION: running it twice undoes it, and it leaves no trace in SHOW CREATE TABLE. */
  readonly exchange: boolean;
  /** Existing rows get numbers in the order in which the server happens to read them. */
  readonly numbersRows: boolean;
}

export interface DropTables {
  readonly kind: 'drop-tables';
  readonly object: 'table' | 'sequence';
  readonly tables: readonly NameRef[];
  readonly ifExists: boolean;
  /** Where IF EXISTS belongs. */
  readonly namesAt: number;
}

export interface RenameTables {
  readonly kind: 'rename-tables';
  readonly pairs: readonly { readonly from: NameRef; readonly to: NameRef }[];
}

export interface SchemaChange {
  readonly kind: 'schema';
  readonly verb: 'create' | 'alter' | 'drop';
  readonly schema: string;
  /** Where the name stands; empty where it is left out and the default schema is meant. */
  readonly range: Range;
  readonly ifExists: boolean;
  readonly repeatable: boolean;
}

/** Objects that are no data, and administration. */
export type OtherObject = 'view' | 'trigger' | 'routine' | 'event' | 'account' | 'server object' | 'administration';

export type Statement =
  | TableChange
  | DropTables
  | RenameTables
  | SchemaChange
  /** CREATE, DROP, ... of temporary tables: no other session ever sees them. */
  | { readonly kind: 'temporary' }
  | { readonly kind: 'other'; readonly object: OtherObject; readonly verb: string }
  /** INSERT, UPDATE, DELETE...: rows logged as text. */
  | { readonly kind: 'rows'; readonly verb: string }
  /** `reason` completes "cannot be applied: ". */
  | { readonly kind: 'unknown'; readonly reason: string };

export interface ParsedStatement {
  /** The statement's bytes, one character each. */
  readonly text: string;
  readonly charset: ClientCharset;
  readonly defaultSchema: string;
  /** Marks of executable comments, to be blanked: see lexer.ts. */
  readonly marks: readonly Range[];
  readonly statement: Statement;
}
