import { u16, u32 } from './bytes.ts';
import { HEADER_LENGTH } from './event-header.ts';
import { undecodable } from './stream-error.ts';

const SCHEMA_LENGTH_AT = HEADER_LENGTH + 8;
const ERROR_CODE_AT = SCHEMA_LENGTH_AT + 1;
const STATUS_LENGTH_AT = ERROR_CODE_AT + 2;
const STATUS_AT = STATUS_LENGTH_AT + 2;

/** Where the parts of a QUERY event lie. */
export interface QueryEvent {
  readonly event: Buffer;
  /** Status variables from here to `schemaAt`. */
  readonly statusAt: number;
  readonly schemaAt: number;
  /** The statement from here to the end of the event, in the charset that the status variables name. */
  readonly sqlAt: number;
  /** Not 0: the statement failed at the source after it had changed something. */
  readonly errorCode: number;
}

/**
 * Finds the parts of a QUERY event (no checksum): thread(4) seconds(4) schema length(1) error(2) status length(2), status
 * variables, schema, 0, statement. Source: MySQL internals, Query_event.
 */
export function readQueryEvent(event: Buffer): QueryEvent {
  if (event.length < STATUS_AT) throw undecodable(`${event.length} bytes are too short`);
  const schemaAt = STATUS_AT + u16(event, STATUS_LENGTH_AT);
  const sqlAt = schemaAt + event[SCHEMA_LENGTH_AT]! + 1;
  if (sqlAt > event.length || event[sqlAt - 1] !== 0) throw undecodable('the schema name is cut off');
  return { event, statusAt: STATUS_AT, schemaAt, sqlAt, errorCode: u16(event, ERROR_CODE_AT) };
}

export function querySchema({ event, schemaAt, sqlAt }: QueryEvent): string {
  return event.toString('utf8', schemaAt, sqlAt - 1);
}

/** Whether the statement's text is exactly BEGIN: by far the most frequent one. */
export function isBegin({ event, sqlAt }: QueryEvent): boolean {
  // "BEGI" and "N", little-endian.
  return event.length === sqlAt + 5 && u32(event, sqlAt) === 0x49474542 && event[sqlAt + 4] === 0x4e;
}
