import type { Connection, QueryError } from 'mysql2';

/** Takes the rows of an answer as the text protocol sends them, from `start` to `end` of `bytes`; valid only during the call. */
export interface RowSink {
  row(bytes: Buffer, start: number, end: number): void;
}

/** The parts of a mysql2 connection that are no public API, as version 3.24 has them. */
interface DriverInternals {
  packetParser: PacketReader;
  _inflatedPacketsParser?: PacketReader;
  sequenceId: number;
  readonly config: { readonly clientFlags: number };
  readonly serverCapabilityFlags: number;
  readonly clientEncoding: string;
  writePacket(packet: { length(): number; writeHeader(sequenceId: number): void; readonly buffer: Buffer }): void;
  addCommand(command: DriverCommand): void;
  _resetSequenceId(): void;
}

interface PacketReader {
  execute(chunk: Buffer): void;
}

interface DriverPacket {
  isError(): boolean;
  asError(encoding: string): QueryError;
}

interface DriverCommand {
  execute(packet: DriverPacket | undefined, connection: DriverInternals): boolean;
  onResult(error: Error): void;
}

const COM_QUERY = 3;
/** CLIENT_QUERY_ATTRIBUTES: a count of parameters and of parameter sets stands before the statement. */
const QUERY_ATTRIBUTES = 1 << 27;
const HEADER = 4;
const LONGEST_PART = 0xffffff;
const ERR = 0xff;
const EOF = 0xfe;

/**
 * Runs a SELECT and hands its rows to `sink` undecoded; resolves when the last one is through. `sql` is a
 * binary string. The answer must be in the form without CLIENT_DEPRECATE_EOF, which mysql2 does not ask for.
 *
 * mysql2 makes an object and strings of every row. Here its packet parser is set aside while rows arrive and gets only the packet
 * that ends the answer. An error thrown by `sink` breaks the connection.
 * Source: MySQL internals, text result set.
 */
export function readRawRows(connection: Connection, sql: string, sink: RowSink): Promise<void> {
  return new Promise((resolve, reject) => {
    const internals = connection as unknown as DriverInternals;
    const command: DriverCommand = {
      execute(packet) {
        if (packet === undefined) {
          internals._resetSequenceId();
          takeOver(internals, sink, reject);
          internals.writePacket(
            queryPacket(sql, (internals.config.clientFlags & internals.serverCapabilityFlags & QUERY_ATTRIBUTES) !== 0),
          );
          return false;
        }
        if (packet.isError()) reject(packet.asError(internals.clientEncoding));
        else resolve();
        return true;
      },
      onResult: reject,
    };
    internals.addCommand(command);
  });
}

function queryPacket(sql: string, attributes: boolean): Parameters<DriverInternals['writePacket']>[0] {
  const head = attributes ? [COM_QUERY, 0, 1] : [COM_QUERY];
  const buffer = Buffer.concat([Buffer.from([0, 0, 0, 0, ...head]), Buffer.from(sql, 'latin1')]);
  return {
    buffer,
    length: () => buffer.length - HEADER,
    writeHeader(sequenceId) {
      buffer.writeUIntLE(buffer.length - HEADER, 0, 3);
      buffer[3] = sequenceId;
    },
  };
}

/** Puts a reader of our own in the driver's parser's place until the answer ends. */
function takeOver(connection: DriverInternals, sink: RowSink, fail: (error: Error) => void): void {
  const slot = connection._inflatedPacketsParser === undefined ? 'packetParser' : '_inflatedPacketsParser';
  const driver = connection[slot]!;
  const reader = new ResultReader(sink, (rest, sequenceId) => {
    connection[slot] = driver;
    connection.sequenceId = sequenceId;
    driver.execute(rest);
  });
  connection[slot] = {
    execute(chunk) {
      try {
        reader.execute(chunk);
      } catch (error) {
        connection[slot] = { execute: () => undefined };
        (connection as unknown as Connection).destroy();
        fail(error as Error);
      }
    },
  };
}

/** Cuts the bytes of one text result set into packets. `finish` gets the closing packet (EOF, OK or ERR) with all that follows it. */
export class ResultReader {
  readonly #sink: RowSink;
  readonly #finish: (rest: Buffer, sequenceId: number) => void;
  /** Packets before the first row: the column count, the columns and an EOF; known once the count is read. */
  #preludePackets = -1;
  /** Begin of a packet whose end has not come yet. */
  #incomplete: Buffer[] = [];
  #incompleteLength = 0;
  /** Parts of a row longer than one packet. */
  #parts: Buffer[] = [];

  constructor(sink: RowSink, finish: (rest: Buffer, sequenceId: number) => void) {
    this.#sink = sink;
    this.#finish = finish;
  }

  execute(chunk: Buffer): void {
    let at = 0;
    if (this.#incompleteLength > 0) {
      at = this.#complete(chunk);
      if (at < 0) return;
    }
    const end = chunk.length;
    while (end - at >= HEADER) {
      const length = chunk[at]! | (chunk[at + 1]! << 8) | (chunk[at + 2]! << 16);
      const next = at + HEADER + length;
      if (next > end) break;
      if (!this.#packet(chunk, at, next)) return this.#finish(chunk.subarray(at), chunk[at + 3]!);
      at = next;
    }
    if (at < end) {
      // A copy: the driver's socket buffers are larger than this rest and would be held by it.
      this.#incomplete = [Buffer.from(chunk.subarray(at))];
      this.#incompleteLength = end - at;
    }
  }

  /** Joins the held begin with its end in `chunk`; returns where the next packet starts, or -1 while bytes are missing or all is done. */
  #complete(chunk: Buffer): number {
    let held = this.#incomplete[0]!;
    let at = 0;
    if (held.length < HEADER) {
      at = Math.min(HEADER - held.length, chunk.length);
      held = Buffer.concat([held, chunk.subarray(0, at)]);
      this.#incomplete = [held];
      this.#incompleteLength = held.length;
      if (held.length < HEADER) return -1;
    }
    const wanted = HEADER + held.readUIntLE(0, 3);
    const missing = wanted - this.#incompleteLength;
    if (chunk.length - at < missing) {
      if (at < chunk.length) this.#incomplete.push(Buffer.from(chunk.subarray(at)));
      this.#incompleteLength += chunk.length - at;
      return -1;
    }
    const packet = Buffer.concat([...this.#incomplete, chunk.subarray(at, at + missing)], wanted);
    this.#incomplete = [];
    this.#incompleteLength = 0;
    at += missing;
    if (this.#packet(packet, 0, wanted)) return at;
    this.#finish(Buffer.concat([packet, chunk.subarray(at)]), packet[3]!);
    return -1;
  }

  /** False when the packet ends the answer. */
  #packet(bytes: Buffer, start: number, end: number): boolean {
    const body = start + HEADER;
    const first = bytes[body];
    if (this.#preludePackets > 0) {
      this.#preludePackets--;
      return true;
    }
    if (this.#preludePackets < 0) {
      // OK: no result set. Neither occurs for a SELECT that works; the driver makes the best of it.
      if (first === ERR || first === 0) return false;
      this.#preludePackets = columnCount(bytes, body) + 1;
      return true;
    }
    if (end - body === LONGEST_PART || this.#parts.length > 0) {
      this.#parts.push(Buffer.from(bytes.subarray(body, end)));
      if (end - body === LONGEST_PART) return true;
      const row = Buffer.concat(this.#parts);
      this.#parts = [];
      this.#sink.row(row, 0, row.length);
      return true;
    }
    if (first === ERR || (first === EOF && end - body < 9)) return false;
    this.#sink.row(bytes, body, end);
    return true;
  }
}

function columnCount(bytes: Buffer, at: number): number {
  return bytes[at]! < 0xfc ? bytes[at]! : bytes.readUInt16LE(at + 1);
}
