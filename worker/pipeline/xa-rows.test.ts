import { describe, expect, it } from 'vitest';
import type { RowsEvent } from '../source/stream-item.ts';
import type { TableMap } from '../source/table-map.ts';
import { PreparedEncoder, PreparedReader } from './xa-rows.ts';

const table = (raw: string, routed = true) =>
  ({ raw: Buffer.from(raw), route: routed ? { schema: 's', table: raw } : null }) as TableMap;
const [a, b] = [table('a'), table('b')];

const event = (map: TableMap, operation: RowsEvent['operation'], images: string): RowsEvent => ({
  table: map,
  operation,
  type: { insert: 30, update: 31, delete: 32 }[operation],
  flags: 0x102,
  images: Buffer.from(images),
  head: Buffer.from('head'),
});
const events = [event(a, 'insert', 'rows of a'), event(b, 'update', ''), event(a, 'delete', 'x'), event(b, 'insert', 'more')];

/** Two pieces' worth of events as one run of bytes. */
function encoded(): Buffer {
  const encoder = new PreparedEncoder(Buffer.from('format'));
  return Buffer.concat([encoder.encode(events.slice(0, 2)), encoder.encode(events.slice(2)), encoder.encode([])]);
}

function decoded(bytes: Buffer, pieceBytes: number, routes = (_table: string) => true) {
  const restored: string[] = [];
  const reader = new PreparedReader((raw) => {
    restored.push(raw.toString());
    return table(raw.toString(), routes(raw.toString()));
  });
  const found: RowsEvent[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = reader.take(bytes.subarray(at, at + pieceBytes));
    found.push(...piece.events);
    if (piece.events.length > 0) expect(piece.format.toString()).toBe('format');
  }
  return { found, restored, whole: reader.isWhole };
}

describe('rows of prepared XA transactions', () => {
  it.each([1, 2, 3, 7, 11, 50, 10_000])('come back as they were stored, in pieces of %i bytes', (pieceBytes) => {
    const { found, restored, whole } = decoded(encoded(), pieceBytes);
    expect(found).toEqual(events);
    expect(found[2]!.table).toBe(found[0]!.table);
    expect(restored).toEqual(['a', 'b']);
    expect(whole).toBe(true);
  });

  it('may be none', () => {
    const { found, whole } = decoded(new PreparedEncoder(Buffer.from('format')).encode([]), 100);
    expect([found, whole]).toEqual([[], true]);
  });

  it('leave out tables that no longer travel', () => {
    const { found } = decoded(encoded(), 20, (name) => name !== 'b');
    expect(found.map((e) => e.table.raw.toString())).toEqual(['a', 'a']);
  });

  it('show that bytes are missing, and are refused when damaged', () => {
    const bytes = encoded();
    expect(decoded(bytes.subarray(0, bytes.length - 3), 20).whole).toBe(false);
    bytes[bytes.length - 4] = 9;
    expect(() => decoded(bytes, 20)).toThrow('there is not');
  });
});
