import { describe, expect, it } from 'vitest';
import type { SourcePosition } from '../source/position.ts';
import { PositionTracker } from '../source/position-tracker.ts';
import type { TransactionItem } from '../source/stream-item.ts';
import type { TableMap } from '../source/table-map.ts';
import type { CatchUpPlan, TableCatchUp } from '../snapshot/types.ts';
import { CatchUp } from './catch-up.ts';

const at = (offset: number): SourcePosition => ({
  flavor: 'mysql',
  serverUuid: 'u',
  gtid: null,
  journal: 'binlog.000003',
  offset,
  timestampMicros: 1000,
});

function transaction(offset: number, tables: string[], commitMicros = 5000): TransactionItem {
  const events = tables.map(
    (table) => ({ table: { schema: 's', table, columnCount: 1 } as TableMap }) as TransactionItem['events'][number],
  );
  const head = { gtid: null, lastCommitted: 0, sequenceNumber: 0, commitGroup: 0, commitMicros, serverId: 1 };
  return { kind: 'transaction', head, events, bytes: 1, end: { journal: 'binlog.000003', offset }, format: Buffer.alloc(0) };
}

/** Tables of the schema s; others follow from the start unless told otherwise. */
const plan = (tables: Record<string, TableCatchUp>, others: TableCatchUp = { kind: 'none' }) => ({
  tables: Object.entries(tables).map(([table, catchUp]) => ({ schema: 's', table, catchUp })),
  others,
});

function begun(plan: CatchUpPlan, stream = new PositionTracker(at(4))): CatchUp {
  const catchUp = new CatchUp(plan);
  catchUp.startAt(stream);
  return catchUp;
}

const names = (events: TransactionItem['events']) => events.map((event) => event.table.table);

describe('CatchUp', () => {
  it('drops events of a table until the point at which it was read', () => {
    const catchUp = begun(plan({ a: { kind: 'skipUntil', position: at(100) } }));
    expect(names(catchUp.treat(transaction(100, ['a', 'b'])).events)).toEqual(['b']);
    expect(catchUp.treat(transaction(100, ['b'])).mixed).toBe(true);
    expect(names(catchUp.treat(transaction(101, ['a', 'b'])).events)).toEqual(['a', 'b']);
    expect(catchUp.treat(transaction(102, ['b'])).mixed).toBe(false);
    expect(catchUp.active).toBe(false);
  });

  it('applies events as upserts while parts of a table may hold them', () => {
    const catchUp = begun(plan({ a: { kind: 'convergeUntil', position: at(100) } }));
    expect(catchUp.treat(transaction(50, ['b'])).careful).toBe(false);
    expect(catchUp.treat(transaction(60, ['a'])).careful).toBe(true);
    expect(catchUp.treat(transaction(200, ['a'])).careful).toBe(false);
  });

  it('asks each transaction by its GTID as long as the point may still come', () => {
    // Written to the binlog ahead of what the copy saw, visible only behind it (binlog_order_commits = OFF).
    const position = { ...at(300), gtid: '00000000-0000-0000-0000-000000000001:1-5:7' };
    const numbered = (offset: number, gno: number): TransactionItem => {
      const item = transaction(offset, ['a']);
      return { ...item, head: { ...item.head, gtid: `00000000-0000-0000-0000-000000000001:${gno}` } };
    };
    const catchUp = begun(plan({ a: { kind: 'skipUntil', position } }));
    expect(names(catchUp.treat(numbered(200, 6)).events)).toEqual(['a']);
    expect(names(catchUp.treat(numbered(300, 7)).events)).toEqual([]);
    expect(names(catchUp.treat(numbered(400, 8)).events)).toEqual(['a']);
    expect(catchUp.active).toBe(false);
  });

  it('keeps what belongs to a later point', () => {
    const catchUp = begun(plan({ a: { kind: 'skipUntil', position: at(100) }, b: { kind: 'skipUntil', position: at(200) } }));
    expect(names(catchUp.treat(transaction(150, ['a', 'b'])).events)).toEqual(['a']);
    expect(catchUp.covers('s', 'b', transaction(180, []))).toBe(true);
    expect(catchUp.covers('s', 'a', transaction(180, []))).toBe(false);
  });

  it('drops what came of tables that were gone when they were listed', () => {
    const catchUp = begun(
      plan({ a: { kind: 'skipUntil', position: at(100) }, b: { kind: 'none' } }, { kind: 'skipUntil', position: at(200) }),
    );
    expect(names(catchUp.treat(transaction(150, ['a', 'b', '_b_new'])).events)).toEqual(['a', 'b']);
    expect(['a', 'b', '_b_new'].map((table) => catchUp.covers('s', table, transaction(180, [])))).toEqual([false, false, true]);
    expect([180, 201].map((offset) => catchUp.coversAll(transaction(offset, [])))).toEqual([true, false]);
    expect(names(catchUp.treat(transaction(201, ['_b_new'])).events)).toEqual(['_b_new']);
    expect(catchUp.active).toBe(false);
  });

  it('is over for a stream that begins behind it, also at another server', () => {
    const isActive = (position: SourcePosition) =>
      begun(plan({ a: { kind: 'skipUntil', position: at(100) } }), new PositionTracker(position)).active;
    expect(isActive(at(99))).toBe(true);
    expect(isActive(at(100))).toBe(false);
    expect(isActive({ ...at(4), journal: 'binlog.000001', serverUuid: 'v' })).toBe(false);
    expect(isActive({ ...at(4), journal: 'binlog.000004' })).toBe(false);
  });

  it.each([
    { what: 'whose files have smaller numbers', journal: 'binlog.000001', offset: 4 },
    { what: 'whose files have larger ones', journal: 'binlog.000900', offset: 4 },
  ])('is over at another server, $what, once all that the copy saw is done', ({ journal, offset }) => {
    const uuid = '00000000-0000-0000-0000-000000000001';
    const stream = new PositionTracker({ ...at(4), gtid: `${uuid}:1-5` });
    const catchUp = begun(plan({ a: { kind: 'skipUntil', position: { ...at(300), gtid: `${uuid}:1-7` } } }), stream);
    stream.restart({ kind: 'restart', bytes: 0, serverUuid: 'v' });
    const take = (gno: number) => {
      const item = { ...transaction(offset, ['a']), end: { journal, offset } };
      const numbered = { ...item, head: { ...item.head, gtid: `${uuid}:${gno}` } };
      const { events, mixed } = catchUp.treat(numbered);
      stream.advance(numbered.head, numbered.end);
      return { applied: events.length === 1, mixed };
    };
    // A replica may write in an order of its own.
    expect([6, 8, 7, 9].map(take)).toEqual([
      { applied: false, mixed: true },
      { applied: true, mixed: true },
      { applied: false, mixed: true },
      { applied: true, mixed: false },
    ]);
    expect(catchUp.active).toBe(false);
  });
});
