import { u24, u32 } from '../../source/bytes.ts';
import type { LiteralWriter } from './number-literals.ts';
import type { SqlBuffer } from './sql-buffer.ts';

const QUOTE = 0x27;
const DASH = 0x2d;
const COLON = 0x3a;
const DOT = 0x2e;
const SPACE = 0x20;
const SECONDS_OF_DAY = 86_400;
const TWO_24 = 0x1_000_000;

function writeDateParts(out: SqlBuffer, year: number, month: number, day: number): void {
  out.digits(year, 4);
  out.byte(DASH);
  out.digits(month, 2);
  out.byte(DASH);
  out.digits(day, 2);
}

function writeTimeParts(out: SqlBuffer, hour: number, minute: number, second: number): void {
  out.digits(hour, hour > 99 ? 3 : 2);
  out.byte(COLON);
  out.digits(minute, 2);
  out.byte(COLON);
  out.digits(second, 2);
}

function writeFraction(out: SqlBuffer, micros: number, digits: number): void {
  if (digits === 0) return;
  out.byte(DOT);
  out.digits(Math.floor(micros / 10 ** (6 - digits)), digits);
}

/** Microseconds of the fraction bytes of a column with `fsp` digits: big-endian hundredths, ten-thousandths or millionths. */
function fractionMicros(image: Buffer, at: number, fsp: number): number {
  switch (fsp) {
    case 0:
      return 0;
    case 1:
    case 2:
      return image[at]! * 10_000;
    case 3:
    case 4:
      return ((image[at]! << 8) | image[at + 1]!) * 100;
    default:
      return (image[at]! << 16) | (image[at + 1]! << 8) | image[at + 2]!;
  }
}

/** DATE: day in 5 bits, month in 4, year above. */
export const writeDate: LiteralWriter = (out, image, at) => {
  const value = u24(image, at);
  out.reserve(12);
  out.byte(QUOTE);
  writeDateParts(out, value >> 9, (value >> 5) & 15, value & 31);
  out.byte(QUOTE);
};

/** DATETIME(fsp): 40 bits big-endian (sign, year*13+month in 17, day 5, hour 5, minute 6, second 6), then the fraction. */
export function datetime2Writer(fsp: number): LiteralWriter {
  return (out, image, at) => {
    const high = (image[at]! << 16) | (image[at + 1]! << 8) | image[at + 2]!;
    const low = (image[at + 3]! << 8) | image[at + 4]!;
    // The 40 bits are split at bit 16, which cuts the hour's first bit off.
    const yearMonth = (high >> 6) & 0x1ffff;
    const day = (high >> 1) & 31;
    const time = ((high & 1) << 16) | low;
    const year = Math.floor(yearMonth / 13);
    out.reserve(28);
    out.byte(QUOTE);
    writeDateParts(out, year, yearMonth - year * 13, day);
    out.byte(SPACE);
    writeTimeParts(out, time >> 12, (time >> 6) & 63, time & 63);
    writeFraction(out, fractionMicros(image, at + 5, fsp), fsp);
    out.byte(QUOTE);
  };
}

/** TIMESTAMP(fsp) in UTC; second 0 is '0000-00-00 00:00:00'. The session's time zone must be +00:00. */
export function timestamp2Writer(fsp: number): LiteralWriter {
  return (out, image, at) => {
    const seconds = image.readUInt32BE(at);
    writeTimestamp(out, seconds, fractionMicros(image, at + 4, fsp), fsp);
  };
}

/** TIMESTAMP of MySQL before 5.6 and old MariaDB tables: seconds, little-endian. */
export const writeOldTimestamp: LiteralWriter = (out, image, at) => writeTimestamp(out, u32(image, at), 0, 0);

function writeTimestamp(out: SqlBuffer, seconds: number, micros: number, fsp: number): void {
  out.reserve(28);
  out.byte(QUOTE);
  if (seconds === 0 && micros === 0) {
    writeDateParts(out, 0, 0, 0);
    out.byte(SPACE);
    writeTimeParts(out, 0, 0, 0);
  } else {
    const days = Math.floor(seconds / SECONDS_OF_DAY);
    const rest = seconds - days * SECONDS_OF_DAY;
    writeCivilDate(out, days);
    out.byte(SPACE);
    const hour = Math.floor(rest / 3600);
    const minute = Math.floor(rest / 60) - hour * 60;
    writeTimeParts(out, hour, minute, rest % 60);
  }
  writeFraction(out, micros, fsp);
  out.byte(QUOTE);
}

/**
 * Gregorian date of a day number (0 = 1970-01-01), counted in eras of 400 years that begin in March.
 * Source: Howard Hinnant, chrono-compatible low-level date algorithms, civil_from_days.
 */
function writeCivilDate(out: SqlBuffer, days: number): void {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  writeDateParts(
    out,
    yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  );
}

/** DATETIME of MySQL before 5.6: the decimal number YYYYMMDDhhmmss. */
export const writeOldDatetime: LiteralWriter = (out, image, at) => {
  const value = u32(image, at) + u32(image, at + 4) * 0x1_0000_0000;
  const date = Math.floor(value / 1_000_000);
  const time = value - date * 1_000_000;
  out.reserve(21);
  out.byte(QUOTE);
  writeDateParts(out, Math.floor(date / 10_000), Math.floor(date / 100) % 100, date % 100);
  out.byte(SPACE);
  writeTimeParts(out, Math.floor(time / 10_000), Math.floor(time / 100) % 100, time % 100);
  out.byte(QUOTE);
};

/** TIME of MySQL before 5.6: the decimal number hhmmss, signed, in 3 bytes. */
export const writeOldTime: LiteralWriter = (out, image, at) => {
  const value = (u24(image, at) << 8) >> 8;
  const size = Math.abs(value);
  out.byte(QUOTE);
  if (value < 0) out.byte(DASH);
  writeTimeParts(out, Math.floor(size / 10_000), Math.floor(size / 100) % 100, size % 100);
  out.byte(QUOTE);
};

/**
 * TIME(fsp): 24 bits big-endian with an offset of 2^23 (hour 10, minute 6, second 6), then the fraction. A negative value is
 * the complement of the whole, so whole seconds and fraction are negated as one number.
 * Source: MySQL my_time_packed_from_binary.
 */
export function time2Writer(fsp: number): LiteralWriter {
  const fractionBytes = (fsp + 1) >> 1;
  const unit = [1, 10_000, 100, 1][fractionBytes]!;
  const base = 256 ** fractionBytes;
  return (out, image, at) => {
    let value = ((image[at]! << 16) | (image[at + 1]! << 8) | image[at + 2]!) - TWO_24 / 2;
    let fraction = fractionBytes === 0 ? 0 : image.readUIntBE(at + 3, fractionBytes);
    const negative = value < 0;
    if (negative) {
      const whole = -(value * base + fraction);
      value = Math.floor(whole / base);
      fraction = whole - value * base;
    }
    out.reserve(20);
    out.byte(QUOTE);
    if (negative) out.byte(DASH);
    writeTimeParts(out, (value >> 12) & 1023, (value >> 6) & 63, value & 63);
    writeFraction(out, fraction * unit, fsp);
    out.byte(QUOTE);
  };
}

/** Parts of a packed temporal value as JSON holds it: 64 bits, little-endian, fraction in the low 24. */
export interface PackedTemporal {
  readonly negative: boolean;
  readonly micros: number;
  readonly second: number;
  readonly minute: number;
  readonly hour: number;
  /** Zero in a TIME. */
  readonly day: number;
  readonly month: number;
  readonly year: number;
}

/** A DATE, DATETIME or TIMESTAMP: year*13+month, day in 5 bits, hour 5, minute 6, second 6, microsecond 24. */
export function unpackTemporal(image: Buffer, at: number): PackedTemporal {
  const packed = image.readBigInt64LE(at);
  const whole = Number(packed >> 24n);
  const time = whole % 0x20000;
  const date = Math.floor(whole / 0x20000);
  const yearMonth = Math.floor(date / 32);
  return {
    negative: false,
    micros: Number(packed & 0xffffffn),
    second: time & 63,
    minute: (time >> 6) & 63,
    hour: time >> 12,
    day: date % 32,
    month: yearMonth % 13,
    year: Math.floor(yearMonth / 13),
  };
}

/** A TIME: hour in 10 bits, minute 6, second 6, microsecond 24, negated as one number. */
export function unpackTime(image: Buffer, at: number): PackedTemporal {
  const packed = image.readBigInt64LE(at);
  const size = packed < 0n ? -packed : packed;
  const whole = Number(size >> 24n);
  return {
    negative: packed < 0n,
    micros: Number(size & 0xffffffn),
    second: whole & 63,
    minute: (whole >> 6) & 63,
    hour: whole >> 12,
    day: 0,
    month: 0,
    year: 0,
  };
}

/** Writes `YYYY-MM-DD`, `hh:mm:ss.ffffff` or both without quotes, as MySQL prints temporal scalars of JSON. */
export function writePacked(out: SqlBuffer, value: PackedTemporal, part: 'date' | 'time' | 'datetime'): void {
  if (part !== 'time') writeDateParts(out, value.year, value.month, value.day);
  if (part === 'date') return;
  if (part === 'datetime') out.byte(SPACE);
  else if (value.negative) out.byte(DASH);
  writeTimeParts(out, value.hour, value.minute, value.second);
  writeFraction(out, value.micros, 6);
}
