import { expect, test } from 'vitest';
import { writeJsonExpression, writeJsonText, writeJsonValue } from './json-literal.ts';
import { SqlBuffer } from './sql-buffer.ts';

type Write = typeof writeJsonValue;

function written(write: Write, hexBytes: string): string {
  const out = new SqlBuffer(16);
  const bytes = Buffer.from(hexBytes.replaceAll(' ', ''), 'hex');
  write(out, bytes, 0, bytes.length, new Map());
  return out.text();
}

const double = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return `0b${bytes.toString('hex')}`;
};

/** Documents as MySQL logs them: type byte, then the value. */
test.each([
  ['', "_utf8mb4'null'"],
  ['0400', "_utf8mb4'null'"],
  ['0401', "_utf8mb4'true'"],
  ['0402', "_utf8mb4'false'"],
  ['05ffff', "_utf8mb4'-1'"],
  ['0700000080', "_utf8mb4'-2147483648'"],
  // The parser makes an unsigned number of a positive one from 2^32 on, so a signed one needs another way.
  ['090000000001000000', "JSON_EXTRACT(JSON_ARRAY(4294967296),_utf8mb4'$[0]')"],
  ['0900000000ffffffff', "_utf8mb4'-4294967296'"],
  ['09ffffffff00000000', "_utf8mb4'4294967295'"],
  ['0affffffffffffffff', "_utf8mb4'18446744073709551615'"],
  ['060100', "JSON_EXTRACT(JSON_ARRAY(CAST(1 AS UNSIGNED)),_utf8mb4'$[0]')"],
  [double(1), "_utf8mb4'1.0'"],
  [double(-0), "_utf8mb4'-0.0'"],
  [double(0.1), "_utf8mb4'0.1'"],
  [double(1e-7), "_utf8mb4'0.0000001'"],
  [double(0.1 + 0.2), "JSON_EXTRACT(JSON_ARRAY(0.30000000000000004e0),_utf8mb4'$[0]')"],
  [double(1e100), "JSON_EXTRACT(JSON_ARRAY(1e+100),_utf8mb4'$[0]')"],
  ['0c036127 5c', String.raw`_utf8mb4'"a\'\\\\"'`],
  ['0c02220a', String.raw`_utf8mb4'"\\"\\n"'`],
  ['0c02011f', String.raw`_utf8mb4'"\\u0001\\u001f"'`],
  ['0200000400', "_utf8mb4'[]'"],
  ['0000000400', "_utf8mb4'{}'"],
  // {"a": 1, "b": [2]}
  ['00 02001f00 1200 0100 1300 0100 05 0100 02 1400 61 62 0100 0700 05 0200', '_utf8mb4\'{"a": 1, "b": [2]}\''],
])('the document %s', (bytes, expected) => {
  expect(written(writeJsonValue, bytes)).toBe(expected);
});

test('as expression and as text', () => {
  expect(written(writeJsonExpression, '050100')).toBe("CAST(_utf8mb4'1' AS JSON)");
  expect(written(writeJsonText as Write, '050100')).toBe("'1'");
  expect(written(writeJsonText as Write, '0f f6 04 03 02 81 0a')).toBe("'1.10'");
  expect(written(writeJsonText as Write, '0f fc 02 00ff')).toBe('\'"base64:type252:AP8="\'');
  expect(written(writeJsonValue, '0f f6 04 03 02 81 0a')).toBe("JSON_EXTRACT(JSON_ARRAY(1.10),_utf8mb4'$[0]')");
});

test('a scalar that no SQL makes, and broken bytes, stop', () => {
  expect(() => written(writeJsonValue, '0f f9 01 00')).toThrow(expect.objectContaining({ code: 'LK1406' }));
  expect(() => written(writeJsonValue, '0d00')).toThrow(expect.objectContaining({ code: 'LK1203' }));
});
