import { u16, u32 } from './bytes.ts';
import { CHECKSUM_CRC32, CHECKSUM_NONE, formatChecksumMatches } from './checksum.ts';
import { CHECKSUM_LENGTH, HEADER_LENGTH } from './event-header.ts';
import { EventType } from './event-types.ts';
import type { Flavor } from './position.ts';
import { EventFault, undecodable } from './stream-error.ts';

const VERSION_AT = HEADER_LENGTH + 2;
const VERSION_LENGTH = 50;
const CREATED_AT = VERSION_AT + VERSION_LENGTH;
const HEADER_LENGTH_AT = CREATED_AT + 4;
const POST_HEADERS_AT = HEADER_LENGTH_AT + 1;
const ALGORITHM_LENGTH = 1;

/** Post-header lengths that the parsers here rely on; every server since MySQL 5.1 and MariaDB 5.3 writes these. */
const REQUIRED_POST_HEADERS: readonly (readonly [type: number, length: number])[] = [
  [EventType.QUERY, 13],
  [EventType.ROTATE, 8],
  [EventType.TABLE_MAP, 8],
  [EventType.WRITE_ROWS_V1, 8],
  [EventType.WRITE_ROWS, 10],
];

/** A FORMAT_DESCRIPTION event: how the events after it are laid out. */
export interface FormatDescription {
  readonly serverVersion: string;
  /** Seconds since 1970 at which the server started, in the first file of its life; else 0. */
  readonly created: number;
  readonly checksums: boolean;
  /** Post-header length per event type; index 0 is type 1. */
  readonly postHeaders: Buffer;
  /** The event with checksum algorithm "none" and a zero checksum, as BINLOG accepts it. */
  readonly unchecked: Buffer;
}

/**
 * Parses a whole event (header, body, algorithm byte, checksum). Its own checksum is verified when it says CRC32.
 * Throws LK1201 on a wrong checksum, LK1203 on another binlog version or layout.
 * Source: MySQL internals, Format_description_event: version(2) server(50) created(4) header length(1) post-headers algorithm(1) crc(4).
 */
export function parseFormatDescription(event: Buffer): FormatDescription {
  const algorithmAt = event.length - CHECKSUM_LENGTH - ALGORITHM_LENGTH;
  if (algorithmAt < POST_HEADERS_AT + EventType.WRITE_ROWS_V1) throw undecodable(`${event.length} bytes are too short`);
  const algorithm = event[algorithmAt]!;
  if (algorithm !== CHECKSUM_NONE && algorithm !== CHECKSUM_CRC32) {
    throw undecodable(`checksum algorithm ${algorithm} is unknown, CRC32 and NONE are known`, { algorithm });
  }
  if (algorithm === CHECKSUM_CRC32 && !formatChecksumMatches(event))
    throw new EventFault('LK1201', 'the checksum does not match');
  const version = u16(event, HEADER_LENGTH);
  if (version !== 4) throw undecodable(`binlog version ${version}, expected 4`, { version });
  if (event[HEADER_LENGTH_AT] !== HEADER_LENGTH) {
    throw undecodable(`event headers of ${event[HEADER_LENGTH_AT]} bytes, expected ${HEADER_LENGTH}`);
  }
  const postHeaders = Buffer.from(event.subarray(POST_HEADERS_AT, algorithmAt));
  for (const [type, length] of REQUIRED_POST_HEADERS) {
    const found = postHeaders[type - 1];
    if (found !== undefined && found !== 0 && found !== length) {
      throw undecodable(`post-header of ${found} bytes for event type ${type}, expected ${length}`);
    }
  }
  const nameEnd = event.indexOf(0, VERSION_AT);
  const unchecked = Buffer.from(event);
  unchecked.fill(0, algorithmAt);
  return {
    serverVersion: event.toString('latin1', VERSION_AT, Math.min(nameEnd === -1 ? CREATED_AT : nameEnd, CREATED_AT)),
    created: u32(event, CREATED_AT),
    checksums: algorithm === CHECKSUM_CRC32,
    postHeaders,
    unchecked,
  };
}

/** The dialect of the server that wrote a FORMAT_DESCRIPTION event; MariaDB's version text names it. */
export function flavorOfFormat(format: Buffer): Flavor {
  return format.toString('latin1', VERSION_AT, CREATED_AT).includes('MariaDB') ? 'mariadb' : 'mysql';
}

/** Whether two descriptions give the same layout from the same server version: their events may share one BINLOG format. */
export function sameLayout(a: FormatDescription, b: FormatDescription): boolean {
  return a.serverVersion === b.serverVersion && a.postHeaders.equals(b.postHeaders);
}
