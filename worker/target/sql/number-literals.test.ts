import { describe, expect, test } from 'vitest';
import {
  decimalWriter,
  intWriters,
  writeBit,
  writeDouble,
  writeFloat,
  writeInt64,
  writeUint64,
  writeYear,
  type LiteralWriter,
} from './number-literals.ts';
import { SqlBuffer } from './sql-buffer.ts';

/** The literal of a value that stands between two other bytes. */
function literal(write: LiteralWriter, value: Buffer): string {
  const out = new SqlBuffer(8);
  write(out, Buffer.concat([Buffer.from([0xaa]), value, Buffer.from([0x55])]), 1, 1 + value.length);
  return out.text();
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

test.each([
  [1, '00', '0', '0'],
  [1, '7f', '127', '127'],
  [1, '80', '-128', '128'],
  [1, 'ff', '-1', '255'],
  [2, 'ff7f', '32767', '32767'],
  [2, '0080', '-32768', '32768'],
  [3, 'ffff7f', '8388607', '8388607'],
  [3, '000080', '-8388608', '8388608'],
  [3, 'ffffff', '-1', '16777215'],
  [4, 'ffffff7f', '2147483647', '2147483647'],
  [4, '00000080', '-2147483648', '2147483648'],
  [4, 'ffffffff', '-1', '4294967295'],
] as const)('integer of %d bytes %s', (bytes, value, signed, unsigned) => {
  expect(literal(intWriters[bytes].signed, hex(value))).toBe(signed);
  expect(literal(intWriters[bytes].unsigned, hex(value))).toBe(unsigned);
});

test.each([
  0n,
  1n,
  -1n,
  2n ** 32n,
  -(2n ** 32n),
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n),
  -(2n ** 53n) - 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
])('BIGINT %d', (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  expect(literal(writeInt64, bytes)).toBe(String(value));
  expect(literal(writeUint64, bytes)).toBe(String(BigInt.asUintN(64, value)));
});

test.each([
  ['00', '0'],
  ['ff', '255'],
  ['01ff', '511'],
  ['ffffffffffff', '281474976710655'],
  ['ffffffffffffff', '72057594037927935'],
  ['8000000000000001', '9223372036854775809'],
])('BIT %s', (value, expected) => {
  expect(literal(writeBit, hex(value))).toBe(expected);
});

test('YEAR', () => {
  expect([0, 1, 70, 255].map((year) => literal(writeYear, Buffer.from([year])))).toEqual(['0', '1901', '1970', '2155']);
});

describe('floats read back as the same bits', () => {
  const float = (bits: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(bits);
    return bytes;
  };

  test('chosen and random ones', () => {
    const bits = [0, 0x80000000, 1, 0x80000001, 0x7f7fffff, 0xff7fffff, 0x00800000, 0x3dcccccd, 0x4b800001];
    for (let i = 0; i < 2000; i++) bits.push((i * 2654435761) >>> 0);
    for (const each of bits) {
      if ((each & 0x7f800000) === 0x7f800000) continue;
      const text = literal(writeFloat, float(each));
      expect(text).toMatch(/^-?[\d.]+e[+-]?\d+$/);
      const back = Buffer.alloc(4);
      back.writeFloatLE(Number(text));
      expect(back.readUInt32LE(), text).toBe(each);
    }
  });

  test.each([0, -0, 1, 0.1, 5e-324, 1.7976931348623157e308, 1e21, 1e-7, 123456789012345680000, 2 ** 53 + 2])(
    'double %d',
    (value) => {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(value);
      const text = literal(writeDouble, bytes);
      expect(text).toContain('e');
      expect(Object.is(Number(text), value)).toBe(true);
    },
  );
});

/** Source: the example of decimal2bin in MySQL's strings/decimal.cc, and values logged by a server. */
test.each([
  [14, 4, '81 0DFB38D2 04D2', '1234567890.1234'],
  [14, 4, '7E F204C72D FB2D', '-1234567890.1234'],
  [10, 2, '80000000 00', '0.00'],
  [10, 2, '85F5E0FF 63', '99999999.99'],
  [10, 2, '7A0A1F00 9C', '-99999999.99'],
  [10, 2, '7FFFFFFF FE', '-0.01'],
  [1, 0, '89', '9'],
  [1, 0, '76', '-9'],
  [9, 9, 'BB9AC9FF', '0.999999999'],
  [18, 9, '80000000 3B9AC9FF', '0.999999999'],
  [19, 0, '81 3B9AC9FF 00000001', '1999999999000000001'],
  [10, 0, '80 3B9AC9FF', '999999999'],
])('DECIMAL(%d,%d) %s', (precision, scale, bytes, expected) => {
  expect(literal(decimalWriter(precision, scale), hex(bytes))).toBe(expected);
});
