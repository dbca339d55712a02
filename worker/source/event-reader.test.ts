import { crc32, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { EventReader, type EventReaderOptions } from './event-reader.ts';
import { EventType } from './event-types.ts';
import type { RowsEvent, StreamItem } from './stream-item.ts';

interface EventFields {
  readonly flags?: number;
  readonly end?: number;
}

/** Builds events of a small MySQL binlog with checksums. */
function event(type: number, body: Buffer | string, { flags = 0, end = 0 }: EventFields = {}, checksum = true): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(19), Buffer.from(body), Buffer.alloc(checksum ? 4 : 0)]);
  bytes.writeUInt32LE(1_700_000_000, 0);
  bytes[4] = type;
  bytes.writeUInt32LE(7, 5);
  bytes.writeUInt32LE(bytes.length, 9);
  bytes.writeUInt32LE(end, 13);
  bytes.writeUInt16LE(flags, 17);
  if (checksum) bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}

function description({ created = 0, algorithm = 1, end = 0 } = {}): Buffer {
  const body = Buffer.alloc(57 + 41 + 1);
  body.writeUInt16LE(4, 0);
  body.write('9.7.4', 2);
  body.writeUInt32LE(created, 52);
  body[56] = 19;
  const postHeaders: [number, number][] = [
    [2, 13],
    [4, 8],
    [19, 8],
    [23, 8],
    [30, 10],
  ];
  for (const [type, length] of postHeaders) body[56 + type] = length;
  body[body.length - 1] = algorithm;
  return event(EventType.FORMAT_DESCRIPTION, body, { end });
}

function gtid(gno: number, end = 0): Buffer {
  const body = Buffer.alloc(42 + 7);
  body.fill(0xaa, 1, 17);
  body.writeUInt32LE(gno, 17);
  body[25] = 2;
  body.writeUInt32LE(gno - 1, 26);
  body.writeUInt32LE(gno, 34);
  body.writeUIntLE(1_700_000_000_000, 42, 6);
  return event(EventType.GTID, body, { end });
}

const uuid = 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa';
const query = (sql: string, checksum = true) =>
  event(
    EventType.QUERY,
    Buffer.concat([Buffer.alloc(8), Buffer.from([1, 0, 0, 0, 0]), Buffer.from('d\0'), Buffer.from(sql)]),
    {},
    checksum,
  );
const begin = query('BEGIN');
const xid = event(EventType.XID, Buffer.alloc(8));
const tableMap = (id: number, table = 't', type: number = 3, checksum = true) =>
  event(
    EventType.TABLE_MAP,
    Buffer.from([id, 0, 0, 0, 0, 0, 1, 0, 1, 0x64, 0, table.length, ...Buffer.from(table), 0, 1, type, 0, 1]),
    {},
    checksum,
  );
const write = (id: number, values: readonly number[], checksum = true, present = 0xff) => {
  const rows = values.flatMap((value) => [0xfe, value & 255, value >> 8, 0, 0]);
  return event(EventType.WRITE_ROWS, Buffer.from([id, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1, present, ...rows]), {}, checksum);
};

function reading(options: Partial<EventReaderOptions> = {}) {
  const items: StreamItem[] = [];
  const reader = new EventReader({
    flavor: 'mysql',
    route: (schema, table) => (table === 'filtered' ? null : { schema, table }),
    emit: (item) => items.push(item),
    start: { journal: 'binlog.000001', offset: 4, serverUuid: 'server' },
    ...options,
  });
  const push = (...events: Buffer[]): void => {
    for (const one of events) expect(reader.push(one)).toBeUndefined();
  };
  push(description());
  return { reader, items, push };
}

const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;
const eventsOf = (item: StreamItem | undefined): readonly RowsEvent[] =>
  item !== undefined && 'events' in item ? item.events : [];

describe('EventReader', () => {
  it('hands on a whole transaction at its commit', () => {
    const { items, push, reader } = reading();
    push(gtid(5), begin, tableMap(9), write(9, [1, 2]));
    expect(items).toEqual([]);
    push(xid);
    expect(items).toMatchObject([
      {
        kind: 'transaction',
        head: { gtid: `${uuid}:5`, lastCommitted: 4, sequenceNumber: 5, commitMicros: 1_700_000_000_000, serverId: 7 },
        end: reader.position,
      },
    ]);
    const [rows] = eventsOf(items[0]);
    expect(rows).toMatchObject({
      operation: 'insert',
      type: 30,
      flags: 0,
      table: { schema: 'd', table: 't', route: { table: 't' } },
    });
    expect(rows!.images).toEqual(Buffer.from([0xfe, 1, 0, 0, 0, 0xfe, 2, 0, 0, 0]));
    expect(rows!.head).toEqual(Buffer.from([2, 0, 1, 0xff]));
  });

  it('keeps one TableMap object while a table stays the same, whatever its id', () => {
    const { items, push } = reading();
    for (const id of [9, 9, 10]) push(gtid(id), begin, tableMap(id), write(id, [1]), xid);
    push(gtid(1), begin, tableMap(9, 'other'), write(9, [1]), xid);
    push(gtid(1), begin, tableMap(10, 't', 2), write(10, [1]), xid);
    const maps = items.map((item) => eventsOf(item)[0]!.table);
    expect(maps[1]).toBe(maps[0]);
    expect(maps[2]).toBe(maps[0]);
    expect(new Set(maps.map((map) => map.id)).size).toBe(3);
  });

  it('advances over filtered tables without their rows', () => {
    const { items, push } = reading();
    push(gtid(5), begin, tableMap(9, 'filtered'), write(9, [1]), xid);
    expect(items).toMatchObject([{ kind: 'transaction', events: [], head: { gtid: `${uuid}:5` } }]);
  });

  it('refuses rows whose table map belongs to another statement', () => {
    const { push, reader } = reading();
    push(gtid(5), begin, tableMap(9), write(9, [1]));
    expect(() => reader.push(write(9, [2]))).toThrow(code('LK1203'));
  });

  it('names the table of a partial row image', () => {
    const { push, reader } = reading();
    push(gtid(5), begin, tableMap(9));
    expect(() => reader.push(write(9, [1], true, 0xfe))).toThrow(
      expect.objectContaining({ code: 'LK1206', details: expect.objectContaining({ table: 'd.t' }) }) as Error,
    );
  });

  it('takes nothing more after an error', () => {
    const { push, reader, items } = reading();
    push(gtid(5), begin, tableMap(9));
    const damaged = write(9, [1]);
    damaged[30]! ^= 1;
    const place = { journal: 'binlog.000001', offset: reader.position.offset, eventType: 30 };
    expect(() => reader.push(damaged)).toThrow(
      expect.objectContaining({ code: 'LK1201', details: expect.objectContaining(place) }) as Error,
    );
    expect(() => reader.push(write(9, [1]))).toThrow(code('LK1201'));
    expect(() => reader.push(xid)).toThrow(code('LK1201'));
    expect(items).toEqual([]);
  });

  it('stops at an unknown event unless it may be ignored', () => {
    const { push, reader } = reading();
    push(event(99, 'x', { flags: 0x80 }), event(EventType.VIEW_CHANGE, 'x'), event(EventType.STOP, ''));
    expect(() => reader.push(event(99, 'x'))).toThrow(code('LK1202'));
  });

  it.each([
    ['an incident', event(EventType.INCIDENT, '\x01\x00\x04lost'), 'LK1204'],
    ['a statement’s user variable', event(EventType.USER_VAR, 'x'), 'LK1205'],
    ['LOAD DATA', event(EventType.BEGIN_LOAD_QUERY, 'x'), 'LK1205'],
    ['INSERT as text', query('INSERT INTO t VALUES (1)'), 'LK1205'],
    ['ALTER TABLE behind rows', query('CREATE TABLE x (a int)'), 'LK1205'],
    ['a GTID within a transaction', gtid(6), 'LK1203'],
    ['a header that lies about its length', Buffer.concat([xid, xid]), 'LK1203'],
  ])('stops at %s', (_name, last, expected) => {
    const { push, reader } = reading();
    push(gtid(5), begin, tableMap(9), write(9, [1]));
    expect(() => reader.push(last)).toThrow(code(expected));
  });

  it('reads files with and without checksums, and artificial rotations either way', () => {
    const { push, items, reader } = reading();
    const rotation = (checksum: boolean, name: string) =>
      event(
        EventType.ROTATE,
        Buffer.concat([Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(name)]),
        { flags: 0x20 },
        checksum,
      );
    push(rotation(false, 'binlog.000002'));
    expect(reader.position).toEqual({ journal: 'binlog.000002', offset: 4 });
    push(rotation(true, 'binlog.000003'), description({ algorithm: 0 }), query('CREATE TABLE x (a int)', false));
    expect(reader.position.journal).toBe('binlog.000003');
    push(rotation(false, 'binlog.000004'), description(), query('DROP TABLE x'));
    expect(items.map((item) => (item.kind === 'statement' ? item.sql.toString() : item.kind))).toEqual([
      'CREATE TABLE x (a int)',
      'DROP TABLE x',
    ]);
    const broken = rotation(true, 'binlog.000005');
    broken[broken.length - 1]! ^= 1;
    expect(() => reader.push(broken)).toThrow(code('LK1201'));
  });

  it('moves on with heartbeats and new files, but not within a transaction', () => {
    const { push, items } = reading();
    push(event(EventType.HEARTBEAT, 'binlog.000001', { end: 5000 }));
    push(event(EventType.HEARTBEAT_V2, Buffer.from([1, 13, ...Buffer.from('binlog.000001'), 2, 3, 0xfc, 0x70, 0x17, 0])));
    push(gtid(5, 6100), begin);
    push(event(EventType.HEARTBEAT, 'binlog.000001', { end: 7000 }), tableMap(9), write(9, [1]), xid);
    push(event(EventType.ROTATE, Buffer.concat([Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('binlog.000002')])));
    expect(items.map((item) => [item.kind, 'end' in item ? item.end.journal : '', 'end' in item ? item.end.offset : 0])).toEqual([
      ['heartbeat', 'binlog.000001', 5000],
      ['heartbeat', 'binlog.000001', 6000],
      ['heartbeat', 'binlog.000001', 6000],
      ['transaction', 'binlog.000001', expect.any(Number)],
      ['heartbeat', 'binlog.000002', 4],
    ]);
  });

  it('hands a large transaction on in parts, and only a large one', () => {
    const { push, items, reader } = reading({ partBytes: 1000 });
    push(gtid(1), begin, tableMap(9), write(9, [1]), xid);
    const start = reader.position;
    push(gtid(2), begin);
    for (let i = 0; i < 20; i++) push(tableMap(9), write(9, [i]));
    push(xid);
    const parts = items.slice(1);
    // None may be taken for what lies before the transaction.
    expect(parts.every((item) => item.kind === 'part' && item.end.offset > start.offset)).toBe(true);
    expect(items[0]!.kind).toBe('transaction');
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.map((item) => item.kind === 'part' && [item.first, item.last])).toEqual(
      parts.map((_, i) => [i === 0, i === parts.length - 1]),
    );
    expect(parts.flatMap((part) => eventsOf(part).map((rows) => rows.images[1]))).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
  });

  it.each([
    ['a logged ROLLBACK', [query('ROLLBACK')], ['restart', 'transaction']],
    ['the begin of a server’s new life', [description({ created: 1 })], ['restart']],
  ])('takes parts back at %s', (_name, last, expected) => {
    const { push, items } = reading({ partBytes: 1000 });
    push(gtid(2), begin);
    for (let i = 0; i < 20; i++) push(tableMap(9), write(9, [i]));
    const parts = items.length;
    push(...last);
    expect(parts).toBeGreaterThan(0);
    expect(items.slice(parts).map((item) => item.kind)).toEqual(expected);
    expect(items.slice(parts).flatMap(eventsOf)).toEqual([]);
    push(gtid(3), begin, tableMap(9), write(9, [7]), xid);
    expect(items.at(-1)).toMatchObject({ kind: 'transaction', head: { gtid: `${uuid}:3` } });
  });

  it.each([
    ['prepared', 0, ['xa-prepare']],
    ['committed in one phase', 1, ['xa-part', 'xa-commit']],
  ])('hands a large XA transaction on in parts when it is %s', (_name, onePhase, last) => {
    const { push, items, reader } = reading({ partBytes: 1000 });
    const end = event(EventType.XA_PREPARE, Buffer.from([onePhase, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x78]));
    push(gtid(2), query("XA START X'78',X'',1"));
    for (let i = 0; i < 20; i++) push(tableMap(9), write(9, [i]));
    push(query("XA END X'78',X'',1"), end);
    expect(items.length).toBeGreaterThan(3);
    expect(items.slice(-last.length).map(({ kind }) => kind)).toEqual(last);
    expect(items.slice(0, -last.length).every(({ kind }) => kind === 'xa-part')).toBe(true);
    expect(items.map((item) => 'xid' in item && [item.xid, item.first])).toEqual(items.map((_, i) => ["X'78',X'',1", i === 0]));
    expect(items.flatMap((item) => eventsOf(item).map((rows) => rows.images[1]))).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
    expect(items.at(-1)).toMatchObject({ head: { gtid: `${uuid}:2` }, end: reader.position });
    push(gtid(3), query("XA START X'78',X'',1"), tableMap(9), write(9, [7]), end);
    expect(items.at(-1)).toMatchObject(onePhase === 1 ? { kind: 'transaction' } : { kind: 'xa-prepare', first: true });
  });

  it('takes rows back to a savepoint, and stops where they are gone already', () => {
    const { push, items, reader } = reading({ partBytes: 1000 });
    const change = (value: number) => push(tableMap(9), write(9, [value]));
    push(gtid(2), begin);
    change(1);
    push(query('SAVEPOINT `a`'));
    change(2);
    push(query('ROLLBACK TO `a`'));
    change(3);
    push(query('ROLLBACK TO `a`'));
    change(4);
    push(xid);
    expect(eventsOf(items[0]).map((rows) => rows.images[1])).toEqual([1, 4]);
    push(gtid(3), begin, query('SAVEPOINT `a`'));
    for (let i = 0; i < 20; i++) change(i);
    expect(() => reader.push(query('ROLLBACK TO `a`'))).toThrow(code('LK1203'));
  });

  it('delivers CREATE TABLE of its rows’ transaction first, without moving on', () => {
    const { push, items, reader } = reading();
    push(gtid(1), begin, tableMap(9), write(9, [1]), xid);
    const before = reader.position;
    push(gtid(2), begin, query('CREATE TABLE t (a int) START TRANSACTION'), tableMap(9), write(9, [1]), xid);
    expect(items.slice(1)).toMatchObject([
      {
        kind: 'statement',
        head: { gtid: `${uuid}:2` },
        end: before,
        beforeRows: true,
        sql: Buffer.from('CREATE TABLE t (a int)'),
      },
      { kind: 'transaction', head: { gtid: `${uuid}:2` }, end: reader.position },
    ]);
  });

  const payload = (plain: Buffer, compression: number, data: Buffer, stated = plain.length) =>
    event(
      EventType.TRANSACTION_PAYLOAD,
      Buffer.concat([number(2, compression), number(3, stated), number(1, data.length), Buffer.from([0]), data]),
    );
  const inner = [
    query('BEGIN', false),
    tableMap(9, 't', 3, false),
    write(9, [1, 2, 3], false),
    event(EventType.XID, Buffer.alloc(8), {}, false),
  ];

  it.each([
    ['zstd', 0, (plain: Buffer) => zstdCompressSync(plain)],
    ['not at all', 255, (plain: Buffer) => plain],
  ])('unpacks a transaction compressed by %s', (_name, compression, compress) => {
    const { push, items, reader } = reading();
    const plain = Buffer.concat(inner);
    push(gtid(2), payload(plain, compression, compress(plain)));
    expect(items).toMatchObject([{ kind: 'transaction', end: reader.position }]);
    expect(eventsOf(items[0])[0]!.images.length).toBe(15);
  });

  it('refuses a payload that does not unpack to what it states', () => {
    const plain = Buffer.concat(inner);
    const packed = zstdCompressSync(plain);
    for (const wrong of [
      payload(plain, 0, packed, plain.length + 1),
      payload(plain, 0, packed, plain.length - 1),
      payload(plain, 0, Buffer.from('no zstd')),
      payload(plain, 3, packed),
    ]) {
      const { push, reader } = reading();
      push(gtid(2));
      expect(() => reader.push(wrong)).toThrow(code('LK1207'));
    }
  });

  it('refuses a large payload that does not unpack, and then everything', async () => {
    const plain = Buffer.concat([...inner.slice(0, 2), Buffer.alloc(3 << 20)]);
    const { push, reader } = reading();
    push(gtid(2));
    await expect(reader.push(payload(plain, 0, zstdCompressSync(plain)))).rejects.toThrow(code('LK1203'));
    expect(() => reader.push(xid)).toThrow(code('LK1203'));
  });
});

/** A payload header field whose value is a length-encoded number. */
function number(field: number, value: number): Buffer {
  const bytes = Buffer.from([0xfe, 0, 0, 0, 0, 0, 0, 0, 0]);
  bytes.writeUInt32LE(value, 1);
  return Buffer.concat([Buffer.from([field, bytes.length]), bytes]);
}
