import { createZstdDecompress, zstdDecompressSync } from 'node:zlib';
import { ByteReader, u32 } from './bytes.ts';
import { HEADER_LENGTH } from './event-header.ts';
import { EventFault, undecodable } from './stream-error.ts';

/** Header fields and compression types. Source: mysql-server transaction_payload codec, compression::type. */
const Field = { END: 0, SIZE: 1, COMPRESSION: 2, UNCOMPRESSED_SIZE: 3 } as const;
const ZSTD = 0;
const NONE = 255;

const CHUNK_BYTES = 256 * 1024;

export interface TransactionPayload {
  readonly compression: 'zstd' | 'none';
  readonly data: Buffer;
  readonly uncompressedSize: number;
}

/** Parses the header of a TRANSACTION_PAYLOAD event (no checksum). Throws LK1207 for a compression that is not known. */
export function readTransactionPayload(event: Buffer): TransactionPayload {
  const reader = new ByteReader(event, HEADER_LENGTH);
  let size: number | null = null;
  let uncompressedSize: number | null = null;
  let compression = ZSTD;
  for (let field = reader.lengthEncoded(); field !== Field.END; field = reader.lengthEncoded()) {
    const value = new ByteReader(event, reader.skip(reader.lengthEncoded()));
    if (field === Field.SIZE) size = value.lengthEncoded();
    else if (field === Field.COMPRESSION) compression = value.lengthEncoded();
    else if (field === Field.UNCOMPRESSED_SIZE) uncompressedSize = value.lengthEncoded();
  }
  if (compression !== ZSTD && compression !== NONE) {
    throw new EventFault('LK1207', `compression type ${compression} is unknown`, { compression });
  }
  const data = reader.bytes(reader.left);
  if (size !== null && size !== data.length) throw undecodable(`${data.length} bytes of payload, ${size} were stated`);
  const plainSize = compression === NONE ? data.length : uncompressedSize;
  if (plainSize === null) throw undecodable('the uncompressed size is missing');
  return { compression: compression === NONE ? 'none' : 'zstd', data, uncompressedSize: plainSize };
}

/** The plain events, at once. Throws LK1207. */
export function unpackPayload(payload: TransactionPayload): Buffer {
  if (payload.compression === 'none') return payload.data;
  let plain: Buffer;
  try {
    plain = zstdDecompressSync(payload.data, { maxOutputLength: Math.max(payload.uncompressedSize, 1) });
  } catch (error) {
    throw doesNotUnpack(error);
  }
  checkSize(plain.length, payload);
  return plain;
}

/** The plain events as a stream of chunks, in bounded memory: the next chunk is unpacked when it is asked for. Throws LK1207. */
export async function* streamPayload(payload: TransactionPayload): AsyncGenerator<Buffer> {
  const stream = createZstdDecompress({ chunkSize: CHUNK_BYTES });
  stream.end(payload.data);
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > payload.uncompressedSize) break;
      yield chunk;
    }
  } catch (error) {
    throw error instanceof EventFault ? error : doesNotUnpack(error);
  } finally {
    stream.destroy();
  }
  checkSize(size, payload);
}

/** Cuts a stream of chunks into whole events; an event that spans chunks is joined. */
export class EventCutter {
  readonly #visit: (event: Buffer) => void;
  #pieces: Buffer[] = [];
  #held = 0;

  constructor(visit: (event: Buffer) => void) {
    this.#visit = visit;
  }

  take(chunk: Buffer): void {
    if (this.#held > 0) {
      this.#pieces.push(chunk);
      this.#held += chunk.length;
      if (this.#held < HEADER_LENGTH || this.#held < this.#wanted()) return;
      chunk = Buffer.concat(this.#pieces, this.#held);
      this.#pieces = [];
      this.#held = 0;
    }
    let at = 0;
    while (chunk.length - at >= HEADER_LENGTH) {
      const length = u32(chunk, at + 9);
      if (length < HEADER_LENGTH) throw undecodable(`an event of ${length} bytes in the payload`);
      if (chunk.length - at < length) break;
      this.#visit(chunk.subarray(at, at + length));
      at += length;
    }
    if (at < chunk.length) {
      this.#pieces = [chunk.subarray(at)];
      this.#held = chunk.length - at;
    }
  }

  end(): void {
    if (this.#held > 0) throw undecodable('the last event of the payload is cut off');
  }

  /** Length of the event that the held pieces begin. */
  #wanted(): number {
    if (this.#pieces[0]!.length < HEADER_LENGTH) this.#pieces = [Buffer.concat(this.#pieces, this.#held)];
    return u32(this.#pieces[0]!, 9);
  }
}

function checkSize(size: number, { uncompressedSize }: TransactionPayload): void {
  if (size !== uncompressedSize) throw new EventFault('LK1207', `${size} bytes unpacked, ${uncompressedSize} were stated`);
}

function doesNotUnpack(error: unknown): EventFault {
  return new EventFault('LK1207', `the payload does not unpack: ${(error as Error).message}`);
}
