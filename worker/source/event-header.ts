import { u16, u32 } from './bytes.ts';

/**
 * The 19 bytes before every event: timestamp(4) type(1) server id(4) event length(4) end position(4) flags(2).
 * Source: MySQL internals, Log_event common header, binlog version 4.
 */
export const HEADER_LENGTH = 19;
export const CHECKSUM_LENGTH = 4;

/** The file is still open, or was not closed; not covered by the checksum. */
export const FLAG_BINLOG_IN_USE = 0x1;
/** Made by the sending thread, not in the file: has no position of its own. */
export const FLAG_ARTIFICIAL = 0x20;
/** A reader that does not know the event may skip it. */
export const FLAG_IGNORABLE = 0x80;

/** Seconds since 1970. */
export function eventTimestamp(event: Buffer): number {
  return u32(event, 0);
}

export function eventType(event: Buffer): number {
  return event[4]!;
}

export function eventServerId(event: Buffer): number {
  return u32(event, 5);
}

/** Bytes of the whole event, checksum included. */
export function eventLength(event: Buffer): number {
  return u32(event, 9);
}

/** Where the next event starts, modulo 2^32; 0 where the server does not say (MariaDB inside a transaction, compressed payloads). */
export function eventEndPosition(event: Buffer): number {
  return u32(event, 13);
}

export function eventFlags(event: Buffer): number {
  return u16(event, 17);
}
