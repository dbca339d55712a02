import { inflateSync } from 'node:zlib';
import { EventType } from './event-types.ts';
import type { QueryEvent } from './query-event.ts';
import { EventFault } from './stream-error.ts';

const ZLIB = 0;
/** Highest bits of the first byte of a compressed part; then algorithm(3 bits), 0, width of the length(3 bits). */
const MARK = 0x80;

/** The plain type of a rows event that MariaDB writes compressed, or the type itself. */
export function plainRowsType(type: number): number {
  switch (type) {
    case EventType.MARIADB_WRITE_ROWS_COMPRESSED_V1:
      return EventType.WRITE_ROWS_V1;
    case EventType.MARIADB_UPDATE_ROWS_COMPRESSED_V1:
      return EventType.UPDATE_ROWS_V1;
    case EventType.MARIADB_DELETE_ROWS_COMPRESSED_V1:
      return EventType.DELETE_ROWS_V1;
    case EventType.MARIADB_WRITE_ROWS_COMPRESSED:
      return EventType.WRITE_ROWS;
    case EventType.MARIADB_UPDATE_ROWS_COMPRESSED:
      return EventType.UPDATE_ROWS;
    case EventType.MARIADB_DELETE_ROWS_COMPRESSED:
      return EventType.DELETE_ROWS;
    default:
      return type;
  }
}

/**
 * Unpacks the compressed part from `at` to `end`: mark and width(1), length of the plain bytes(1 to 4, big-endian), zlib data.
 * Throws LK1207. Source: MariaDB log_event.cc, binlog_buf_compress.
 */
export function inflatePart(event: Buffer, at: number, end: number): Buffer {
  const first = event[at]!;
  const width = first & 0x07;
  const algorithm = (first & 0x70) >> 4;
  if (end <= at || (first & 0x80) !== MARK || algorithm !== ZLIB || width < 1 || width > 4 || at + 1 + width > end) {
    throw new EventFault('LK1207', `compression header 0x${first.toString(16)} is unknown`);
  }
  const length = event.readUIntBE(at + 1, width);
  let plain: Buffer;
  try {
    plain = inflateSync(event.subarray(at + 1 + width, end), { maxOutputLength: Math.max(length, 1) });
  } catch (error) {
    throw new EventFault('LK1207', `the data do not unpack: ${(error as Error).message}`);
  }
  if (plain.length !== length) throw new EventFault('LK1207', `${plain.length} bytes unpacked, ${length} were stated`);
  return plain;
}

/** The QUERY event that a QUERY_COMPRESSED event stands for; only the statement's text is compressed. */
export function inflateQuery(query: QueryEvent): QueryEvent {
  const { event, sqlAt } = query;
  const plain = Buffer.concat([event.subarray(0, sqlAt), inflatePart(event, sqlAt, event.length)]);
  plain[4] = EventType.QUERY;
  plain.writeUInt32LE(plain.length, 9);
  return { ...query, event: plain };
}
