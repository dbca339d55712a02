import { crc32 } from 'node:zlib';
import { u32 } from './bytes.ts';
import { CHECKSUM_LENGTH, FLAG_BINLOG_IN_USE, HEADER_LENGTH } from './event-header.ts';

/** Checksum algorithm byte of a FORMAT_DESCRIPTION event. */
export const CHECKSUM_NONE = 0;
export const CHECKSUM_CRC32 = 1;

/** Whether the last four bytes are the CRC32 of all before them. */
export function checksumMatches(event: Buffer): boolean {
  const end = event.length - CHECKSUM_LENGTH;
  return end >= HEADER_LENGTH && crc32(event.subarray(0, end)) === u32(event, end);
}

/** As `checksumMatches`, for a FORMAT_DESCRIPTION event: the server sets its in-use flag after the checksum was made. */
export function formatChecksumMatches(event: Buffer): boolean {
  if ((event[17]! & FLAG_BINLOG_IN_USE) === 0) return checksumMatches(event);
  const closed = Buffer.from(event);
  closed[17] = event[17]! & ~FLAG_BINLOG_IN_USE;
  return checksumMatches(closed);
}
