import type { RowOperation, RowsEvent } from '../../source/stream-item.ts';
import type { TableMap } from '../../source/table-map.ts';
import { RunBuilder } from './run-builder.ts';
import type { RowKey, RowKeyReader } from './row-key.ts';
import { rowsHeads, type RowsHeads } from './rows-head.ts';

/** Net change of one key so far. Nothing: inserted and deleted again. */
const NOTHING = 0;
const INSERT = 1;
const UPDATE = 2;
const DELETE = 3;

/** Images of one run are copied into buffers of at most about this size. */
const CHUNK_BYTES = 256 * 1024;

/**
 * The net change of each key of one table within one batch: update + update = first before-image with last after-image,
 * insert + update = insert, delete + insert = update, insert + delete = nothing, a changed key = delete + insert.
 *
 * Images stay where they were received; only their offsets are noted, and `runs` copies the surviving ones.
 */
export class KeyedRows {
  readonly #table: TableMap;
  readonly #key: RowKeyReader;
  readonly #heads: RowsHeads;
  /** Of all rows: a session that had checks off must not lend that to others, nor they theirs to it. */
  readonly flags: number;
  readonly #entryOf = new Map<RowKey, number>();
  readonly #state: number[] = [];
  readonly #before: Buffer[] = [];
  readonly #beforeStart: number[] = [];
  readonly #beforeEnd: number[] = [];
  readonly #after: Buffer[] = [];
  readonly #afterStart: number[] = [];
  readonly #afterEnd: number[] = [];

  constructor(event: RowsEvent, key: RowKeyReader) {
    this.#table = event.table;
    this.#key = key;
    this.#heads = rowsHeads(event);
    this.flags = event.flags;
  }

  /**
   * Takes rows of `event` from `offset` on; adds the number taken to `taken.rows` and returns the offset reached. Less than
   * the whole event is taken when a row contradicts what is known of its key (an insert of a key that exists): the rows
   * must then go to the database one after the other, so that it can judge.
   */
  add(event: RowsEvent, offset: number, taken: { rows: number }): number {
    const { images } = event;
    const length = images.length;
    const key = this.#key;
    while (offset < length) {
      const first = key.read(images, offset);
      const middle = key.end;
      let ok: boolean;
      let end = middle;
      switch (event.operation) {
        case 'insert':
          ok = this.#insert(first, images, offset, middle);
          break;
        case 'delete':
          ok = this.#delete(first, images, offset, middle);
          break;
        case 'update': {
          const second = key.read(images, middle);
          end = key.end;
          ok =
            first === second
              ? this.#update(first, images, offset, middle, end)
              : this.#move(first, second, images, offset, middle, end);
          break;
        }
        default:
          event.operation satisfies never;
          ok = false;
      }
      if (!ok) return offset;
      taken.rows++;
      offset = end;
    }
    return offset;
  }

  #insert(key: RowKey, images: Buffer, start: number, end: number): boolean {
    const entry = this.#entryOf.get(key);
    if (entry === undefined) {
      this.#push(key, INSERT, images, 0, 0, images, start, end);
      return true;
    }
    const state = this.#state[entry]!;
    if (state !== NOTHING && state !== DELETE) return false;
    this.#state[entry] = state === DELETE ? UPDATE : INSERT;
    this.#setAfter(entry, images, start, end);
    return true;
  }

  #delete(key: RowKey, images: Buffer, start: number, end: number): boolean {
    const entry = this.#entryOf.get(key);
    if (entry === undefined) {
      this.#push(key, DELETE, images, start, end, images, 0, 0);
      return true;
    }
    const state = this.#state[entry]!;
    if (state !== INSERT && state !== UPDATE) return false;
    this.#state[entry] = state === INSERT ? NOTHING : DELETE;
    return true;
  }

  #update(key: RowKey, images: Buffer, start: number, middle: number, end: number): boolean {
    const entry = this.#entryOf.get(key);
    if (entry === undefined) {
      this.#push(key, UPDATE, images, start, middle, images, middle, end);
      return true;
    }
    const state = this.#state[entry]!;
    if (state !== INSERT && state !== UPDATE) return false;
    this.#setAfter(entry, images, middle, end);
    return true;
  }

  #move(from: RowKey, to: RowKey, images: Buffer, start: number, middle: number, end: number): boolean {
    const target = this.#entryOf.get(to);
    const free = target === undefined || this.#state[target] === NOTHING || this.#state[target] === DELETE;
    return free && this.#delete(from, images, start, middle) && this.#insert(to, images, middle, end);
  }

  #push(key: RowKey, state: number, before: Buffer, bs: number, be: number, after: Buffer, as: number, ae: number): void {
    this.#entryOf.set(key, this.#state.length);
    this.#state.push(state);
    this.#before.push(before);
    this.#beforeStart.push(bs);
    this.#beforeEnd.push(be);
    this.#after.push(after);
    this.#afterStart.push(as);
    this.#afterEnd.push(ae);
  }

  #setAfter(entry: number, images: Buffer, start: number, end: number): void {
    this.#after[entry] = images;
    this.#afterStart[entry] = start;
    this.#afterEnd[entry] = end;
  }

  /** The net changes: each key stands in at most one run, so the runs may be applied in any order. */
  runs(): RunBuilder[] {
    const runs: RunBuilder[] = [];
    for (const [state, operation] of [
      [DELETE, 'delete'],
      [UPDATE, 'update'],
      [INSERT, 'insert'],
    ] as const) {
      const run = this.#run(state, operation);
      if (run.rows > 0) runs.push(run);
    }
    return runs;
  }

  #run(state: number, operation: RowOperation): RunBuilder {
    const { type, head } = this.#heads[operation];
    const run = new RunBuilder(this.#table, operation, type, this.flags, head);
    const entries = this.#state.length;
    let entry = 0;
    while (entry < entries) {
      // First how many entries fit one buffer, then the copy: no buffer is ever grown.
      let size = 0;
      let until = entry;
      while (until < entries && size < CHUNK_BYTES) {
        if (this.#state[until] === state) size += this.#imageBytes(until, state);
        until++;
      }
      if (size === 0) break;
      const chunk = Buffer.allocUnsafe(size);
      let at = 0;
      let rows = 0;
      for (; entry < until; entry++) {
        if (this.#state[entry] !== state) continue;
        if (state !== INSERT) at += this.#before[entry]!.copy(chunk, at, this.#beforeStart[entry], this.#beforeEnd[entry]);
        if (state !== DELETE) at += this.#after[entry]!.copy(chunk, at, this.#afterStart[entry], this.#afterEnd[entry]);
        rows++;
      }
      run.add(chunk, rows);
    }
    return run;
  }

  #imageBytes(entry: number, state: number): number {
    const before = this.#beforeEnd[entry]! - this.#beforeStart[entry]!;
    const after = this.#afterEnd[entry]! - this.#afterStart[entry]!;
    return state === INSERT ? after : state === DELETE ? before : before + after;
  }
}
