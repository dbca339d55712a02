import { describe, expect, it } from 'vitest';
import type { RowOperation, RowsEvent } from '../../source/stream-item.ts';
import type { TableMap } from '../../source/table-map.ts';
import type { RowRun } from '../row-run.ts';
import { BatchPlan } from './batch-plan.ts';
import { RowKeyReader } from './row-key.ts';
import type { TablePlan } from './table-plan.ts';

/** Columns: id INT, value VARCHAR(50). */
function tableMap(id: number, table = 't'): TableMap {
  return {
    id,
    flavor: 'mysql',
    schema: 's',
    table,
    route: { schema: 's', table },
    raw: Buffer.alloc(0),
    columnCount: 2,
    types: Uint8Array.from([3, 15]),
    meta: Uint16Array.from([0, 50]),
    nullable: Uint8Array.from([0, 1]),
    metadata: {
      columnNames: ['id', 'value'],
      unsigned: null,
      collations: null,
      primaryKey: null,
      members: null,
      geometryTypes: null,
      visible: null,
    },
  };
}

interface Row {
  id: number;
  value: string | null;
}

function image(row: Row): Buffer {
  const id = Buffer.alloc(4);
  id.writeInt32LE(row.id);
  const value = row.value === null ? [] : [Buffer.from([row.value.length]), Buffer.from(row.value)];
  return Buffer.concat([Buffer.from([row.value === null ? 0b11111110 : 0b11111100]), id, ...value]);
}

const TYPES: Record<RowOperation, number> = { insert: 30, update: 31, delete: 32 };

function event(table: TableMap, operation: RowOperation, rows: Row[]): RowsEvent {
  const bitmaps = operation === 'update' ? [0xff, 0xff] : [0xff];
  return {
    table,
    operation,
    type: TYPES[operation],
    flags: 0,
    images: Buffer.concat(rows.map(image)),
    head: Buffer.from([2, 0, 2, ...bitmaps]),
  };
}

function parse(images: Buffer): Row[] {
  const rows: Row[] = [];
  for (let at = 0; at < images.length;) {
    const isNull = (images[at]! & 2) !== 0;
    const id = images.readInt32LE(at + 1);
    at += 5;
    if (isNull) rows.push({ id, value: null });
    else {
      rows.push({ id, value: images.toString('utf8', at + 1, at + 1 + images[at]!) });
      at += 1 + images[at]!;
    }
  }
  return rows;
}

/** A table that refuses what a strict server refuses. */
class Table {
  readonly rows = new Map<number, string | null>();

  apply(operation: RowOperation, images: Row[]): void {
    const step = operation === 'update' ? 2 : 1;
    for (let i = 0; i < images.length; i += step) {
      const row = images[i]!;
      if (operation === 'insert') {
        if (this.rows.has(row.id)) throw new Error(`duplicate key ${row.id}`);
        this.rows.set(row.id, row.value);
        continue;
      }
      if (this.rows.get(row.id) !== row.value || !this.rows.has(row.id)) throw new Error(`row ${row.id} is missing or differs`);
      this.rows.delete(row.id);
      if (operation === 'update') {
        const after = images[i + 1]!;
        if (this.rows.has(after.id)) throw new Error(`duplicate key ${after.id}`);
        this.rows.set(after.id, after.value);
      }
    }
  }

  applyRuns(runs: readonly RowRun[]): this {
    for (const run of runs) for (const images of run.images) this.apply(run.operation, parse(images));
    return this;
  }
}

const byKey = (map: TableMap): TablePlan => ({ kind: 'by-key', key: new RowKeyReader(map, [0]) });
const inOrder: TablePlan = { kind: 'in-order', join: true };

function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A valid history on few keys: inserts, updates (some of the key), deletes, in events of one to four rows. */
function randomHistory(map: TableMap, seed: number, steps: number): { before: Table; after: Table; events: RowsEvent[] } {
  const random = randomOf(seed);
  const after = new Table();
  for (let id = 0; id < 6; id++) if (random(2) === 0) after.rows.set(id, `first ${id}`);
  const before = new Table();
  for (const [id, value] of after.rows) before.rows.set(id, value);
  const events: RowsEvent[] = [];
  for (let step = 0; step < steps; step++) {
    const operation = (['insert', 'update', 'delete'] as const)[random(3)]!;
    const images: Row[] = [];
    for (let n = random(4); n >= 0; n--) {
      const id = random(10);
      const value = after.rows.get(id);
      const fresh = { id: random(10), value: random(5) === 0 ? null : `v${step}.${n}` };
      if (operation === 'insert' && value === undefined) images.push({ ...fresh, id });
      else if (operation === 'delete' && value !== undefined) images.push({ id, value });
      else if (operation === 'update' && value !== undefined) {
        const to = after.rows.has(fresh.id) ? id : fresh.id;
        images.push({ id, value }, { ...fresh, id: to });
      } else continue;
      after.apply(operation, images.slice(operation === 'update' ? -2 : -1));
    }
    if (images.length > 0) events.push(event(map, operation, images));
  }
  return { before, after, events };
}

describe('BatchPlan', () => {
  it('reaches the same final state as the events one by one, by key and in order', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const map = tableMap(seed);
      for (const plan of [byKey(map), inOrder]) {
        const { before, after, events } = randomHistory(map, seed, 30);
        const batch = new BatchPlan();
        for (const e of events) batch.add(e, plan);
        const { runs } = batch.finish();
        expect([...before.applyRuns(runs).rows].sort()).toEqual([...after.rows].sort());
      }
    }
  });

  it('writes each key at most once', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const map = tableMap(seed);
      const batch = new BatchPlan();
      for (const e of randomHistory(map, seed, 40).events) batch.add(e, byKey(map));
      const ids = batch.finish().runs.flatMap((run) => {
        const rows = run.images.flatMap(parse);
        return run.operation === 'update' ? rows.filter((_, i) => i % 2 === 0).map((r) => r.id) : rows.map((r) => r.id);
      });
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  it('counts rows as the source logged them', () => {
    const map = tableMap(1);
    const batch = new BatchPlan();
    batch.add(
      event(map, 'insert', [
        { id: 1, value: 'a' },
        { id: 2, value: 'b' },
      ]),
      byKey(map),
    );
    batch.add(
      event(map, 'update', [
        { id: 1, value: 'a' },
        { id: 1, value: 'c' },
      ]),
      byKey(map),
    );
    batch.add(event(map, 'delete', [{ id: 2, value: 'b' }]), byKey(map));
    const { runs, rows } = batch.finish();
    expect(rows).toEqual({ inserted: 2, updated: 1, deleted: 1 });
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ operation: 'insert', type: 30, rows: 1 });
    expect(runs[0]!.images.flatMap(parse)).toEqual([{ id: 1, value: 'c' }]);
  });

  it('joins delete and insert of one key to an update with two full bitmaps', () => {
    const map = tableMap(1);
    const batch = new BatchPlan();
    batch.add(event(map, 'delete', [{ id: 1, value: 'a' }]), byKey(map));
    batch.add(event(map, 'insert', [{ id: 1, value: null }]), byKey(map));
    const { runs } = batch.finish();
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ operation: 'update', type: 31, head: Buffer.from([2, 0, 2, 0xff, 0xff]) });
    expect(runs[0]!.images.flatMap(parse)).toEqual([
      { id: 1, value: 'a' },
      { id: 1, value: null },
    ]);
  });

  it('lets the database judge a row that contradicts what is known of its key', () => {
    const map = tableMap(1);
    const batch = new BatchPlan();
    batch.add(event(map, 'insert', [{ id: 1, value: 'a' }]), byKey(map));
    batch.add(
      event(map, 'insert', [
        { id: 2, value: 'b' },
        { id: 1, value: 'again' },
        { id: 3, value: 'c' },
      ]),
      byKey(map),
    );
    const { runs } = batch.finish();
    expect(runs.map((run) => run.images.flatMap(parse).map((row) => row.id))).toEqual([
      [1, 2],
      [1, 3],
    ]);
  });

  it('keeps the order of rows of two source tables that share one target table', () => {
    const [a, b] = [tableMap(1), tableMap(2)];
    const batch = new BatchPlan();
    batch.add(event(a, 'insert', [{ id: 7, value: 'here' }]), byKey(a));
    batch.add(event(a, 'delete', [{ id: 7, value: 'here' }]), byKey(a));
    batch.add(event(b, 'insert', [{ id: 7, value: 'moved' }]), byKey(b));
    batch.add(event(a, 'insert', [{ id: 8, value: 'new' }]), byKey(a));
    const { runs } = batch.finish();
    expect(runs.map((run) => [run.table.id, run.operation])).toEqual([
      [2, 'insert'],
      [1, 'insert'],
    ]);
  });

  it('keeps the flags of the session that wrote each row', () => {
    const map = tableMap(1);
    const batch = new BatchPlan();
    const NO_CHECK_CONSTRAINTS = 0x80;
    batch.add(event(map, 'insert', [{ id: 1, value: 'checked' }]), byKey(map));
    batch.add({ ...event(map, 'insert', [{ id: 2, value: 'not checked' }]), flags: NO_CHECK_CONSTRAINTS }, byKey(map));
    batch.add(
      event(map, 'update', [
        { id: 1, value: 'checked' },
        { id: 1, value: 'again' },
      ]),
      byKey(map),
    );
    expect(batch.finish().runs.map((run) => [run.operation, run.flags])).toEqual([
      ['insert', 0],
      ['insert', NO_CHECK_CONSTRAINTS],
      ['update', 0],
    ]);
  });

  it('keeps one order over all tables that foreign keys tie together', () => {
    const [parent, child] = [tableMap(1, 'parent'), tableMap(2, 'child')];
    const plan: TablePlan = { kind: 'global', join: true, cascades: false };
    const batch = new BatchPlan();
    batch.add(event(parent, 'insert', [{ id: 1, value: 'p' }]), plan);
    batch.add(event(parent, 'insert', [{ id: 2, value: 'p' }]), plan);
    batch.add(event(child, 'insert', [{ id: 1, value: 'c' }]), plan);
    batch.add(event(child, 'delete', [{ id: 1, value: 'c' }]), plan);
    batch.add(event(parent, 'delete', [{ id: 1, value: 'p' }]), plan);
    expect(batch.finish().runs.map((run) => [run.table.table, run.operation, run.rows])).toEqual([
      ['parent', 'insert', 2],
      ['child', 'insert', 1],
      ['child', 'delete', 1],
      ['parent', 'delete', 1],
    ]);
  });

  it('does not join events of tables whose rows the server finds by scanning', () => {
    const map = tableMap(1);
    const batch = new BatchPlan();
    for (const id of [1, 2]) batch.add(event(map, 'insert', [{ id, value: 'x' }]), { kind: 'in-order', join: false });
    expect(batch.finish().runs).toHaveLength(2);
  });
});
