import type { Token } from './lexer.ts';
import type { DropTables, OtherObject, SchemaChange, Statement, TableChange } from './statement.ts';
import { scanTableBody } from './table-body.ts';
import type { NameRef, TokenReader } from './token-reader.ts';

/** Each function reads a statement whose first word has been taken. */

export function unknown(reason: string): Extract<Statement, { kind: 'unknown' }> {
  return { kind: 'unknown', reason };
}

/** Keywords after CREATE, ALTER or DROP that name an object which does not travel. */
const otherObjects: Readonly<Record<string, OtherObject>> = {
  VIEW: 'view',
  TRIGGER: 'trigger',
  PROCEDURE: 'routine',
  FUNCTION: 'routine',
  PACKAGE: 'routine',
  LIBRARY: 'routine',
  EVENT: 'event',
  USER: 'account',
  ROLE: 'account',
  SERVER: 'server object',
  TABLESPACE: 'server object',
  LOGFILE: 'server object',
  RESOURCE: 'server object',
  REFERENCE: 'server object',
  INSTANCE: 'server object',
  PREPARE: 'server object',
};

function otherObject(reader: TokenReader, verb: string): Statement | null {
  const object = otherObjects[reader.peek()?.keyword ?? ''];
  return object === undefined ? null : { kind: 'other', object, verb };
}

const base = {
  object: 'table',
  others: [],
  qualifiers: [],
  cuts: [],
  substitutes: [],
  repeatable: false,
  exchange: false,
  numbersRows: false,
} as const;

function noName(reader: TokenReader): Statement {
  const found = reader.peek();
  return unknown(found === undefined ? 'it ends where a name belongs' : `there is no name at offset ${found.start}`);
}

export function parseCreate(reader: TokenReader): Statement {
  const orReplace = reader.accept('OR', 'REPLACE');
  let temporary = false;
  for (let taken = true; taken;) {
    if (reader.accept('TEMPORARY')) temporary = true;
    else taken = skipCreateOption(reader);
  }
  if (reader.is('TABLE') || reader.is('SEQUENCE')) {
    const object = reader.next()!.keyword === 'TABLE' ? 'table' : 'sequence';
    return temporary ? { kind: 'temporary' } : createTable(reader, object, orReplace);
  }
  if (reader.accept('INDEX')) return createIndex(reader, orReplace);
  if (reader.acceptAny('DATABASE', 'SCHEMA')) {
    const ifNotExists = reader.accept('IF', 'NOT', 'EXISTS');
    return namedSchema(reader, 'create', { ifExists: false, repeatable: ifNotExists || orReplace });
  }
  return otherObject(reader, 'CREATE') ?? unknown(`CREATE ${wordAt(reader)} is not known`);
}

/** Words between CREATE or ALTER and the kind of object. */
function skipCreateOption(reader: TokenReader): boolean {
  if (reader.accept('SQL', 'SECURITY') || reader.acceptAny('ALGORITHM', 'DEFINER')) {
    const valued = reader.accept('=');
    if (!valued) return reader.next() !== undefined;
    reader.next();
    if (reader.accept('@')) reader.next();
    if (reader.is('(')) reader.skipGroup();
    return true;
  }
  return (
    reader.accept('JSON', 'RELATIONAL', 'DUALITY') ||
    reader.acceptAny('ONLINE', 'OFFLINE', 'UNIQUE', 'FULLTEXT', 'SPATIAL', 'VECTOR', 'UNDO', 'AGGREGATE', 'MATERIALIZED')
  );
}

function createTable(reader: TokenReader, object: 'table' | 'sequence', orReplace: boolean): Statement {
  const ifNotExists = reader.accept('IF', 'NOT', 'EXISTS');
  const table = reader.name();
  if (table === null) return noName(reader);
  const change = { kind: 'table', verb: 'create', ...base, object, table, repeatable: ifNotExists || orReplace } as const;
  const parenthesis = reader.is('(', 'LIKE');
  if (parenthesis) reader.next();
  if (reader.accept('LIKE')) {
    const template = reader.name();
    if (template === null) return noName(reader);
    if (parenthesis) reader.accept(')');
    if (!reader.atEnd) return unknown('more follows after CREATE TABLE ... LIKE');
    return { ...change, others: [{ role: 'template', name: template }] };
  }
  return withBody(reader, change);
}

function withBody(reader: TokenReader, change: TableChange): Statement {
  const body = scanTableBody(reader, change.table, change.verb === 'alter');
  if (typeof body === 'string') return unknown(body);
  return { ...change, ...body };
}

/** The name of an index may be any word; ON, which is reserved, ends it and its type. */
function createIndex(reader: TokenReader, orReplace: boolean): Statement {
  const ifNotExists = reader.accept('IF', 'NOT', 'EXISTS');
  while (!reader.atEnd && !reader.is('ON')) reader.skipGroup();
  reader.accept('ON');
  const table = reader.name();
  if (table === null) return noName(reader);
  return { kind: 'table', verb: 'create-index', ...base, table, repeatable: ifNotExists || orReplace };
}

export function parseAlter(reader: TokenReader): Statement {
  while (reader.accept('IGNORE') || skipCreateOption(reader));
  if (reader.accept('TABLE')) {
    reader.accept('IF', 'EXISTS');
    const table = reader.name();
    if (table === null) return noName(reader);
    skipWait(reader);
    return withBody(reader, { kind: 'table', verb: 'alter', ...base, table });
  }
  if (reader.accept('SEQUENCE')) {
    reader.accept('IF', 'EXISTS');
    const table = reader.name();
    if (table === null) return noName(reader);
    return { kind: 'table', verb: 'alter', ...base, object: 'sequence', table, repeatable: true };
  }
  if (reader.acceptAny('DATABASE', 'SCHEMA')) return alterSchema(reader);
  return otherObject(reader, 'ALTER') ?? unknown(`ALTER ${wordAt(reader)} is not known`);
}

/** The name may be left out, and names may be words that also begin an option. */
function alterSchema(reader: TokenReader): Statement {
  const [first, second] = [reader.peek(), reader.peek(1)];
  const isOption = (token: Token | undefined) => token !== undefined && schemaOptions.has(token.keyword);
  const named = !isOption(first) || (isOption(second) && first?.keyword !== 'DEFAULT' && first?.keyword !== 'CHARACTER');
  if (named) return namedSchema(reader, 'alter', { ifExists: false, repeatable: true });
  if (reader.defaultSchema === '') return unknown('it names no schema');
  const range = { start: reader.offset, end: reader.offset };
  return { kind: 'schema', verb: 'alter', schema: reader.defaultSchema, range, ifExists: false, repeatable: true };
}

const schemaOptions = new Set(['DEFAULT', 'CHARACTER', 'CHARSET', 'COLLATE', 'ENCRYPTION', 'READ', 'COMMENT']);

function namedSchema(
  reader: TokenReader,
  verb: SchemaChange['verb'],
  flags: { readonly ifExists: boolean; readonly repeatable: boolean },
): Statement {
  const name = reader.schemaName();
  if (name === null) return noName(reader);
  if (reader.is('UPGRADE')) return unknown('UPGRADE DATA DIRECTORY NAME concerns the files of one server');
  return { kind: 'schema', verb, ...name, ...flags };
}

export function parseDrop(reader: TokenReader): Statement {
  const temporary = reader.accept('TEMPORARY');
  while (reader.acceptAny('ONLINE', 'OFFLINE', 'UNDO', 'SPATIAL'));
  if (reader.is('TABLE') || reader.is('TABLES') || reader.is('SEQUENCE')) {
    const object = reader.next()!.keyword === 'SEQUENCE' ? 'sequence' : 'table';
    return temporary ? { kind: 'temporary' } : dropTables(reader, object);
  }
  if (reader.accept('INDEX')) {
    reader.accept('IF', 'EXISTS');
    while (!reader.atEnd && !reader.is('ON')) reader.next();
    reader.accept('ON');
    const table = reader.name();
    return table === null ? noName(reader) : { kind: 'table', verb: 'drop-index', ...base, table };
  }
  if (reader.acceptAny('DATABASE', 'SCHEMA')) {
    const ifExists = reader.accept('IF', 'EXISTS');
    return namedSchema(reader, 'drop', { ifExists, repeatable: true });
  }
  return otherObject(reader, 'DROP') ?? unknown(`DROP ${wordAt(reader)} is not known`);
}

function dropTables(reader: TokenReader, object: DropTables['object']): Statement {
  const ifExists = reader.accept('IF', 'EXISTS');
  const namesAt = reader.offset;
  const tables: NameRef[] = [];
  do {
    const table = reader.name();
    if (table === null) return noName(reader);
    tables.push(table);
  } while (reader.accept(','));
  skipWait(reader);
  reader.acceptAny('RESTRICT', 'CASCADE');
  if (!reader.atEnd) return unknown(`it goes on unexpectedly at offset ${reader.offset}`);
  return { kind: 'drop-tables', object, tables, ifExists, namesAt };
}

export function parseRename(reader: TokenReader): Statement {
  if (reader.is('USER')) return { kind: 'other', object: 'account', verb: 'RENAME' };
  if (!reader.acceptAny('TABLE', 'TABLES')) return unknown(`RENAME ${wordAt(reader)} is not known`);
  reader.accept('IF', 'EXISTS');
  const pairs: { from: NameRef; to: NameRef }[] = [];
  do {
    const from = reader.name();
    if (from === null) return noName(reader);
    skipWait(reader);
    if (!reader.accept('TO')) return unknown(`TO is missing at offset ${reader.offset}`);
    const to = reader.name();
    if (to === null) return noName(reader);
    pairs.push({ from, to });
  } while (reader.accept(','));
  if (!reader.atEnd) return unknown(`it goes on unexpectedly at offset ${reader.offset}`);
  return { kind: 'rename-tables', pairs };
}

export function parseTruncate(reader: TokenReader): Statement {
  reader.accept('TABLE');
  const table = reader.name();
  if (table === null) return noName(reader);
  skipWait(reader);
  if (!reader.atEnd) return unknown(`it goes on unexpectedly at offset ${reader.offset}`);
  return { kind: 'table', verb: 'truncate', ...base, table, repeatable: true };
}

/** MariaDB's limit on waiting for a lock. */
function skipWait(reader: TokenReader): void {
  if (reader.is('WAIT') && reader.peek(1)?.kind === 'number') reader.index += 2;
  else reader.accept('NOWAIT');
}

function wordAt(reader: TokenReader): string {
  return (reader.peek()?.keyword ?? '').slice(0, 30);
}
