const QUOTE = 0x27;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const MINUS = 0x2d;
const BILLION = 1_000_000_000;
/** Shorter pieces are copied by a loop: a native copy costs more than it saves. */
const SHORT = 40;
const HEX = Buffer.from('0123456789ABCDEF', 'latin1');

/**
 * SQL text under construction, as bytes. Values are written straight from row images, so that no byte passes through a
 * character decoder and no string is made per value.
 */
export class SqlBuffer {
  bytes: Buffer;
  length = 0;

  constructor(size = 64 * 1024) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Begins anew; memory beyond `kept` bytes, which something large took, is given back. */
  empty(kept: number): void {
    this.length = 0;
    if (this.bytes.length > kept) this.bytes = Buffer.allocUnsafeSlow(kept);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Text of our own, one character per byte. */
  ascii(text: string): void {
    const count = text.length;
    this.reserve(count);
    if (count > SHORT) {
      this.length += this.bytes.write(text, this.length, 'latin1');
      return;
    }
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < count; i++) bytes[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** Bytes as they are: prepared pieces of SQL. */
  raw(source: Uint8Array, start = 0, end: number = source.length): void {
    const count = end - start;
    this.reserve(count);
    const { bytes } = this;
    if (count > SHORT) {
      bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), this.length);
      this.length += count;
      return;
    }
    let at = this.length;
    for (let i = start; i < end; i++) bytes[at++] = source[i]!;
    this.length = at;
  }

  /** `'...'`: quote and backslash are escaped with a backslash, all other bytes stand for themselves. */
  quoted(source: Buffer, start: number, end: number): void {
    this.reserve((end - start) * 2 + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = QUOTE;
    for (let i = start; i < end; i++) {
      const value = source[i]!;
      if (value === QUOTE || value === BACKSLASH) bytes[at++] = BACKSLASH;
      bytes[at++] = value;
    }
    bytes[at++] = QUOTE;
    this.length = at;
  }

  /** `X'...'` */
  hex(source: Buffer, start: number, end: number): void {
    this.reserve((end - start) * 2 + 3);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = 0x58;
    bytes[at++] = QUOTE;
    for (let i = start; i < end; i++) {
      const value = source[i]!;
      bytes[at++] = HEX[value >> 4]!;
      bytes[at++] = HEX[value & 15]!;
    }
    bytes[at++] = QUOTE;
    this.length = at;
  }

  /** A whole number up to 2^53. */
  int(value: number): void {
    if (value < 0) {
      this.byte(MINUS);
      value = -value;
    }
    if (value < BILLION) {
      this.#small(value);
      return;
    }
    const high = Math.floor(value / BILLION);
    if (high < BILLION) this.#small(high);
    else {
      const top = Math.floor(high / BILLION);
      this.#small(top);
      this.digits(high - top * BILLION, 9);
    }
    this.digits(value - high * BILLION, 9);
  }

  /** Exactly `width` (up to 10) digits with leading zeros. */
  digits(value: number, width: number): void {
    this.reserve(width);
    const { bytes } = this;
    let rest = value;
    for (let at = this.length + width - 1; at >= this.length; at--) {
      const next = Math.floor(rest / 10);
      bytes[at] = ZERO + (rest - next * 10);
      rest = next;
    }
    this.length += width;
  }

  #small(value: number): void {
    const width =
      value < 10
        ? 1
        : value < 100
          ? 2
          : value < 1000
            ? 3
            : value < 10_000
              ? 4
              : value < 100_000
                ? 5
                : value < 1_000_000
                  ? 6
                  : value < 10_000_000
                    ? 7
                    : value < 100_000_000
                      ? 8
                      : 9;
    this.reserve(width);
    const { bytes } = this;
    let rest = value | 0;
    for (let at = this.length + width - 1; at >= this.length; at--) {
      const next = (rest / 10) | 0;
      bytes[at] = ZERO + (rest - next * 10);
      rest = next;
    }
    this.length += width;
  }

  /** The text as a binary string (one character per byte) from `start` on. */
  text(start = 0): string {
    return this.bytes.toString('latin1', start, this.length);
  }
}
