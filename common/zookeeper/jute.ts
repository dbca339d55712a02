/**
 * The encoding of ZooKeeper's records (Jute): big-endian integers, strings and buffers behind their length, lists behind their
 * count; length -1 is null.
 */
export class RecordWriter {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeInt32BE(value);
    return this.#add(part);
  }

  long(value: bigint): this {
    const part = Buffer.allocUnsafe(8);
    part.writeBigInt64BE(value);
    return this.#add(part);
  }

  bool(value: boolean): this {
    return this.#add(Buffer.of(value ? 1 : 0));
  }

  bytes(value: Buffer | null): this {
    this.int(value === null ? -1 : value.length);
    return value === null ? this : this.#add(value);
  }

  string(value: string | null): this {
    return this.bytes(value === null ? null : Buffer.from(value));
  }

  list<T>(values: readonly T[], write: (value: T) => void): this {
    this.int(values.length);
    for (const value of values) write(value);
    return this;
  }

  /** The record behind its length, as it goes over the wire. */
  framed(): Buffer {
    const length = this.#parts.reduce((sum, part) => sum + part.length, 0);
    const head = Buffer.allocUnsafe(4);
    head.writeInt32BE(length);
    return Buffer.concat([head, ...this.#parts]);
  }

  #add(part: Buffer): this {
    this.#parts.push(part);
    return this;
  }
}

/** Reads a record; throws RangeError where it ends too early. */
export class RecordReader {
  readonly #record: Buffer;
  #at = 0;

  constructor(record: Buffer) {
    this.#record = record;
  }

  int(): number {
    const value = this.#record.readInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  long(): bigint {
    const value = this.#record.readBigInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  bytes(): Buffer | null {
    const length = this.int();
    if (length < 0) return null;
    if (this.#at + length > this.#record.length) throw new RangeError(`a field of ${length} bytes exceeds its record`);
    return this.#record.subarray(this.#at, (this.#at += length));
  }

  string(): string {
    return this.bytes()?.toString() ?? '';
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int()) }, read);
  }
}

/** Cuts a byte stream into records of four bytes of length and the record itself. */
export class RecordSplitter {
  #chunks: Buffer[] = [];
  #size = 0;

  /** @throws RangeError for a length that no ZooKeeper server sends */
  push(chunk: Buffer, maxLength: number): Buffer[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const records: Buffer[] = [];
    while (this.#size >= 4) {
      const length = this.#peek(4).readInt32BE();
      if (length < 0 || length > maxLength) throw new RangeError(`a record of ${length} bytes`);
      if (this.#size < 4 + length) break;
      const all = this.#peek(4 + length);
      records.push(all.subarray(4, 4 + length));
      this.#chunks[0] = all.subarray(4 + length);
      this.#size -= 4 + length;
    }
    return records;
  }

  /** At least so many bytes in one piece, joined only when they have arrived, so that a large record is copied once. */
  #peek(length: number): Buffer {
    if (this.#chunks[0]!.length < length) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }
}
