import type { ByteReader } from './bytes.ts';
import { undecodable } from './stream-error.ts';

/** Fields of a GTID_TAGGED event that this program uses. */
export interface TaggedGtid {
  readonly uuid: Buffer;
  /** Empty for none. */
  readonly tag: string;
  readonly gno: number;
  readonly lastCommitted: number;
  readonly sequenceNumber: number;
  readonly originalCommitMicros: number;
}

const FORMAT_VERSION = 1;
const UUID_LENGTH = 16;
/** Field numbers by their place in MySQL's Gtid_event::define_fields. */
const Field = {
  FLAGS: 0,
  UUID: 1,
  GNO: 2,
  TAG: 3,
  LAST_COMMITTED: 4,
  SEQUENCE_NUMBER: 5,
  IMMEDIATE_COMMIT_TIME: 6,
  ORIGINAL_COMMIT_TIME: 7,
  TRANSACTION_LENGTH: 8,
  IMMEDIATE_SERVER_VERSION: 9,
  ORIGINAL_SERVER_VERSION: 10,
  COMMIT_GROUP_TICKET: 11,
} as const;

/**
 * Reads a message of MySQL's serialization library: version, size, number of the last field that may not be skipped, then
 * fields with their numbers ascending. A field missing from the message has its default.
 * Source: mysql-server libs/mysql/serialization/readme.md.
 */
export function readTaggedGtid(reader: ByteReader): TaggedGtid {
  const version = readUnsigned(reader);
  if (version !== FORMAT_VERSION) throw undecodable(`serialization format ${version}, expected ${FORMAT_VERSION}`);
  const size = readUnsigned(reader);
  const lastRequired = readUnsigned(reader);
  if (lastRequired > Field.COMMIT_GROUP_TICKET) throw undecodable(`field ${lastRequired} is required and unknown`);
  const uuid = Buffer.alloc(UUID_LENGTH);
  let tag = '';
  let gno = 0;
  let lastCommitted = 0;
  let sequenceNumber = 0;
  let immediate = 0;
  let original: number | null = null;
  let hasUuid = false;
  while (reader.left > 0) {
    const field = readUnsigned(reader);
    switch (field) {
      case Field.UUID:
        for (let i = 0; i < UUID_LENGTH; i++) uuid[i] = readUnsigned(reader);
        hasUuid = true;
        break;
      case Field.GNO:
        gno = readSigned(reader);
        break;
      case Field.TAG:
        tag = reader.text(readUnsigned(reader));
        break;
      case Field.LAST_COMMITTED:
        lastCommitted = readSigned(reader);
        break;
      case Field.SEQUENCE_NUMBER:
        sequenceNumber = readSigned(reader);
        break;
      case Field.IMMEDIATE_COMMIT_TIME:
        immediate = readUnsigned(reader);
        break;
      case Field.ORIGINAL_COMMIT_TIME:
        original = readUnsigned(reader);
        break;
      case Field.FLAGS:
      case Field.TRANSACTION_LENGTH:
      case Field.IMMEDIATE_SERVER_VERSION:
      case Field.ORIGINAL_SERVER_VERSION:
      case Field.COMMIT_GROUP_TICKET:
        skipInteger(reader);
        break;
      default:
        // Fields come in ascending order and the rest may be skipped.
        reader.skip(reader.left);
    }
  }
  if (!hasUuid || gno < 1) throw undecodable(`no UUID or no transaction number in a message of ${size} bytes`);
  return { uuid, tag, gno, lastCommitted, sequenceNumber, originalCommitMicros: original ?? immediate };
}

/** Bytes of a variable-length integer: one more than the ones at the low end of its first byte. */
function widthOf(first: number): number {
  return 32 - Math.clz32(first ^ (first + 1));
}

function skipInteger(reader: ByteReader): void {
  const first = reader.u8();
  reader.skip(widthOf(first) - 1);
}

/** Throws RangeError from 2^53 on. */
function readUnsigned(reader: ByteReader): number {
  const first = reader.u8();
  const width = widthOf(first);
  if (width >= 8) {
    // 8 bytes: 56 bits behind the low byte; 9 bytes: 64 bits behind it.
    const high = width === 9 ? reader.u64Big() : BigInt(reader.uint(6)) | (BigInt(reader.u8()) << 48n);
    if (high > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`number over 2^53 at ${reader.at}`);
    return Number(high);
  }
  const low = first >> width;
  return width === 1 ? low : low + reader.uint(width - 1) * 2 ** (8 - width);
}

/** Zigzag: the lowest bit is the sign. */
function readSigned(reader: ByteReader): number {
  const value = readUnsigned(reader);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
