import { u16, u24, u32 } from '../../source/bytes.ts';
import type { SqlBuffer } from './sql-buffer.ts';

/** Writes the value between `start` and `end` of a row image as SQL. NULL is not its business. */
export type LiteralWriter = (out: SqlBuffer, image: Buffer, start: number, end: number) => void;

const TWO_32 = 0x1_0000_0000;

/** Integers of 1 to 4 bytes, little-endian. */
export const intWriters: Readonly<Record<1 | 2 | 3 | 4, { readonly signed: LiteralWriter; readonly unsigned: LiteralWriter }>> = {
  1: {
    signed: (out, image, at) => out.int((image[at]! << 24) >> 24),
    unsigned: (out, image, at) => out.int(image[at]!),
  },
  2: {
    signed: (out, image, at) => out.int((u16(image, at) << 16) >> 16),
    unsigned: (out, image, at) => out.int(u16(image, at)),
  },
  3: {
    signed: (out, image, at) => out.int((u24(image, at) << 8) >> 8),
    unsigned: (out, image, at) => out.int(u24(image, at)),
  },
  4: {
    signed: (out, image, at) => out.int(u32(image, at) | 0),
    unsigned: (out, image, at) => out.int(u32(image, at)),
  },
};

export const writeUint64: LiteralWriter = (out, image, at) => {
  const high = u32(image, at + 4);
  if (high < 0x200000) out.int(high * TWO_32 + u32(image, at));
  else out.ascii(image.readBigUInt64LE(at).toString());
};

export const writeInt64: LiteralWriter = (out, image, at) => {
  const high = u32(image, at + 4) | 0;
  if (high >= 0 && high < 0x200000) out.int(high * TWO_32 + u32(image, at));
  else if (high < 0 && high >= -0x200000) out.int(high * TWO_32 + u32(image, at));
  else out.ascii(image.readBigInt64LE(at).toString());
};

/** BIT(n) as a number: its bytes are big-endian. */
export const writeBit: LiteralWriter = (out, image, start, end) => {
  if (end - start <= 6) out.int(end === start ? 0 : image.readUIntBE(start, end - start));
  else {
    let value = 0n;
    for (let at = start; at < end; at++) value = (value << 8n) | BigInt(image[at]!);
    out.ascii(value.toString());
  }
};

/** YEAR as a number: 0 is 0000, the others count from 1900. A number, since the string '0' would mean 2000. */
export const writeYear: LiteralWriter = (out, image, at) => out.int(image[at] === 0 ? 0 : 1900 + image[at]!);

/**
 * A double as a literal that reads back as the very same double: the shortest such text, always with an exponent, since the
 * server would take it for a DECIMAL without one.
 */
export function writeDoubleValue(out: SqlBuffer, value: number): void {
  if (Object.is(value, -0)) {
    out.ascii('-0e0');
    return;
  }
  const text = String(value);
  out.ascii(text);
  if (!text.includes('e')) out.ascii('e0');
}

export const writeDouble: LiteralWriter = (out, image, at) => writeDoubleValue(out, image.readDoubleLE(at));

/** Every float is exactly a double too: the double's text, cut to a float again by the server, gives the same bits. */
export const writeFloat: LiteralWriter = (out, image, at) => writeDoubleValue(out, image.readFloatLE(at));

const DIGITS = 9;
/** Bytes that hold 0 to 8 digits, the rest of a group of nine. */
const BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4];

/**
 * DECIMAL(precision, scale) with all its fraction digits.
 * Groups of nine digits are big-endian in 4 bytes, shorter groups at both outer ends in fewer; the first bit is inverted and
 * negative numbers have all bits inverted. Source: MySQL internals, decimal2bin.
 */
export function decimalWriter(precision: number, scale: number): LiteralWriter {
  const whole = precision - scale;
  const firstDigits = whole % DIGITS;
  const groups = Math.floor(whole / DIGITS);
  const fractionGroups = Math.floor(scale / DIGITS);
  const lastDigits = scale % DIGITS;
  return (out, image, start) => {
    const negative = (image[start]! & 0x80) === 0;
    const mask = negative ? 0xff : 0;
    let flip = 0x80;
    let at = start;
    let started = false;
    out.reserve(precision + 4);
    if (negative) out.byte(0x2d);
    if (firstDigits > 0) {
      const value = groupAt(image, at, BYTES[firstDigits]!, mask, flip);
      at += BYTES[firstDigits]!;
      flip = 0;
      started = value > 0;
      if (started) out.int(value);
    }
    for (let i = 0; i < groups; i++) {
      const value = groupAt(image, at, 4, mask, flip);
      at += 4;
      flip = 0;
      if (started) out.digits(value, DIGITS);
      else if (value > 0) {
        out.int(value);
        started = true;
      }
    }
    if (!started) out.byte(0x30);
    if (scale === 0) return;
    out.byte(0x2e);
    for (let i = 0; i < fractionGroups; i++) {
      out.digits(groupAt(image, at, 4, mask, flip), DIGITS);
      at += 4;
      flip = 0;
    }
    if (lastDigits > 0) out.digits(groupAt(image, at, BYTES[lastDigits]!, mask, flip), lastDigits);
  };
}

function groupAt(image: Buffer, at: number, bytes: number, mask: number, flip: number): number {
  let value = image[at]! ^ mask ^ flip;
  for (let i = 1; i < bytes; i++) value = value * 256 + (image[at + i]! ^ mask);
  return value;
}
