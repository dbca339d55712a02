import { describe, expect, test } from 'vitest';
import { clientCharset } from './client-charset.ts';
import { lex, type LexerOptions } from './lexer.ts';

const plain: LexerOptions = { flavor: 'mysql', ansiQuotes: false, noBackslashEscapes: false, isLead: () => false };

/** Tokens as `kind:text`. */
function tokens(sql: string, options: Partial<LexerOptions> = {}): string[] {
  return lex(sql, { ...plain, ...options }).tokens.map(({ kind, start, end }) => `${kind}:${sql.slice(start, end)}`);
}

describe('lex', () => {
  test.each([
    ['a.b', ['word:a', 'symbol:.', 'word:b']],
    ['a . `b`', ['word:a', 'symbol:.', 'quoted:`b`']],
    [
      '1a 1 1.5 .5 1e5 1e-5 1.e3 0x1F 0b11 1e',
      [
        'word:1a',
        'number:1',
        'number:1.5',
        'number:.5',
        'number:1e5',
        'number:1e-5',
        'number:1.e3',
        'number:0x1F',
        'number:0b11',
        'word:1e',
      ],
    ],
    ['t.1e5', ['word:t', 'symbol:.', 'word:1e5']],
    ['`t`.1', ['quoted:`t`', 'symbol:.', 'word:1']],
    ['1-1', ['number:1', 'symbol:-', 'number:1']],
    ['a--b', ['word:a', 'symbol:-', 'symbol:-', 'word:b']],
    ['a -- b\nc', ['word:a', 'word:c']],
    ['a --', ['word:a']],
    ['a # b', ['word:a']],
    ['a/* b */c', ['word:a', 'word:c']],
    ['a /*+ hint */ b', ['word:a', 'word:b']],
    ["'a''b' 'a\\'b' '\\\\'", ["string:'a''b'", "string:'a\\'b'", "string:'\\\\'"]],
    ['"a""b" `a``b`', ['string:"a""b"', 'quoted:`a``b`']],
    ['`a\\`', ['quoted:`a\\`']],
    ["_latin1'x' N'y' x'41'", ['word:_latin1', "string:'x'", 'word:N', "string:'y'", 'word:x', "string:'41'"]],
    ['a@b @@c', ['word:a', 'symbol:@', 'word:b', 'symbol:@', 'symbol:@', 'word:c']],
    ["'open", ["invalid:'open"]],
    ['`open', ['invalid:`open']],
    ['a /* open', ['word:a', 'invalid:/* open']],
    ['a */ b', ['word:a', 'symbol:*', 'symbol:/', 'word:b']],
    ['', []],
  ])('%s', (sql, expected) => {
    expect(tokens(sql)).toEqual(expected);
  });

  test('sql_mode decides what quotes and backslashes are', () => {
    expect(tokens('"a\\"', { ansiQuotes: true })).toEqual(['quoted:"a\\"']);
    expect(tokens("'\\' 'b'", { noBackslashEscapes: true })).toEqual(["string:'\\'", "string:'b'"]);
  });

  test('what executable comments hold counts; their marks are told', () => {
    const sql = "a /*!50100 b /* c */ 'd */' */ e";
    expect(tokens(sql)).toEqual(['word:a', 'word:b', "string:'d */'", 'word:e']);
    expect(lex(sql, plain).marks.map(({ start, end }) => sql.slice(start, end))).toEqual(['/*!50100', '*/']);
    expect(tokens('/*!999999 a*/ /*!12 b*/')).toEqual(['word:a', 'number:12', 'word:b']);
    expect(tokens('/*M! a */ b')).toEqual(['word:b']);
    expect(tokens('/*M!100100 a */ b', { flavor: 'mariadb' })).toEqual(['word:a', 'word:b']);
    expect(tokens('/*! a')).toEqual(['word:a', 'invalid:']);
  });

  test('keywords are upper case, values have their quotes taken off', () => {
    expect(lex('taBle `x``y`', plain).tokens).toMatchObject([
      { keyword: 'TABLE', value: 'taBle' },
      { keyword: '', value: 'x`y' },
    ]);
  });

  test('a character of two bytes is never cut', () => {
    const { isLead } = clientCharset(28);
    expect(tokens('`\x81\x60` \x81\x5c', { isLead })).toEqual(['quoted:`\x81\x60`', 'word:\x81\x5c']);
    expect(tokens("'\x81\x5c' a", { isLead })).toEqual(["string:'\x81\x5c'", 'word:a']);
  });
});

describe('clientCharset', () => {
  test.each([
    [null, 'é日', 'utf8mb4'],
    [63, 'é日', 'utf8mb4'],
    [255, 'é日', 'utf8mb4'],
    [8, 'é€', 'latin1'],
    [51, 'Ж', 'cp1251'],
    [28, '中文', 'gbk'],
    [1, '中文', 'big5'],
    [95, '日本', 'cp932'],
    [10, 'ascii', 'swe7'],
  ])('collation %s writes and reads %s', (id, text, name) => {
    const charset = clientCharset(id);
    expect(charset.name).toBe(name);
    expect(charset.decode(charset.encode(text)!)).toBe(text);
  });

  test('what a charset cannot hold is told', () => {
    expect(clientCharset(8).encode('日')).toBeNull();
    expect(clientCharset(10).encode('é')).toBeNull();
    expect(clientCharset(10).decode('\xe9')).toBeNull();
    expect(clientCharset(45).decode('\xff')).toBeNull();
  });
});
