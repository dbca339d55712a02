import { describe, expect, it } from 'vitest';
import type { RowsEvent } from '../source/stream-item.ts';
import type { TableMap } from '../source/table-map.ts';
import { decodePrepared, encodePrepared } from './xa-store.ts';

const table = (raw: string, routed = true) =>
  ({ raw: Buffer.from(raw), route: routed ? { schema: 's', table: raw } : null }) as TableMap;

const event = (map: TableMap, operation: RowsEvent['operation'], images: string): RowsEvent => ({
  table: map,
  operation,
  type: { insert: 30, update: 31, delete: 32 }[operation],
  flags: 0x102,
  images: Buffer.from(images),
  head: Buffer.from('head'),
});

describe('prepared XA transactions', () => {
  const events = [event(table('a'), 'insert', 'rows of a'), event(table('b'), 'update', ''), event(table('c'), 'delete', 'x')];

  it('come back as they were stored', () => {
    const payload = encodePrepared({ events, format: Buffer.from('format') });
    expect(decodePrepared(payload, (raw) => table(raw.toString()))).toEqual({ events, format: Buffer.from('format') });
  });

  it('leave out tables that no longer travel', () => {
    const payload = encodePrepared({ events, format: Buffer.alloc(0) });
    const restored = decodePrepared(payload, (raw) => table(raw.toString(), raw.toString() !== 'b'));
    expect(restored.events.map((e) => e.table.raw.toString())).toEqual(['a', 'c']);
  });

  it('are refused when damaged', () => {
    const payload = encodePrepared({ events, format: Buffer.from('format') });
    expect(() => decodePrepared(payload.subarray(0, payload.length - 3), (raw) => table(raw.toString()))).toThrow(
      'cannot be read',
    );
  });
});
