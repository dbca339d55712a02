import type { RowSink } from './raw-rows.ts';

const TAB = 9;
const NEWLINE = 10;
const BACKSLASH = 92;
const CAPITAL_N = 78;
const NULL_VALUE = 0xfb;

/** Enough that the target seldom waits for the next one. */
const BLOCK_BYTES = 256 * 1024;
/** Longest step that is written without looking whether the block is full: every byte may need a backslash. */
const STEP_BYTES = 16 * 1024;

/** How LOAD DATA is told to read what RowLines writes. */
export const LINE_FORMAT =
  "CHARACTER SET binary FIELDS TERMINATED BY '\\t' ENCLOSED BY '' ESCAPED BY '\\\\' LINES STARTING BY '' TERMINATED BY '\\n'";

/**
 * Turns rows of the text protocol into lines for LOAD DATA: values separated by tabs, a backslash before tab, newline and backslash,
 * `\N` for NULL. One block of memory is used again and again: whoever gets a block must have done with it when the call returns.
 */
export class RowLines implements RowSink {
  readonly #columns: number;
  readonly #send: (block: Buffer) => void;
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #length = 0;
  rows = 0;
  /** Bytes of lines, sent and unsent. */
  bytes = 0;

  constructor(columns: number, send: (block: Buffer) => void) {
    this.#columns = columns;
    this.#send = send;
  }

  row(bytes: Buffer, start: number, end: number): void {
    const block = this.#block;
    const columns = this.#columns;
    let at = start;
    let to = this.#length;
    for (let column = 0; column < columns; column++) {
      if (to > BLOCK_BYTES - 2 * STEP_BYTES - 4) to = this.#flushAt(to);
      if (column > 0) block[to++] = TAB;
      let length = bytes[at++]!;
      if (length === NULL_VALUE) {
        block[to++] = BACKSLASH;
        block[to++] = CAPITAL_N;
        continue;
      }
      if (length > NULL_VALUE) {
        const width = length === 0xfc ? 2 : length === 0xfd ? 3 : 6;
        length = bytes.readUIntLE(at, width);
        at += width === 6 ? 8 : width;
      }
      let stop = at + length;
      while (length > STEP_BYTES) {
        stop = at + STEP_BYTES;
        for (; at < stop; at++) {
          const byte = bytes[at]!;
          if (byte === BACKSLASH || byte === TAB || byte === NEWLINE) block[to++] = BACKSLASH;
          block[to++] = byte;
        }
        length -= STEP_BYTES;
        if (to > BLOCK_BYTES - 2 * STEP_BYTES - 4) to = this.#flushAt(to);
        stop = at + length;
      }
      for (; at < stop; at++) {
        const byte = bytes[at]!;
        if (byte === BACKSLASH || byte === TAB || byte === NEWLINE) block[to++] = BACKSLASH;
        block[to++] = byte;
      }
    }
    if (at !== end) throw new Error(`a row has ${end - at} bytes after its ${columns} values`);
    block[to++] = NEWLINE;
    this.#length = to;
    this.rows++;
  }

  /** Sends what is left. */
  flush(): void {
    this.#length = this.#flushAt(this.#length);
  }

  #flushAt(length: number): number {
    if (length > 0) {
      this.bytes += length;
      this.#send(this.#block.subarray(0, length));
    }
    return 0;
  }
}
