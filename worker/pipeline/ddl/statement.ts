import type { Flavor } from '../../source/position.ts';
import type { StatementContext } from '../../source/stream-item.ts';
import { clientCharset, type ClientCharset } from './client-charset.ts';
import { parseAlter, parseCreate, parseDrop, parseRename, parseTruncate, unknown } from './grammar.ts';
import { lex, type Range } from './lexer.ts';
import { TokenReader, UnreadableName, type NameRef } from './token-reader.ts';

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

export interface SourceTraits {
  readonly flavor: Flavor;
  /** lower_case_table_names is 1 or 2 at the source: row events have names in lower case, statements as they were typed. */
  readonly lowerCaseNames?: boolean;
}

const ANSI_QUOTES = 0x4n;
const NO_BACKSLASH_ESCAPES = 0x100000n;

/** Reads a logged statement. Never throws: what cannot be read with certainty is of kind `unknown`. */
export function parseStatement(sql: Buffer, context: StatementContext, source: SourceTraits): ParsedStatement {
  const text = sql.toString('latin1');
  const mode = context.sqlMode ?? 0n;
  const charset = clientCharset(context.charset?.client ?? null);
  const { tokens, marks } = lex(text, {
    flavor: source.flavor,
    ansiQuotes: (mode & ANSI_QUOTES) !== 0n,
    noBackslashEscapes: (mode & NO_BACKSLASH_ESCAPES) !== 0n,
    isLead: charset.isLead,
  });
  const parsed = { text, charset, defaultSchema: context.defaultSchema, marks };
  const reader = new TokenReader(tokens, {
    defaultSchema: context.defaultSchema,
    decode: charset.decode,
    lowerCase: source.lowerCaseNames ?? false,
    length: text.length,
  });
  try {
    const statement = classify(reader);
    // Objects that do not travel may have bodies in other languages; whatever is executed must be understood to its end.
    const travels = statement.kind !== 'other' && statement.kind !== 'rows';
    if (travels && tokens.some((token) => token.kind === 'invalid')) {
      return { ...parsed, statement: unknown('a string, quoted name or comment in it does not end') };
    }
    return { ...parsed, statement };
  } catch (error) {
    if (error instanceof UnreadableName) return { ...parsed, statement: unknown(error.message) };
    throw error;
  }
}

/** First words of statements that are logged as text but concern nothing that travels. */
const others: Readonly<Record<string, OtherObject>> = {
  GRANT: 'account',
  REVOKE: 'account',
  ANALYZE: 'administration',
  OPTIMIZE: 'administration',
  REPAIR: 'administration',
  CHECK: 'administration',
  CHECKSUM: 'administration',
  CACHE: 'administration',
  FLUSH: 'administration',
  RESET: 'administration',
  KILL: 'administration',
  SET: 'administration',
  INSTALL: 'administration',
  UNINSTALL: 'administration',
  PURGE: 'administration',
};

const rowVerbs = new Set(['INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'LOAD', 'CALL', 'DO', 'WITH', 'SELECT', 'HANDLER']);

function classify(reader: TokenReader): Statement {
  skipSetStatement(reader);
  const verb = reader.peek()?.keyword ?? '';
  reader.next();
  switch (verb) {
    case 'CREATE':
      return parseCreate(reader);
    case 'ALTER':
      return parseAlter(reader);
    case 'DROP':
      return parseDrop(reader);
    case 'RENAME':
      return parseRename(reader);
    case 'TRUNCATE':
      return parseTruncate(reader);
    case 'SET':
      if (reader.is('PASSWORD') || reader.is('DEFAULT', 'ROLE')) return { kind: 'other', object: 'account', verb };
      return { kind: 'other', object: 'administration', verb };
    default:
      break;
  }
  const object = others[verb];
  if (object !== undefined) return { kind: 'other', object, verb };
  if (rowVerbs.has(verb)) return { kind: 'rows', verb };
  return unknown(verb === '' ? 'it does not begin with a word' : `statements that begin with ${verb.slice(0, 30)} are not known`);
}

/** MariaDB's `SET STATEMENT variable=value, ... FOR statement`: the settings stay in the text, the rest decides. */
function skipSetStatement(reader: TokenReader): void {
  if (!reader.is('SET', 'STATEMENT')) return;
  while (!reader.atEnd && !reader.is('FOR')) reader.skipGroup();
  reader.accept('FOR');
}
