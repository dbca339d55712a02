import { u16, u32 } from '../../source/bytes.ts';
import { LockkeeperError } from '../../../common/errors.ts';

/** Type bytes of MySQL's binary JSON. Source: MySQL sql-common/json_binary.h. */
export const LARGE_OBJECT = 1;
export const LARGE_ARRAY = 3;
export const LITERAL = 4;
export const INT16 = 5;
export const UINT16 = 6;
export const INT32 = 7;
export const UINT32 = 8;
export const INT64 = 9;
export const UINT64 = 10;
export const DOUBLE = 11;
export const STRING = 12;
export const OPAQUE = 15;

/** Where the parts of a JSON object or array lie. */
export interface Layout {
  readonly object: boolean;
  readonly large: boolean;
  readonly count: number;
  readonly keys: number;
  readonly values: number;
}

export function layoutOf(image: Buffer, type: number, at: number): Layout {
  const large = (type & 1) === 1;
  const object = type <= LARGE_OBJECT;
  const width = large ? 4 : 2;
  const count = large ? u32(image, at) : u16(image, at);
  const keys = at + 2 * width;
  return { object, large, count, keys, values: object ? keys + count * (width + 2) : keys };
}

/** Offset of the data of value `i`; small scalars lie in the entry itself. */
export function valueAt(image: Buffer, layout: Layout, base: number, i: number): number {
  const entry = layout.values + i * (layout.large ? 5 : 3);
  const type = image[entry]!;
  const inline = (type >= LITERAL && type <= UINT16) || (layout.large && (type === INT32 || type === UINT32));
  if (inline) return entry + 1;
  return base + (layout.large ? u32(image, entry + 1) : u16(image, entry + 1));
}

export function typeAt(image: Buffer, layout: Layout, i: number): number {
  return image[layout.values + i * (layout.large ? 5 : 3)]!;
}

const TWO_32 = 0x1_0000_0000;

/** Lengths are written 7 bits a byte, low bits first, the top bit says that more follow. */
export function varLength(image: Buffer, at: number): number {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const next = image[at + i];
    if (next === undefined) break;
    value += (next & 0x7f) * 2 ** (7 * i);
    if (next < 0x80 && value < TWO_32) return value;
  }
  throw undecodable('length');
}

export function varLengthBytes(image: Buffer, at: number): number {
  let bytes = 1;
  while (image[at + bytes - 1]! >= 0x80) bytes++;
  return bytes;
}

export function undecodable(what: string): LockkeeperError {
  return new LockkeeperError('LK1203', `a JSON value of a row cannot be decoded: ${what}`);
}
