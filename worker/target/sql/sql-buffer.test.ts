import { expect, test } from 'vitest';
import { SqlBuffer } from './sql-buffer.ts';

function written(write: (out: SqlBuffer) => void, size = 1): string {
  const out = new SqlBuffer(size);
  write(out);
  return out.text();
}

test.each([
  0,
  1,
  9,
  10,
  99,
  100,
  999,
  1000,
  9_999,
  10_000,
  99_999,
  100_000,
  999_999,
  1_000_000,
  9_999_999,
  10_000_000,
  99_999_999,
  100_000_000,
  999_999_999,
  1_000_000_000,
  4_294_967_295,
  10 ** 15,
  2 ** 53 - 1,
  2 ** 53,
  1_000_000_000_000_000,
])('writes the whole number %d and its negative', (value) => {
  expect(written((out) => out.int(value))).toBe(String(value));
  if (value !== 0) expect(written((out) => out.int(-value))).toBe(String(-value));
});

test('pads digits', () => {
  expect(written((out) => out.digits(7, 3))).toBe('007');
  expect(written((out) => out.digits(0, 9))).toBe('000000000');
  expect(written((out) => out.digits(4_294_967_295, 10))).toBe('4294967295');
});

test('every byte stands for itself in quotes, but quote and backslash', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const text = written((out) => out.quoted(bytes, 0, 256));
  expect(text).toHaveLength(256 + 2 + 2);
  const inner = text.slice(1, -1).replaceAll("\\'", "'").replaceAll('\\\\', '\\');
  expect(Buffer.from(inner, 'latin1')).toEqual(bytes);
});

test('writes hex, long and short pieces, and grows', () => {
  const bytes = Buffer.from('00ff275c', 'hex');
  expect(written((out) => out.hex(bytes, 1, 3))).toBe("X'FF27'");
  const long = Buffer.alloc(1000, 'ab');
  expect(written((out) => out.raw(long))).toBe(long.toString('latin1'));
  expect(written((out) => out.raw(long, 1, 4))).toBe('bab');
  expect(written((out) => out.ascii('x'.repeat(100)))).toBe('x'.repeat(100));
  expect(written((out) => out.ascii('abc'))).toBe('abc');
});
