import type { StatementItem, StreamItem, TransactionItem, TransactionPartItem, XaItem } from '../source/stream-item.ts';
import type { TableMap } from '../source/table-map.ts';
import type { BatchWriter } from '../target/batch-writer.ts';
import type { CheckpointStep, RowTotals } from '../target/checkpoint.ts';
import { BatchPlan } from '../target/plan/batch-plan.ts';
import type { TablePlan } from '../target/plan/table-plan.ts';
import { DependencySum } from '../target/dependencies.ts';
import { finishedKey, type FinishedSet } from '../target/finished.ts';
import type { BatchLanes } from '../target/lanes.ts';
import { NO_FOREIGN_KEY_CHECKS } from '../target/row-flags.ts';
import type { PositionTracker } from '../source/position-tracker.ts';
import type { ByteQueue } from './byte-queue.ts';
import type { CatchUp, Treatment } from './catch-up.ts';
import { joinDelay, type JoinState } from './join-delay.ts';
import type { PreparedRows } from './xa-store.ts';

export interface ApplyLimits {
  readonly maxBatchRows: number;
  readonly maxBatchBytes: number;
  readonly maxBatchDelayMs: number;
  /** How often a position without rows (filtered transactions, heartbeats) is stored, milliseconds. */
  readonly idleCheckpointMs: number;
}

/** What the loop knows of a table: how its rows may be joined. Loading asks the target, and may refuse the table. */
export interface TablePlans {
  get(map: TableMap): TablePlan | undefined;
  load(maps: readonly TableMap[]): Promise<void>;
}

/** Statements and XA transactions: each is a barrier, applied alone. They advance the checkpoint themselves. */
export interface BarrierHandlers {
  statement(item: StatementItem, step: CheckpointStep): Promise<void>;
  /** Keeps rows within the open transaction, which xaPrepare commits. */
  xaPart(item: XaItem): Promise<void>;
  xaPrepare(item: XaItem, step: CheckpointStep): Promise<void>;
  xaRollback(item: XaItem, step: CheckpointStep): Promise<void>;
  /** The prepared rows piece by piece, to be applied and forgotten in one transaction. Throws LK1408 when there are none. */
  xaRows(item: XaItem): AsyncIterable<PreparedRows>;
  xaForget(item: XaItem): Promise<void>;
}

/** Asked before each write: a worker that may have lost its leadership waits here. Rejects when the term is over. */
export interface WriteGate {
  readonly open: boolean;
  wait(): Promise<void>;
}

export interface AppliedBatch {
  readonly step: CheckpointStep;
  readonly bytes: number;
  readonly milliseconds: number;
}

export interface ApplyLoopOptions {
  readonly queue: ByteQueue<StreamItem>;
  /** Writes what stands alone, when nothing else is under way. */
  readonly writer: BatchWriter;
  /** SQL that moves the checkpoint; fails for an old leader. */
  readonly advanceSql: (step: CheckpointStep) => string;
  /** How several batches are written at once. */
  readonly makeLanes: (onFailure: (error: unknown) => void) => BatchLanes;
  /** Lanes commit in any order, so each batch carries the names of its transactions. */
  readonly recordsFinished: boolean;
  /** What an earlier leader finished ahead of the checkpoint. */
  readonly finished: FinishedSet;
  readonly plans: TablePlans;
  readonly tracker: PositionTracker;
  readonly barriers: BarrierHandlers;
  readonly catchUp: CatchUp;
  readonly gate: WriteGate;
  readonly limits: ApplyLimits;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly onApplied: (batch: AppliedBatch) => void;
}

/** A transaction whose rows are in the target already. */
const NOTHING: Treatment = { events: [], careful: false, mixed: false };
const NO_ROWS: RowTotals = { inserted: 0, updated: 0, deleted: 0 };

/**
 * Takes items from the source in order, joins transactions while the target is busy, and writes each batch as one target
 * transaction. While batches are being written (one, or as many as there are lanes) the next one is planned and encoded.
 */
export class ApplyLoop {
  readonly #options: ApplyLoopOptions;
  #plan = new BatchPlan();
  #transactions = 0;
  #careful = false;
  #format: Buffer | null = null;
  readonly #lanes: BatchLanes;
  readonly #writer: BatchWriter;
  readonly #dependencies = new DependencySum();
  #done: string[] = [];
  #failed: { readonly error: unknown } | null = null;
  #openParts: RowTotals | null = null;
  #pendingPosition = false;
  #lastCheckpointAt: number;
  #stopping = false;
  #join: JoinState = { commitMs: 0, arrivals: 0 };
  /** Commit time at the source of the first transaction that is collected, microseconds; null while there is none. */
  #collectedSince: number | null = null;
  /** The same for the batches that are being written, the oldest first. */
  readonly #writingSince: { readonly micros: number }[] = [];

  constructor(options: ApplyLoopOptions) {
    this.#options = options;
    this.#writer = options.writer;
    this.#lanes = options.makeLanes((error) => {
      this.#failed ??= { error };
      options.queue.fail(error);
    });
    this.#lastCheckpointAt = options.now();
  }

  /** When the oldest transaction that was taken and is not applied was committed at the source, microseconds; null when there is none. */
  get oldestMicros(): number | null {
    return this.#writingSince[0]?.micros ?? this.#collectedSince;
  }

  /** Applies until the queue ends (clean stop) or something fails. Whole transactions taken from the queue are committed first. */
  async run(): Promise<void> {
    const { queue } = this.#options;
    for (;;) {
      if (this.#failed !== null) throw this.#failed.error;
      const items = queue.poll();
      for (const item of items) {
        if (this.#stopping) break;
        await this.#accept(item);
      }
      this.#join = { ...this.#join, arrivals: items.length };
      if (this.#stopping || queue.ended) break;
      if (queue.length === 0) await this.#idle();
    }
    await this.#finish();
    // The queue may have ended with an error while its last items were applied.
    if (!this.#stopping) await queue.ready();
  }

  /** Stops after the batch at hand: what is left in the queue comes again after the next start. */
  stop(): void {
    this.#stopping = true;
    this.#options.queue.close();
  }

  async #finish(): Promise<void> {
    if (this.#openParts !== null) {
      await this.#settle();
      await this.#writer.rollback();
      return;
    }
    await this.#submit();
    await this.#settle();
  }

  /** Nothing is queued: write what is collected as soon as the target is free, else wait for the first item. */
  async #idle(): Promise<void> {
    const { queue, limits, now, sleep } = this.#options;
    if (this.#transactions > 0 && this.#plan.rows > 0) {
      if (this.#lanes.busy) {
        await this.#settle();
        return;
      }
      const delay = joinDelay(this.#join, limits.maxBatchDelayMs);
      if (delay > 0) {
        await sleep(delay);
        this.#join = { ...this.#join, arrivals: 0 };
        if (queue.length > 0) return;
      }
      await this.#submit();
      return;
    }
    if (this.#pendingPosition) {
      const wait = this.#lastCheckpointAt + limits.idleCheckpointMs - now();
      if (wait <= 0) {
        await this.#submit();
        return;
      }
      await Promise.race([queue.ready(), sleep(wait)]);
      return;
    }
    await queue.ready();
  }

  async #accept(item: StreamItem): Promise<void> {
    if ('head' in item) this.#collectedSince ??= item.head.commitMicros;
    switch (item.kind) {
      case 'transaction':
        return this.#acceptTransaction(item);
      case 'part':
        return this.#acceptPart(item);
      case 'heartbeat':
        this.#options.tracker.moveTo(item.end);
        this.#pendingPosition = true;
        return;
      case 'restart':
        if (this.#openParts !== null) await this.#writer.rollback();
        this.#openParts = null;
        // What another server says of dependencies does not compare with what this one said.
        await this.#drain();
        this.#options.tracker.restart(item);
        return;
      case 'statement':
        await this.#drain();
        this.#options.tracker.take(item);
        await this.#gated(() => this.#options.barriers.statement(item, this.#step(item.beforeRows ? 0 : 1, NO_ROWS)));
        this.#checkpointed();
        return;
      case 'xa-part':
        await this.#openXa(item);
        await this.#gated(() => this.#options.barriers.xaPart(item));
        return;
      case 'xa-prepare':
        await this.#openXa(item);
        this.#openParts = null;
        this.#options.tracker.advance(item.head, item.end);
        await this.#gated(() => this.#options.barriers.xaPrepare(item, this.#step(1, NO_ROWS)));
        this.#checkpointed();
        return;
      case 'xa-rollback':
        await this.#drain();
        this.#options.tracker.advance(item.head, item.end);
        await this.#gated(() => this.#options.barriers.xaRollback(item, this.#step(1, NO_ROWS)));
        this.#checkpointed();
        return;
      case 'xa-commit':
        return this.#acceptXaCommit(item);
      default:
        item satisfies never;
    }
  }

  async #acceptTransaction(item: TransactionItem): Promise<void> {
    const { tracker, limits, catchUp, finished } = this.#options;
    const again = finished.take(finishedKey(item.head.gtid, item.end));
    const treatment = again ? NOTHING : catchUp.treat(item);
    if (this.#plan.rows > 0 && (treatment.careful !== this.#careful || !this.#sameFormat(item.format))) await this.#submit();
    this.#careful = treatment.careful;
    this.#format = item.format;
    await this.#add(treatment);
    tracker.advance(item.head, item.end);
    this.#dependencies.add(item.head, item.end.journal);
    if (this.#options.recordsFinished) this.#done.push(finishedKey(item.head.gtid, item.end));
    this.#transactions++;
    this.#pendingPosition = true;
    if (this.#plan.rows >= limits.maxBatchRows || this.#plan.bytes >= limits.maxBatchBytes) await this.#submit();
  }

  /**
   * Where tables are not of one moment a row may stand without its parent for a while, so foreign keys are not looked at: only those
   * that must carry something out are, and all tables that they tie are of one moment (see tiedGroups).
   */
  async #add({ events, mixed }: Treatment): Promise<void> {
    const { plans } = this.#options;
    for (const event of events) {
      let plan = plans.get(event.table);
      if (plan === undefined) {
        // Tables are read on the first lane's session: never between a statement and the look at its warnings, or amid a commit.
        await this.#settle();
        await plans.load(events.map((e) => e.table));
        plan = plans.get(event.table)!;
      }
      const unchecked = mixed && plan.kind === 'global' && !plan.cascades;
      this.#plan.add(unchecked ? { ...event, flags: event.flags | NO_FOREIGN_KEY_CHECKS } : event, plan);
    }
  }

  #sameFormat(format: Buffer): boolean {
    return this.#format === format || this.#format === null || this.#format.equals(format);
  }

  async #acceptPart(item: TransactionPartItem): Promise<void> {
    const { catchUp, tracker } = this.#options;
    const writer = this.#writer;
    if (item.first) await this.#drain();
    const before = item.first ? NO_ROWS : this.#openParts!;
    const treatment = catchUp.treat(item);
    await this.#add(treatment);
    const planned = this.#takePlan();
    const batch = writer.prepare(planned.runs, item.format, treatment.careful);
    await this.#gated(() => writer.writePart(batch, item.first));
    this.#openParts = addRows(before, planned.rows);
    if (!item.last) return;
    tracker.advance(item.head, item.end);
    const step = this.#step(1, this.#openParts);
    await this.#gated(() => writer.commit(this.#options.advanceSql(step)));
    this.#openParts = null;
    this.#checkpointed();
    this.#options.onApplied({ step, bytes: item.bytes, milliseconds: 0 });
  }

  /** The target transaction that takes the rows of an XA transaction is open when this resolves. */
  async #openXa({ first, format }: XaItem): Promise<void> {
    if (!first) return;
    await this.#drain();
    // Committed in one phase, they are applied within this transaction.
    await this.#writer.begin(format);
    this.#openParts = NO_ROWS;
  }

  async #acceptXaCommit(item: XaItem): Promise<void> {
    const { barriers, catchUp, tracker } = this.#options;
    const writer = this.#writer;
    await this.#drain();
    let rows = NO_ROWS;
    for await (const { events, format } of barriers.xaRows(item)) {
      // A first copy saw these rows or not as of the verdict, not of the preparation.
      const treatment = catchUp.treat({ head: item.head, end: item.end, events });
      await this.#add(treatment);
      const planned = this.#takePlan();
      const batch = writer.prepare(planned.runs, format, treatment.careful);
      await this.#gated(() => writer.writePart(batch, this.#openParts === null));
      this.#openParts = rows = addRows(rows, planned.rows);
    }
    await barriers.xaForget(item);
    tracker.advance(item.head, item.end);
    const step = this.#step(1, rows);
    await this.#gated(() => writer.commit(this.#options.advanceSql(step)));
    this.#openParts = null;
    this.#checkpointed();
    this.#options.onApplied({ step, bytes: item.bytes, milliseconds: 0 });
  }

  /** Everything collected is committed when this resolves. */
  async #drain(): Promise<void> {
    await this.#submit();
    await this.#settle();
  }

  async #settle(): Promise<void> {
    await this.#lanes.settle();
  }

  /** Encodes the collected batch while those before it are still being written, then sends it. */
  async #submit(): Promise<void> {
    if (this.#transactions === 0 && !this.#pendingPosition) return;
    const { gate, onApplied } = this.#options;
    const bytes = this.#plan.bytes;
    const planned = this.#takePlan();
    const batch = this.#writer.prepare(planned.runs, this.#format ?? Buffer.alloc(0), this.#careful);
    const step = this.#step(this.#transactions, planned.rows);
    const dependencies = this.#dependencies.take();
    const done = this.#done;
    this.#done = [];
    this.#transactions = 0;
    const since = this.#collectedSince;
    const writing = since === null ? null : { micros: since };
    if (writing !== null) this.#writingSince.push(writing);
    this.#checkpointed();
    await gate.wait();
    const onCommitted = (milliseconds: number) => {
      if (writing !== null) this.#writingSince.splice(this.#writingSince.indexOf(writing), 1);
      this.#join = { ...this.#join, commitMs: milliseconds };
      onApplied({ step, bytes, milliseconds });
    };
    await this.#lanes.start({ batch, step, advanceSql: this.#options.advanceSql(step), done, dependencies, onCommitted });
  }

  #takePlan(): ReturnType<BatchPlan['finish']> {
    const planned = this.#plan.finish();
    this.#plan = new BatchPlan();
    return planned;
  }

  #step(transactions: number, rows: RowTotals): CheckpointStep {
    return { position: this.#options.tracker.position(), transactions, rows };
  }

  #checkpointed(): void {
    this.#pendingPosition = false;
    this.#collectedSince = null;
    this.#lastCheckpointAt = this.#options.now();
  }

  async #gated(write: () => Promise<void>): Promise<void> {
    await this.#options.gate.wait();
    await write();
  }
}

function addRows(a: RowTotals, b: RowTotals): RowTotals {
  return { inserted: a.inserted + b.inserted, updated: a.updated + b.updated, deleted: a.deleted + b.deleted };
}
