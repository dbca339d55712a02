import type { RowOperation, RowsEvent } from '../../source/stream-item.ts';

/** Event type and head (see RowRun.head) of each operation, for rows that were logged as another operation. */
export type RowsHeads = Readonly<Record<RowOperation, { readonly type: number; readonly head: Buffer }>>;

const VERSION_2 = 30;

/**
 * Heads for all three operations, made from one rows event with full images. Extra data (NDB, partition ids) is left out:
 * the server does not need it. Source: MySQL internals, Rows_event.
 */
export function rowsHeads(event: RowsEvent): RowsHeads {
  const { head, type } = event;
  const v2 = type >= VERSION_2;
  const columns = v2 ? head.readUInt16LE(0) : 0;
  const countBytes = lengthEncodedBytes(head[columns]!);
  const count = head.subarray(columns, columns + countBytes);
  const bitmapLength =
    event.operation === 'update' ? (head.length - columns - countBytes) / 2 : head.length - columns - countBytes;
  const bitmap = head.subarray(columns + countBytes, columns + countBytes + bitmapLength);
  const extra = v2 ? Buffer.from([2, 0]) : Buffer.alloc(0);
  const single = Buffer.concat([extra, count, bitmap]);
  const base = v2 ? VERSION_2 : 23;
  return {
    insert: { type: base, head: single },
    update: { type: base + 1, head: Buffer.concat([single, bitmap]) },
    delete: { type: base + 2, head: single },
  };
}

function lengthEncodedBytes(first: number): number {
  return first < 0xfb ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : 9;
}
