import { rowShape } from '../../source/row-shape.ts';
import type { RowsEvent } from '../../source/stream-item.ts';
import type { TableMap } from '../../source/table-map.ts';
import type { RowTotals } from '../checkpoint.ts';
import type { RowRun } from '../row-run.ts';
import { KeyedRows } from './keyed-rows.ts';
import { RunBuilder } from './run-builder.ts';
import type { RowKeyReader } from './row-key.ts';
import type { TablePlan } from './table-plan.ts';

const PARTIAL_UPDATE_ROWS = 39;

export interface PlannedBatch {
  /** In the order in which they must be written. */
  readonly runs: readonly RowRun[];
  /** Rows as the source logged them, before compaction. */
  readonly rows: RowTotals;
}

/** Rows of one target table that keep their order, and behind them a part that is compacted by key. */
interface TableQueue {
  readonly done: RunBuilder[];
  keyed: KeyedRows | null;
  /** Two source tables feed this one in this batch: their rows keep their order. */
  mixed: boolean;
}

/**
 * Joins the rows events of many source transactions into as few runs as is safe for one target transaction.
 * What may be reordered is decided per table (TablePlan); the final state is always the source's after the last event.
 */
export class BatchPlan {
  readonly #queues = new Map<string, TableQueue>();
  readonly #byMap = new Map<TableMap, TableQueue>();
  readonly #global: RunBuilder[] = [];
  readonly #taken = { rows: 0 };
  #inserted = 0;
  #updated = 0;
  #deleted = 0;
  bytes = 0;

  /** Rows taken so far, as the source logged them. */
  get rows(): number {
    return this.#inserted + this.#updated + this.#deleted;
  }

  add(event: RowsEvent, plan: TablePlan): void {
    this.bytes += event.images.length;
    const compactable = plan.kind === 'by-key' && event.type !== PARTIAL_UPDATE_ROWS;
    if (plan.kind === 'global') {
      this.#append(this.#global, event, plan.join);
      return;
    }
    const queue = this.#queueOf(event);
    if (compactable && !queue.mixed) this.#addKeyed(queue, event, plan.key);
    else {
      seal(queue);
      this.#append(queue.done, event, plan.kind === 'by-key' || plan.join);
    }
  }

  /** All runs: tables without foreign keys first, in any order among each other, then the tables tied by foreign keys. */
  finish(): PlannedBatch {
    const runs: RowRun[] = [];
    for (const queue of this.#queues.values()) {
      seal(queue);
      runs.push(...queue.done);
    }
    runs.push(...this.#global);
    return { runs, rows: { inserted: this.#inserted, updated: this.#updated, deleted: this.#deleted } };
  }

  #queueOf(event: RowsEvent): TableQueue {
    let queue = this.#byMap.get(event.table);
    if (queue !== undefined) return queue;
    const route = event.table.route!;
    const name = `${route.schema}\0${route.table}`;
    queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = { done: [], keyed: null, mixed: false };
      this.#queues.set(name, queue);
    } else {
      seal(queue);
      queue.mixed = true;
    }
    this.#byMap.set(event.table, queue);
    return queue;
  }

  #addKeyed(queue: TableQueue, event: RowsEvent, key: RowKeyReader): void {
    if (queue.keyed !== null && queue.keyed.flags !== event.flags) seal(queue);
    this.#taken.rows = 0;
    let offset = 0;
    for (;;) {
      queue.keyed ??= new KeyedRows(event, key);
      offset = queue.keyed.add(event, offset, this.#taken);
      if (offset >= event.images.length) break;
      // A row contradicts what is known of its key: all before it goes to the database first, which then judges the row.
      seal(queue);
    }
    this.#count(event, this.#taken.rows);
  }

  #append(runs: RunBuilder[], event: RowsEvent, join: boolean): void {
    const rows = countRows(event);
    this.#count(event, rows);
    let run = runs.at(-1);
    if (run === undefined || !join || !run.accepts(event)) {
      run = RunBuilder.of(event);
      runs.push(run);
    }
    run.add(event.images, rows);
  }

  #count(event: RowsEvent, rows: number): void {
    switch (event.operation) {
      case 'insert':
        this.#inserted += rows;
        break;
      case 'update':
        this.#updated += rows;
        break;
      case 'delete':
        this.#deleted += rows;
        break;
      default:
        event.operation satisfies never;
    }
  }
}

function seal(queue: TableQueue): void {
  if (queue.keyed === null) return;
  queue.done.push(...queue.keyed.runs());
  queue.keyed = null;
}

function countRows(event: RowsEvent): number {
  const { images } = event;
  const shape = rowShape(event.table);
  if (event.type === PARTIAL_UPDATE_ROWS) return shape.countPartialUpdates(images);
  let count = 0;
  for (let offset = 0; offset < images.length; count++) offset = shape.end(images, offset);
  return event.operation === 'update' ? count / 2 : count;
}
