import { expect, test } from 'vitest';
import type { OpaqueForms } from '../target/sql/json-literal.ts';
import { buildJson, bytesLiteral, scalarPaths } from './json-exact.ts';

const text = '{"a": [1, {"b\\"c": 1.50}, "x]"], "": {}, "d": "2024-01-01", "é": null}';

test('paths of scalars are those of JSON_EXTRACT', () => {
  expect(scalarPaths(text)).toEqual(['$."a"[0]', '$."a"[1]."b\\"c"', '$."a"[2]', '$."d"', '$."é"']);
  expect(scalarPaths('[]')).toEqual([]);
  expect(scalarPaths('-1.5e3')).toEqual(['$']);
  expect(scalarPaths('"a, b"')).toEqual(['$']);
});

const hex = (value: string) => (value === '' ? "_utf8mb4''" : `_utf8mb4 0x${Buffer.from(value).toString('hex')}`);
const plain = (value: string) => `CAST(${hex(value)} AS JSON)`;
const none: OpaqueForms = new Map();

test('only the typed parts are built, the rest stays text', () => {
  const types: Record<string, string> = { '$."a"[1]."b\\"c"': 'DECIMAL:10', '$."d"': 'DATE:12' };
  const sql = buildJson(text, (path) => types[path] ?? 'STRING:1', none);
  expect(sql).toBe(
    `JSON_OBJECT(${hex('a')},JSON_ARRAY(${plain('1')},JSON_OBJECT(${hex('b"c')},CAST('1.50' AS DECIMAL(65,2))),${plain('"x]"')}),` +
      `${hex('')},${plain('{}')},${hex('d')},CAST('2024-01-01' AS DATE),${hex('é')},${plain('null')})`,
  );
});

test('a scalar by itself keeps its type', () => {
  expect(buildJson('5', () => 'UNSIGNED INTEGER:3', none)).toBe("JSON_EXTRACT(JSON_ARRAY(CAST(5 AS UNSIGNED)),_utf8mb4'$[0]')");
});

test.each([
  ['4294967295', 'INTEGER', plain('[4294967295]')],
  ['4294967296', 'UNSIGNED INTEGER', plain('[4294967296]')],
  ['4294967296', 'INTEGER', 'JSON_ARRAY(CAST(4294967296 AS SIGNED))'],
  ['4294967295', 'UNSIGNED INTEGER', 'JSON_ARRAY(CAST(4294967295 AS UNSIGNED))'],
  ['-4294967297', 'INTEGER', plain('[-4294967297]')],
])('a whole number %s of type %s is written as MySQL would not read it', (json, type, sql) => {
  expect(buildJson(`[${json}]`, () => `${type}:9`, none)).toBe(sql);
});

test.each([
  ['1.10', 7, '1.10'],
  ['1.10', 10, "CAST('1.10' AS DECIMAL(65,2))"],
  ['5', 6, '5.'],
  ['-12345678901', 13, "CAST('-12345678901' AS DECIMAL(65,0))"],
])('DECIMAL %s of %d bytes is written %s', (json, size, sql) => {
  expect(buildJson(`[${json}]`, () => `DECIMAL:${size}`, none)).toBe(`JSON_ARRAY(${sql})`);
});

test('bytes are made as the target makes them; what it cannot make is refused', () => {
  const forms: OpaqueForms = new Map([
    [15, (out, image, from, to) => (out.ascii("X'"), out.hex(image, from, to), out.ascii("'"))],
  ]);
  expect(buildJson('["base64:type15:qrs="]', () => 'BLOB:9', forms)).toMatch(/^JSON_ARRAY\(X'.*AABB'/i);
  expect(() => buildJson('["base64:type255:qrs="]', () => 'OPAQUE:9', forms)).toThrow(/no SQL can make/);
});

test('values become literals byte by byte', () => {
  expect(bytesLiteral(null)).toBe('NULL');
  expect(bytesLiteral(Buffer.from('1.5'))).toBe("'1.5'");
  expect(bytesLiteral(Buffer.from("a'b"))).toBe('0x612762');
  expect(bytesLiteral(Buffer.from('a\\b'))).toBe('0x615c62');
  expect(bytesLiteral(Buffer.from([0xff, 0]))).toBe('0xff00');
  expect(bytesLiteral(Buffer.alloc(0))).toBe("''");
});
