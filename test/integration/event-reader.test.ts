import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EventReader } from '../../worker/source/event-reader.ts';
import { GtidSet, parsePreviousGtids } from '../../worker/source/gtid-set.ts';
import { parseGtids } from '../../worker/source/gtid-tracker.ts';
import type { RowsEvent, StreamItem } from '../../worker/source/stream-item.ts';
import type { DbServer } from '../servers/db-server.ts';
import { startMariadb } from '../servers/mariadb.ts';
import { startMysql } from '../servers/mysql.ts';
import { printedGroups, type PrintedGroup } from './binlog-text.ts';
import { RandomWorkload } from './random-workload.ts';
import { comparable, rowsOf, type ReadRow } from './row-text.ts';

const MAGIC = 4;
/** mysqlbinlog stops printing a row at these tables' second column; the workload writes the key again behind it. */
const UNPRINTABLE: ReadonlySet<string> = new Set(['w.vectors', 'w.shapes']);
const SEED = Number(process.env['LOCKKEEPER_SEED'] ?? 20_240_229);
const STEPS = Number(process.env['LOCKKEEPER_STEPS'] ?? 90);

interface BinlogFile {
  readonly name: string;
  readonly bytes: Buffer;
}

function binlogFiles(server: DbServer): BinlogFile[] {
  const folder = join(server.dir, 'data');
  const names = readdirSync(folder).filter((name) => /^binlog\.\d{6}$/.test(name));
  return names.sort().map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
}

function* eventsOf({ bytes }: BinlogFile): Generator<Buffer> {
  for (let at = MAGIC; at < bytes.length;) {
    const length = bytes.readUInt32LE(at + 9);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

async function readFiles(server: DbServer, files: readonly BinlogFile[], partBytes: number): Promise<StreamItem[]> {
  const items: StreamItem[] = [];
  const reader = new EventReader({
    flavor: server.flavor,
    route: (schema, table) => (schema === 'w' ? { schema, table } : null),
    emit: (item) => items.push(item),
    partBytes,
    start: { journal: files[0]!.name, offset: MAGIC, serverUuid: 'server' },
  });
  for (const file of files) {
    let at = MAGIC;
    for (const event of eventsOf(file)) {
      await reader.push(event);
      at += event.length;
      if (reader.position.journal === file.name) expect(reader.position.offset).toBe(at);
    }
  }
  return items;
}

interface ReadGroup {
  readonly gtid: string;
  readonly lastCommitted: number;
  readonly sequenceNumber: number;
  readonly events: RowsEvent[];
  readonly xa: string[];
  readonly end: { journal: string; offset: number };
}

/** Items with a GTID, parts joined. */
function groupsOf(items: readonly StreamItem[]): ReadGroup[] {
  const groups: ReadGroup[] = [];
  let parts: RowsEvent[] = [];
  for (const item of items) {
    if (item.kind === 'heartbeat' || item.kind === 'restart' || item.head.gtid === null) continue;
    const { gtid, lastCommitted, sequenceNumber } = item.head;
    if (item.kind === 'statement' && item.beforeRows) continue;
    if ((item.kind === 'part' || item.kind === 'xa-part') && item.first) expect(parts).toEqual([]);
    if (item.kind !== 'statement') parts.push(...item.events);
    if (item.kind === 'xa-part' || (item.kind === 'part' && !item.last)) continue;
    const events = parts;
    parts = [];
    // Committed in one phase it is a plain transaction.
    const verdict = item.kind !== 'xa-commit' || item.first;
    const xa = item.kind.startsWith('xa-') && verdict ? [item.kind.slice(3)] : [];
    groups.push({ gtid, lastCommitted, sequenceNumber, events, xa, end: item.end });
  }
  expect(parts).toEqual([]);
  return groups;
}

/** Rows that a ROLLBACK TO takes back are printed by the tools; the reader leaves them out. */
function isTakenBack(row: { after: unknown[] }): boolean {
  return typeof row.after[1] === 'string' && row.after[1].startsWith("'lost");
}

function compareRows(read: readonly ReadRow[], printed: PrintedGroup): void {
  const wanted = printed.rows.filter((row) => row.table.startsWith('w.') && !isTakenBack(row));
  expect(read.length, printed.gtid).toBe(wanted.length);
  read.forEach((row, i) => {
    const want = wanted[i]!;
    expect({ operation: row.operation, table: row.table }).toEqual({ operation: want.operation, table: want.table });
    for (const side of ['before', 'after'] as const) {
      const expected = want[side].map((value, column) => comparable(value, row[side][column]!));
      if (UNPRINTABLE.has(row.table)) {
        expect(row[side][2]).toBe(row[side][0]);
        expected.splice(1, 2, ...row[side].slice(1));
      }
      expect(row[side], `${printed.gtid} ${row.operation} ${row.table} ${side}`).toEqual(expected);
    }
  });
}

async function readAsTheToolsDo(server: DbServer, partBytes: number): Promise<{ items: StreamItem[]; groups: ReadGroup[] }> {
  const files = binlogFiles(server);
  const items = await readFiles(server, files, partBytes);
  const groups = groupsOf(items);
  let next = 0;
  for (const file of files) {
    for (const printed of await printedGroups(server.flavor, join(server.dir, 'data', file.name), file.bytes.length)) {
      const group = groups[next++]!;
      expect(group).toMatchObject({
        gtid: printed.gtid,
        lastCommitted: printed.lastCommitted,
        sequenceNumber: printed.sequenceNumber,
        xa: printed.xa,
        end: { journal: file.name, offset: printed.end },
      });
      compareRows(group.events.flatMap(rowsOf), printed);
    }
  }
  expect(groups.length).toBe(next);
  return { items, groups };
}

function rowsByOperation(groups: readonly ReadGroup[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { operation } of groups.flatMap((group) => group.events.flatMap(rowsOf)))
    counts[operation] = (counts[operation] ?? 0) + 1;
  return counts;
}

describe('event reader against the servers’ own tools', () => {
  it('reads a MySQL binlog as mysqlbinlog does', async () => {
    await using server = await startMysql();
    await new RandomWorkload(server, SEED).run(STEPS);
    const { items, groups } = await readAsTheToolsDo(server, 1 << 20);
    const counts = rowsByOperation(groups);
    for (const operation of ['insert', 'update', 'delete']) expect(counts[operation]).toBeGreaterThan(20);
    // The workload must have reached what it is for.
    expect(items.filter((item) => item.kind === 'part').length).toBeGreaterThan(2);
    expect(groups.some((group) => group.gtid.includes(':tag_'))).toBe(true);
    expect(groups.some((group) => group.events.some((event) => event.type === 39))).toBe(true);
    const kinds = new Set(items.map((item) => item.kind));
    expect([...kinds].sort()).toEqual(expect.arrayContaining(['heartbeat', 'part', 'statement', 'transaction', 'xa-prepare']));

    const [executed] = await server.query('SELECT @@GLOBAL.gtid_executed AS set_text');
    const set = new GtidSet();
    for (const { gtid } of groups) set.add(gtid);
    expect(set.equals(GtidSet.parse(executed!['set_text'])), set.toString()).toBe(true);
    const [canonical] = await server.query('SELECT GTID_SUBTRACT(?, ?) AS rest', [set.toString(), executed!['set_text']]);
    expect(canonical!['rest']).toBe('');
    await comparePreviousGtids(server);
  });

  it('reads a MariaDB binlog as mariadb-binlog does', async () => {
    await using server = await startMariadb({ config: { log_bin_compress_min_len: 10, binlog_alter_two_phase: true } });
    await new RandomWorkload(server, SEED).run(STEPS);
    const { groups } = await readAsTheToolsDo(server, 1 << 20);
    const counts = rowsByOperation(groups);
    for (const operation of ['insert', 'update', 'delete']) expect(counts[operation]).toBeGreaterThan(20);
    const tracker = parseGtids('mariadb', '');
    for (const { gtid } of groups) tracker.add(gtid);
    const [row] = await server.query('SELECT @@GLOBAL.gtid_binlog_pos AS position');
    const domains = (row!['position'] as string).split(',').sort();
    expect(tracker.toString().split(',').sort()).toEqual(domains);
  });
});

describe('what a source may log and must not be applied', () => {
  it.each([
    ['a statement instead of rows', "SET SESSION binlog_format = 'STATEMENT'", 'LK1205'],
    ['a minimal row image', "SET SESSION binlog_row_image = 'MINIMAL'", 'LK1206'],
    ['a row image without blobs', "SET SESSION binlog_row_image = 'NOBLOB'", 'LK1206'],
  ])('stops at %s', async (_name, setting, code) => {
    for (const start of [startMysql, startMariadb]) {
      await using server = await start();
      await server.query('CREATE DATABASE w; CREATE TABLE w.t (id INT PRIMARY KEY, b BLOB, v INT)');
      await server.query(`${setting}; INSERT INTO w.t VALUES (1, 'x', 1); UPDATE w.t SET v = 2`);
      const error: unknown = await readFiles(server, binlogFiles(server), 1 << 20).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, details: { journal: 'binlog.000001', offset: expect.any(Number) } });
    }
  });

  it('finds any damaged byte', async () => {
    await using server = await startMysql();
    await server.query(
      "CREATE DATABASE w; CREATE TABLE w.t (id INT PRIMARY KEY, v TEXT); INSERT INTO w.t VALUES (1, REPEAT('x', 100))",
    );
    const [file] = binlogFiles(server);
    const events = [...eventsOf(file!)];
    const lengthField = [9, 10, 11, 12];
    const rows = events.findIndex((event) => event[4] === 30);
    for (let at = 0; at < events[rows]!.length; at++) {
      if (lengthField.includes(at)) continue;
      const reader = new EventReader({
        flavor: 'mysql',
        route: (schema, table) => ({ schema, table }),
        emit: () => undefined,
        start: { journal: file!.name, offset: MAGIC, serverUuid: 'server' },
      });
      for (const event of events.slice(0, rows)) await reader.push(event);
      const damaged = Buffer.from(events[rows]!);
      damaged[at]! ^= 1 << (at % 8);
      expect(() => reader.push(damaged), `byte ${at}`).toThrow(expect.objectContaining({ code: 'LK1201' }));
      expect(() => reader.push(events[rows]!), 'the intact event behind it').toThrow(expect.objectContaining({ code: 'LK1201' }));
    }
  });

  it('unpacks a large compressed transaction in parts', async () => {
    await using server = await startMysql({ config: { binlog_transaction_compression: true } });
    await server.query('CREATE DATABASE w; CREATE TABLE w.t (id INT PRIMARY KEY AUTO_INCREMENT, b LONGBLOB)');
    await server.query("BEGIN; INSERT INTO w.t (b) SELECT REPEAT('a', 2000000) FROM (VALUES ROW(1), ROW(2), ROW(3), ROW(4)) x");
    for (let i = 0; i < 4; i++) await server.query('INSERT INTO w.t (b) SELECT b FROM w.t');
    await server.query('COMMIT');
    const [file] = binlogFiles(server);
    expect(file!.bytes.length).toBeLessThan(1e6);
    let rows = 0;
    let largest = 0;
    let parts = 0;
    let askedForRoom = 0;
    const reader = new EventReader({
      flavor: 'mysql',
      route: (schema, table) => ({ schema, table }),
      partBytes: 4 << 20,
      start: { journal: file!.name, offset: MAGIC, serverUuid: 'server' },
      room: () => void askedForRoom++,
      emit: (item) => {
        if (item.kind !== 'part') return;
        parts++;
        largest = Math.max(largest, item.bytes);
        for (const event of item.events) rows += rowsOf(event).length;
      },
    });
    for (const event of eventsOf(file!)) {
      const busy = reader.push(event);
      if (busy instanceof Promise) expect(() => reader.push(event)).toThrow('before the promise');
      await busy;
    }
    expect(rows).toBe(64);
    expect(parts).toBeGreaterThan(15);
    expect(largest).toBeLessThan(8e6);
    expect(askedForRoom).toBeGreaterThan(100);
  });
});

/** PREVIOUS_GTIDS of each file holds all transactions of the files before it. */
async function comparePreviousGtids(server: DbServer): Promise<void> {
  const before = new GtidSet();
  for (const file of binlogFiles(server)) {
    const events = [...eventsOf(file)];
    const checksums = events[0]!.at(-5) === 1;
    const previous = events.find((event) => event[4] === 35)!;
    const found = parsePreviousGtids(checksums ? previous.subarray(0, -4) : previous);
    expect(found.equals(before), `${file.name}: ${found.toString()} is not ${before.toString()}`).toBe(true);
    for (const group of groupsOf(await readFiles(server, [file], 1 << 30))) before.add(group.gtid);
  }
}
