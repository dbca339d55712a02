import { expect, test } from 'vitest';
import type { LiteralWriter } from './number-literals.ts';
import { SqlBuffer } from './sql-buffer.ts';
import {
  datetime2Writer,
  time2Writer,
  timestamp2Writer,
  writeDate,
  writeOldDatetime,
  writeOldTime,
  writeOldTimestamp,
} from './temporal-literals.ts';

function literal(write: LiteralWriter, value: Buffer): string {
  const out = new SqlBuffer(8);
  write(out, Buffer.concat([Buffer.from([0xaa]), value]), 1, 1 + value.length);
  return out.text();
}

const number = (value: number, bytes: number) => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntLE(value, 0, bytes);
  return buffer;
};

test.each([
  [0, 0, 0, "'0000-00-00'"],
  [2024, 2, 29, "'2024-02-29'"],
  [2024, 0, 0, "'2024-00-00'"],
  [9999, 12, 31, "'9999-12-31'"],
])('DATE %d-%d-%d', (year, month, day, expected) => {
  const bytes = Buffer.alloc(3);
  bytes.writeUIntLE((year << 9) | (month << 5) | day, 0, 3);
  expect(literal(writeDate, bytes)).toBe(expected);
});

/** The server's own packing: hour 10 bits, minute 6, second 6, then the fraction; the whole negated and offset. */
function time2(negative: boolean, hour: number, minute: number, second: number, fraction: number, fsp: number): Buffer {
  const bytes = Math.ceil(fsp / 2);
  const unit = [0, 10_000, 100, 1][bytes]!;
  const size = ((hour << 12) | (minute << 6) | second) * 256 ** bytes + (bytes === 0 ? 0 : fraction / unit);
  const packed = 0x800000 * 256 ** bytes + (negative ? -size : size);
  const buffer = Buffer.alloc(3 + bytes);
  buffer.writeUIntBE(packed, 0, 3 + bytes);
  return buffer;
}

test.each([
  [false, 0, 0, 0, 0, 0, "'00:00:00'"],
  [true, 0, 0, 1, 0, 0, "'-00:00:01'"],
  [true, 0, 1, 0, 0, 0, "'-00:01:00'"],
  [true, 1, 0, 0, 0, 0, "'-01:00:00'"],
  [true, 838, 59, 59, 0, 0, "'-838:59:59'"],
  [true, 0, 0, 0, 10_000, 2, "'-00:00:00.01'"],
  [true, 0, 0, 1, 500_000, 1, "'-00:00:01.5'"],
  [true, 0, 0, 1, 500_000, 3, "'-00:00:01.500'"],
  [true, 12, 34, 56, 999_900, 4, "'-12:34:56.9999'"],
  [true, 0, 0, 0, 1, 6, "'-00:00:00.000001'"],
  [true, 0, 0, 59, 999_999, 6, "'-00:00:59.999999'"],
  [false, 23, 59, 59, 987_650, 5, "'23:59:59.98765'"],
])('TIME negative=%s %d:%d:%d.%d (%d)', (negative, hour, minute, second, fraction, fsp, expected) => {
  expect(literal(time2Writer(fsp), time2(negative, hour, minute, second, fraction, fsp))).toBe(expected);
});

function datetime2(year: number, month: number, day: number, hour: number, minute: number, second: number): Buffer {
  const date = (BigInt(year * 13 + month) << 5n) | BigInt(day);
  const packed = 0x8000000000n + ((date << 17n) | BigInt((hour << 12) | (minute << 6) | second));
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(packed);
  return buffer.subarray(3);
}

test.each([
  [0, 0, 0, 0, 0, 0, '0000-00-00 00:00:00'],
  [9999, 12, 31, 23, 59, 59, '9999-12-31 23:59:59'],
  [2024, 0, 0, 16, 0, 0, '2024-00-00 16:00:00'],
  [1000, 1, 31, 15, 30, 1, '1000-01-31 15:30:01'],
])('DATETIME %d-%d-%d %d:%d:%d', (year, month, day, hour, minute, second, expected) => {
  const bytes = datetime2(year, month, day, hour, minute, second);
  expect(literal(datetime2Writer(0), bytes)).toBe(`'${expected}'`);
  expect(literal(datetime2Writer(2), Buffer.concat([bytes, Buffer.from([7])]))).toBe(`'${expected}.07'`);
  expect(literal(datetime2Writer(3), Buffer.concat([bytes, Buffer.from([0x26, 0xac])]))).toBe(`'${expected}.990'`);
  expect(literal(datetime2Writer(6), Buffer.concat([bytes, Buffer.from([0x0f, 0x42, 0x3f])]))).toBe(`'${expected}.999999'`);
});

test('TIMESTAMP agrees with the calendar on every day that it can hold, to 2106', () => {
  const bytes = Buffer.alloc(4);
  for (let seconds = 1; seconds < 2 ** 32; seconds += 86_400 + 3601) {
    bytes.writeUInt32BE(seconds);
    const expected = new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
    expect(literal(timestamp2Writer(0), bytes)).toBe(`'${expected}'`);
  }
  expect(literal(timestamp2Writer(3), Buffer.alloc(6))).toBe("'0000-00-00 00:00:00.000'");
  expect(literal(timestamp2Writer(1), Buffer.from([0, 0, 0, 0, 90]))).toBe("'1970-01-01 00:00:00.9'");
});

test('types of before MySQL 5.6', () => {
  expect(literal(writeOldTime, number(-8385959, 3))).toBe("'-838:59:59'");
  expect(literal(writeOldTime, number(100, 3))).toBe("'00:01:00'");
  expect(literal(writeOldTimestamp, number(0, 4))).toBe("'0000-00-00 00:00:00'");
  expect(literal(writeOldTimestamp, number(1_000_000_000, 4))).toBe("'2001-09-09 01:46:40'");
  const datetime = Buffer.alloc(8);
  datetime.writeBigUInt64LE(20240229235958n);
  expect(literal(writeOldDatetime, datetime)).toBe("'2024-02-29 23:59:58'");
  expect(literal(writeOldDatetime, Buffer.alloc(8))).toBe("'0000-00-00 00:00:00'");
});
