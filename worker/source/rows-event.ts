import { u16, u24, u48 } from './bytes.ts';
import { HEADER_LENGTH } from './event-header.ts';
import { EventType } from './event-types.ts';
import { inflatePart, plainRowsType } from './mariadb-compression.ts';
import { rowShape } from './row-shape.ts';
import { EventFault, undecodable } from './stream-error.ts';
import type { RowOperation, RowsEvent } from './stream-item.ts';
import { DUMMY_TABLE_ID, type KnownTable, type TableMapCache } from './table-map-cache.ts';

const FLAGS_AT = HEADER_LENGTH + 6;
/** Behind table id and flags: `head` begins here. */
const HEAD_AT = FLAGS_AT + 2;

const STMT_END = 0x1;

export function isRowsEvent(type: number): boolean {
  return (
    (type >= EventType.WRITE_ROWS && type <= EventType.DELETE_ROWS) ||
    (type >= EventType.WRITE_ROWS_V1 && type <= EventType.DELETE_ROWS_V1) ||
    type === EventType.PARTIAL_UPDATE_ROWS ||
    (type >= EventType.MARIADB_WRITE_ROWS_COMPRESSED_V1 && type <= EventType.MARIADB_DELETE_ROWS_COMPRESSED)
  );
}

/**
 * Reads a rows event that ends at `end` (a checksum may follow) under the table maps of its statement. Null when its table is
 * filtered out: nothing of it is looked at then. STMT_END ends the statement's table maps.
 *
 * Throws LK1203 (unknown table, wrong column count), LK1206 (columns are missing), LK1207 (does not unpack).
 * Source: MySQL internals, Rows_event: table id(6) flags(2) [extra data, its length(2) first] column count, bitmap of columns
 * present (updates: two), row images.
 */
export function readRowsEvent(event: Buffer, end: number, loggedType: number, tables: TableMapCache): RowsEvent | null {
  if (end < HEAD_AT) throw undecodable(`${end} bytes are too short`);
  const flags = u16(event, FLAGS_AT);
  const id = u48(event, HEADER_LENGTH);
  const known = tables.find(id);
  if ((flags & STMT_END) !== 0) tables.endStatement();
  if (known === undefined) {
    if (id === DUMMY_TABLE_ID && (flags & STMT_END) !== 0) return null;
    throw undecodable(`no table map for table id ${id} came before it in its statement`, { tableId: id });
  }
  if (known.map.route === null) return null;
  const type = plainRowsType(loggedType);
  const operation = operationOf(type);
  const imagesAt = checkHead(event, end, type, operation, known);
  const images = type === loggedType ? event.subarray(imagesAt, end) : inflatePart(event, imagesAt, end);
  if (known.lengthsUncertain) checkWholeRows(images, known);
  return {
    table: known.map,
    operation,
    type,
    flags: flags & ~STMT_END,
    images,
    head: sharedHead(event, imagesAt, operation, known),
  };
}

/** Checks column count and bitmaps; returns where the row images begin. */
function checkHead(event: Buffer, end: number, type: number, operation: RowOperation, known: KnownTable): number {
  let at = HEAD_AT;
  if (type >= EventType.WRITE_ROWS) at += u16(event, at); // the length counts itself
  let columns = event[at++]!;
  if (columns === 0xfc) {
    columns = u16(event, at);
    at += 2;
  } else if (columns === 0xfd) {
    columns = u24(event, at);
    at += 3;
  }
  const { map } = known;
  const bitmap = (columns + 7) >> 3;
  const imagesAt = at + (operation === 'update' ? 2 * bitmap : bitmap);
  if (!(imagesAt <= end)) throw undecodable('the column bitmaps are cut off', { table: nameOf(known) });
  if (columns !== map.columnCount) {
    throw undecodable(`${columns} columns, the table map of ${nameOf(known)} has ${map.columnCount}`, { table: nameOf(known) });
  }
  if (!allSet(event, at, columns) || (operation === 'update' && !allSet(event, at + bitmap, columns))) {
    throw new EventFault('LK1206', `a row of ${nameOf(known)} was logged without all its columns`, { table: nameOf(known) });
  }
  return imagesAt;
}

/** Throws LK1203 unless the images are whole rows as their column types tell. */
function checkWholeRows(images: Buffer, known: KnownTable): void {
  try {
    rowShape(known.map).count(images);
  } catch (error) {
    if (!(error instanceof EventFault)) throw error;
    throw new EventFault(
      'LK1203',
      `the rows of ${nameOf(known)} do not have the lengths that its column types tell`,
      { table: nameOf(known) },
      'TIME, DATETIME or TIMESTAMP columns with fractions of seconds in the format of MariaDB 5.3 are logged without their precision. ' +
        'SET GLOBAL mysql56_temporal_format=ON at the source, rebuild the table (ALTER TABLE ... FORCE) and copy it anew.',
    );
  }
}

function allSet(event: Buffer, at: number, columns: number): boolean {
  const whole = columns >> 3;
  for (let i = 0; i < whole; i++) if (event[at + i] !== 0xff) return false;
  const rest = (1 << (columns & 7)) - 1;
  return (event[at + whole]! & rest) === rest || rest === 0;
}

/** Nearly all rows events of a table have one head per operation; it is copied once and does not hold the packet. */
function sharedHead(event: Buffer, imagesAt: number, operation: RowOperation, known: KnownTable): Buffer {
  switch (operation) {
    case 'insert':
      return (known.insertHead = sameBytes(known.insertHead, event, imagesAt) ?? copyHead(event, imagesAt));
    case 'update':
      return (known.updateHead = sameBytes(known.updateHead, event, imagesAt) ?? copyHead(event, imagesAt));
    case 'delete':
      return (known.deleteHead = sameBytes(known.deleteHead, event, imagesAt) ?? copyHead(event, imagesAt));
    default:
      return operation satisfies never;
  }
}

function sameBytes(head: Buffer | null, event: Buffer, imagesAt: number): Buffer | null {
  if (head === null || head.length !== imagesAt - HEAD_AT) return null;
  for (let i = 0; i < head.length; i++) if (head[i] !== event[HEAD_AT + i]) return null;
  return head;
}

function copyHead(event: Buffer, imagesAt: number): Buffer {
  return Buffer.from(event.subarray(HEAD_AT, imagesAt));
}

function operationOf(type: number): RowOperation {
  switch (type) {
    case EventType.WRITE_ROWS:
    case EventType.WRITE_ROWS_V1:
      return 'insert';
    case EventType.DELETE_ROWS:
    case EventType.DELETE_ROWS_V1:
      return 'delete';
    default:
      return 'update';
  }
}

function nameOf({ map }: KnownTable): string {
  return `${map.schema}.${map.table}`;
}
