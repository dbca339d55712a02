/**
 * What a statement of a QUERY event is, as far as the event reader must know: whether it controls a transaction, changes rows
 * by text, or is something for the DDL stage.
 */
export type StatementKind =
  | { readonly kind: 'begin' | 'commit' | 'rollback' | 'release' | 'xa-end' }
  /** Names in one form for all that the server holds for the same (utf8mb3_general_ci). */
  | { readonly kind: 'savepoint' | 'rollback-to'; readonly name: string }
  | { readonly kind: 'xa-start' | 'xa-prepare' | 'xa-commit' | 'xa-rollback'; readonly xid: string }
  /** INSERT, UPDATE, CALL and the like: their effect is only known as rows. */
  | { readonly kind: 'rows-as-text'; readonly word: string }
  /** CREATE or DROP of a temporary table: no other session sees it. */
  | { readonly kind: 'temporary-table' }
  /** CREATE TABLE ... SELECT of MySQL: its rows follow in the same transaction. */
  | { readonly kind: 'create-start-transaction' }
  | { readonly kind: 'other'; readonly word: string };

const OTHER_ROWS = new Set([
  'INSERT',
  'REPLACE',
  'UPDATE',
  'DELETE',
  'LOAD',
  'CALL',
  'DO',
  'SELECT',
  'WITH',
  'VALUES',
  'TABLE',
  'HANDLER',
  'EXECUTE',
]);
const START_TRANSACTION = /\sSTART\s+TRANSACTION\s*$/i;

/**
 * Classifies a statement given as latin1 text (one character a byte). Comments before the first words are skipped, and
 * version comments opened. Where a text could be several things the cautious one is taken.
 */
export function statementKind(sql: string): StatementKind {
  const words = new WordReader(sql);
  const first = words.next();
  switch (first) {
    case 'BEGIN':
      return { kind: 'begin' };
    case 'START':
      return words.next() === 'TRANSACTION' ? { kind: 'begin' } : { kind: 'other', word: first };
    case 'COMMIT':
      return { kind: 'commit' };
    case 'ROLLBACK':
      return rollback(words);
    case 'SAVEPOINT':
      return { kind: 'savepoint', name: savepointName(words.identifier()) };
    case 'RELEASE':
      return { kind: 'release' };
    case 'XA':
      return xaKind(words);
    case 'SET':
      // MariaDB: SET STATEMENT variable=value FOR statement.
      return words.next() === 'STATEMENT' ? statementAfterFor(words) : { kind: 'other', word: first };
    case 'CREATE':
    case 'DROP':
      return createOrDrop(first, words, sql);
    default:
      return OTHER_ROWS.has(first) ? { kind: 'rows-as-text', word: first } : { kind: 'other', word: first };
  }
}

/** CREATE TABLE ... START TRANSACTION without its end: the plain table. */
export function withoutStartTransaction(sql: Buffer): Buffer {
  const match = START_TRANSACTION.exec(sql.toString('latin1'));
  return match === null ? sql : sql.subarray(0, match.index);
}

function rollback(words: WordReader): StatementKind {
  let word = words.next();
  if (word === 'WORK') word = words.next();
  if (word !== 'TO') return { kind: 'rollback' };
  const at = words.at;
  // SAVEPOINT is no reserved word, so it may also be the name.
  if (words.next() !== 'SAVEPOINT' || words.rest().trim() === '') words.at = at;
  return { kind: 'rollback-to', name: savepointName(words.identifier()) };
}

function savepointName(latin1: string): string {
  const name = Buffer.from(latin1, 'latin1').toString('utf8');
  return name.normalize('NFD').replace(/\p{M}/gu, '').toUpperCase().trimEnd();
}

function xaKind(words: WordReader): StatementKind {
  const verb = words.next();
  switch (verb) {
    case 'START':
    case 'BEGIN':
      return { kind: 'xa-start', xid: words.xid() };
    case 'END':
      return { kind: 'xa-end' };
    case 'PREPARE':
      return { kind: 'xa-prepare', xid: words.xid() };
    case 'COMMIT':
      return { kind: 'xa-commit', xid: words.xid() };
    case 'ROLLBACK':
      return { kind: 'xa-rollback', xid: words.xid() };
    default:
      return { kind: 'other', word: 'XA' };
  }
}

function statementAfterFor(words: WordReader): StatementKind {
  for (let word = words.next(); word !== ''; word = words.next()) if (word === 'FOR') return statementKind(words.rest());
  return { kind: 'rows-as-text', word: 'SET STATEMENT' };
}

function createOrDrop(first: string, words: WordReader, sql: string): StatementKind {
  let second = words.next();
  if (second === 'OR') {
    words.next();
    second = words.next();
  }
  if (second === 'TEMPORARY') return { kind: 'temporary-table' };
  if (first === 'CREATE' && second === 'TABLE' && START_TRANSACTION.test(sql)) return { kind: 'create-start-transaction' };
  return { kind: 'other', word: first };
}

/** The xid in one form, `X'gtrid',X'bqual',format` in lower-case digits, from its parts. */
export function xidText(gtrid: Buffer, bqual: Buffer, format: number): string {
  return `X'${gtrid.toString('hex')}',X'${bqual.toString('hex')}',${format}`;
}

class WordReader {
  readonly #sql: string;
  at = 0;

  constructor(sql: string) {
    this.#sql = sql;
  }

  /** The next word in capitals; a character that is no word and no space is passed over. Empty at the end. */
  next(): string {
    this.#skipSpace();
    const word = /[A-Za-z_0-9$]+/y;
    while (this.at < this.#sql.length) {
      word.lastIndex = this.at;
      const match = word.exec(this.#sql);
      if (match !== null) {
        this.at = word.lastIndex;
        return match[0].toUpperCase();
      }
      this.#skipOne();
      this.#skipSpace();
    }
    return '';
  }

  /** A name, in backticks or bare, as latin1 text. */
  identifier(): string {
    this.#skipSpace();
    if (this.#sql[this.at] !== '`') {
      const match = /[^\s;]+/y;
      match.lastIndex = this.at;
      return match.exec(this.#sql)?.[0] ?? '';
    }
    const match = /`((?:[^`]|``)*)`/y;
    match.lastIndex = this.at;
    return (match.exec(this.#sql)?.[1] ?? '').replaceAll('``', '`');
  }

  /** An xid as servers log it; the text itself when it has another form. */
  xid(): string {
    const text = this.rest().trim();
    const match = /^X'([0-9a-f]*)'\s*(?:,\s*X'([0-9a-f]*)'\s*)?(?:,\s*([0-9]+))?/i.exec(text);
    if (match === null) return text;
    return `X'${match[1]!.toLowerCase()}',X'${(match[2] ?? '').toLowerCase()}',${match[3] ?? '1'}`;
  }

  rest(): string {
    return this.#sql.slice(this.at);
  }

  /** One character, or a whole quoted text. */
  #skipOne(): void {
    const quoted = /'(?:[^'\\]|\\[^]|'')*'|"(?:[^"\\]|\\[^]|"")*"|`(?:[^`]|``)*`/y;
    quoted.lastIndex = this.at;
    this.at += quoted.exec(this.#sql)?.[0].length ?? 1;
  }

  #skipSpace(): void {
    const space = /(?:\s|#[^\n]*(?:\n|$)|--(?:\s[^\n]*)?(?:\n|$)|\/\*M?![0-9]*|\*\/|\/\*(?!M?!)[^]*?(?:\*\/|$))*/y;
    space.lastIndex = this.at;
    this.at += space.exec(this.#sql)?.[0].length ?? 0;
  }
}
