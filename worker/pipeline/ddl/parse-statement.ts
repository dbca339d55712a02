import type { Flavor } from '../../source/position.ts';
import type { StatementContext } from '../../source/stream-item.ts';
import { clientCharset } from './client-charset.ts';
import { parseAlter, parseCreate, parseDrop, parseRename, parseTruncate, unknown } from './grammar.ts';
import { lex } from './lexer.ts';
import type { OtherObject, ParsedStatement, Statement } from './statement.ts';
import { TokenReader, UnreadableName } from './token-reader.ts';

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
