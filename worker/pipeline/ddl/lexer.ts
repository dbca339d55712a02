import type { Flavor } from '../../source/position.ts';

export type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'symbol' | 'invalid';

/** A piece of SQL; `start` and `end` are offsets into the text, `end` exclusive. */
export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  /** Upper case for words (where it may be a keyword), the character for symbols, else empty. */
  readonly keyword: string;
  /** What an identifier or a string says, its quotes taken off (not its escapes), in the bytes of the text; empty for other kinds. */
  readonly value: string;
}

export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface LexerOptions {
  readonly flavor: Flavor;
  /** sql_mode ANSI_QUOTES: "x" is an identifier. */
  readonly ansiQuotes: boolean;
  /** sql_mode NO_BACKSLASH_ESCAPES. */
  readonly noBackslashEscapes: boolean;
  /** Whether a byte begins a character of two bytes whose second byte may be ASCII. */
  readonly isLead: (byte: number) => boolean;
}

export interface LexedSql {
  readonly tokens: readonly Token[];
  /** Opening and closing marks of executable comments: what stands between them is SQL and is in `tokens`. */
  readonly marks: readonly Range[];
}

/**
 * Cuts a logged statement (binary string, one character per byte) into tokens. Never throws: text that no token fits ends
 * in one of kind `invalid`.
 *
 * A server that skips an executable comment (`/*!99999 ...`) takes the exclamation mark out before it logs the statement, so
 * the content of each one that is left was executed by the source and counts here, whatever version it asks for.
 * Source: sql/sql_lex.cc of both servers.
 */
export function lex(sql: string, options: LexerOptions): LexedSql {
  return new Lexer(sql, options).run();
}

const WORD = /[0-9A-Za-z_$\x80-\xff]/;
const NUMBER = /^(?:\d+|0x[0-9a-fA-F]+|0b[01]+|\d+[eE]\d+)$/;

class Lexer {
  readonly #sql: string;
  readonly #options: LexerOptions;
  readonly #tokens: Token[] = [];
  readonly #marks: Range[] = [];
  #at = 0;
  #executable = false;

  constructor(sql: string, options: LexerOptions) {
    this.#sql = sql;
    this.#options = options;
  }

  run(): LexedSql {
    const sql = this.#sql;
    while (this.#at < sql.length) {
      const char = sql[this.#at]!;
      if (char === ' ' || (char >= '\t' && char <= '\r')) this.#at++;
      else if (char === '#' || this.#isDashComment()) this.#skipLine();
      else if (char === '/' && sql[this.#at + 1] === '*') this.#comment();
      else if (this.#executable && char === '*' && sql[this.#at + 1] === '/') this.#closeExecutable();
      else if (char === "'") this.#quotedText('string', char);
      else if (char === '"') this.#quotedText(this.#options.ansiQuotes ? 'quoted' : 'string', char);
      else if (char === '`') this.#quotedText('quoted', char);
      else if (char === '.' && this.#isFraction()) this.#number();
      else if (WORD.test(char)) this.#word();
      else this.#push('symbol', this.#at + 1, char);
    }
    if (this.#executable) this.#push('invalid', sql.length);
    return { tokens: this.#tokens, marks: this.#marks };
  }

  #push(kind: TokenKind, end: number, keyword = '', value = ''): void {
    this.#tokens.push({ kind, start: this.#at, end, keyword, value });
    this.#at = end;
  }

  /** `--` begins a comment only before white space, a control character or the end. */
  #isDashComment(): boolean {
    if (!this.#sql.startsWith('--', this.#at)) return false;
    const next = this.#sql[this.#at + 2];
    return next === undefined || next <= ' ';
  }

  #skipLine(): void {
    const end = this.#sql.indexOf('\n', this.#at);
    this.#at = end < 0 ? this.#sql.length : end + 1;
  }

  #comment(): void {
    const rest = this.#sql.slice(this.#at, this.#at + 10);
    const open = (this.#options.flavor === 'mariadb' ? /^\/\*M?!(?:\d{5,6})?/ : /^\/\*!(?:\d{5,6})?/).exec(rest);
    if (open !== null && !this.#executable) {
      this.#marks.push({ start: this.#at, end: this.#at + open[0].length });
      this.#at += open[0].length;
      this.#executable = true;
      return;
    }
    const end = this.#sql.indexOf('*/', this.#at + 2);
    if (end < 0) this.#push('invalid', this.#sql.length);
    else this.#at = end + 2;
  }

  #closeExecutable(): void {
    this.#marks.push({ start: this.#at, end: this.#at + 2 });
    this.#at += 2;
    this.#executable = false;
  }

  /** A string or quoted identifier: a doubled quote stands for one; backslashes escape in strings alone. */
  #quotedText(kind: 'string' | 'quoted', quote: string): void {
    const sql = this.#sql;
    const escapes = kind === 'string' && !this.#options.noBackslashEscapes;
    let value = '';
    let from = this.#at + 1;
    for (let i = from; i < sql.length; i++) {
      if (this.#options.isLead(sql.charCodeAt(i))) i++;
      else if (escapes && sql[i] === '\\') i++;
      else if (sql[i] === quote) {
        value += sql.slice(from, i);
        if (sql[i + 1] !== quote) return this.#push(kind, i + 1, '', value);
        from = ++i;
      }
    }
    this.#push('invalid', sql.length);
  }

  /** A dot before a digit begins a number unless it sits right behind an identifier. */
  #isFraction(): boolean {
    const last = this.#tokens.at(-1);
    const adjoins = last !== undefined && last.end === this.#at && (last.kind === 'word' || last.kind === 'quoted');
    return !adjoins && /\d/.test(this.#sql[this.#at + 1] ?? '');
  }

  #number(): void {
    const match = /^\d*\.?\d*(?:[eE][+-]?\d+)?/.exec(this.#sql.slice(this.#at, this.#at + 400))!;
    this.#push('number', this.#at + match[0].length);
  }

  #word(): void {
    const sql = this.#sql;
    let end = this.#at;
    while (end < sql.length && WORD.test(sql[end]!)) end += this.#options.isLead(sql.charCodeAt(end)) ? 2 : 1;
    end = Math.min(end, sql.length);
    const text = sql.slice(this.#at, end);
    const last = this.#tokens.at(-1);
    const qualified = last?.keyword === '.' && last.end === this.#at;
    if (!qualified && /^\d/.test(text)) {
      if (/^\d+$/.test(text) || (/^\d+[eE]$/.test(text) && /[+-]/.test(sql[end] ?? ''))) return this.#number();
      if (NUMBER.test(text)) return this.#push('number', end);
    }
    // Upper case of ASCII letters alone: other bytes are no letters here.
    this.#push(
      'word',
      end,
      text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()),
      text,
    );
  }
}
