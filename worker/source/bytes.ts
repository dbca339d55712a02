/** Unsigned little-endian reads without the bounds check of Buffer's methods; callers have checked the length. */
export function u16(buffer: Uint8Array, at: number): number {
  return buffer[at]! | (buffer[at + 1]! << 8);
}

export function u24(buffer: Uint8Array, at: number): number {
  return buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16);
}

export function u32(buffer: Uint8Array, at: number): number {
  return (buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)) >>> 0;
}

export function u48(buffer: Uint8Array, at: number): number {
  return u32(buffer, at) + u16(buffer, at + 4) * 0x1_0000_0000;
}

/** A 64-bit number that is known to be small; throws RangeError from 2^53 on, where a double is no longer exact. */
export function u64(buffer: Uint8Array, at: number): number {
  const value = u32(buffer, at) + u32(buffer, at + 4) * 0x1_0000_0000;
  if (value > Number.MAX_SAFE_INTEGER) throw new RangeError(`64-bit number at byte ${at} is over 2^53`);
  return value;
}

/**
 * Reads fields one after the other, bounds-checked: a read past the end throws RangeError. For events that are rare or
 * short; row images are walked by RowShape.
 */
export class ByteReader {
  readonly buffer: Buffer;
  at: number;
  readonly end: number;

  constructor(buffer: Buffer, at = 0, end = buffer.length) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.buffer[this.skip(1)]!;
  }

  u16(): number {
    return u16(this.buffer, this.skip(2));
  }

  u24(): number {
    return u24(this.buffer, this.skip(3));
  }

  u32(): number {
    return u32(this.buffer, this.skip(4));
  }

  /** Throws RangeError from 2^53 on. */
  u64(): number {
    return u64(this.buffer, this.skip(8));
  }

  u64Big(): bigint {
    return this.buffer.readBigUInt64LE(this.skip(8));
  }

  /** Unsigned little-endian number of `width` (1 to 6) bytes. */
  uint(width: number): number {
    return this.buffer.readUIntLE(this.skip(width), width);
  }

  /** Length-encoded integer of the client/server protocol (first byte up to 250, or 252, 253, 254 and 2, 3, 8 bytes). */
  lengthEncoded(): number {
    const first = this.u8();
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.u16();
    if (first === 0xfd) return this.u24();
    if (first === 0xfe) return this.u64();
    throw new RangeError(`byte ${first} at ${this.at - 1} begins no length`);
  }

  /** A view of the next `length` bytes. */
  bytes(length: number): Buffer {
    const at = this.skip(length);
    return this.buffer.subarray(at, at + length);
  }

  text(length: number): string {
    const at = this.skip(length);
    return this.buffer.toString('utf8', at, at + length);
  }

  /** Moves on and returns where it was. */
  skip(length: number): number {
    const at = this.at;
    if (length < 0 || length > this.end - at)
      throw new RangeError(`${length} bytes wanted at ${at}, the data end at ${this.end}`);
    this.at = at + length;
    return at;
  }
}
