import type { CheckpointStep } from './checkpoint.ts';
import { mayRunBeside } from './dependencies.ts';
import type { LaneRecord } from './finished.ts';
import type { BatchLanes, LaneBatch, LaneWriter } from './lanes.ts';

/** A writer with the record of its lane. */
export interface RecordedLane {
  readonly writer: LaneWriter;
  readonly record: LaneRecord;
}

export interface UnorderedLanesOptions {
  readonly lanes: readonly RecordedLane[];
  /** SQL that moves the checkpoint; fails for an old leader. */
  readonly advanceSql: (step: CheckpointStep) => string;
  readonly now: () => number;
  readonly onFailure: (error: unknown) => void;
}

interface Flight {
  readonly number: number;
  readonly work: LaneBatch;
  committed: boolean;
  /** Resolves when it is committed; rejects when it cannot be written. */
  outcome: Promise<void>;
}

/**
 * Writes independent batches at once and commits each as soon as it is ready (`apply.ordered: false`): readers may see a later
 * transaction before an earlier one that it does not depend on. What is finished ahead of the checkpoint is recorded by lane; the
 * checkpoint follows behind the longest unbroken run of finished batches.
 */
export class UnorderedLanes implements BatchLanes {
  readonly #options: UnorderedLanesOptions;
  readonly #free: RecordedLane[];
  #flights: Flight[] = [];
  #started = 0;
  #checkpointed = 0;

  constructor(options: UnorderedLanesOptions) {
    this.#options = options;
    this.#free = [...options.lanes];
  }

  get busy(): boolean {
    return this.#flights.length > 0;
  }

  async start(work: LaneBatch): Promise<void> {
    for (;;) {
      const open = this.#flights.filter((flight) => !flight.committed);
      const independent = open.every((flight) => mayRunBeside(work.dependencies, flight.work.dependencies));
      if (independent && this.#free.length > 0) break;
      await Promise.race(open.map((flight) => flight.outcome));
    }
    const lane = this.#free.pop()!;
    const flight: Flight = { number: ++this.#started, work, committed: false, outcome: Promise.resolve() };
    this.#flights.push(flight);
    flight.outcome = this.#fly(flight, lane);
    flight.outcome.catch((error: unknown) => this.#options.onFailure(error));
  }

  async settle(): Promise<void> {
    while (this.#flights.length > 0) await Promise.all(this.#flights.map((flight) => flight.outcome));
  }

  async #fly(flight: Flight, { writer, record }: RecordedLane): Promise<void> {
    const { work, number } = flight;
    const { now, advanceSql } = this.#options;
    const started = now();
    await writer.write(work.batch, record.finishSql(number, work.done, this.#checkpointed));
    flight.committed = true;
    work.onCommitted(now() - started);
    // Only the oldest may move the checkpoint, over all that are committed behind it.
    while (this.#flights[0] === flight) {
      const run = unbroken(this.#flights);
      await writer.commit(advanceSql(sumSteps(run.map((done) => done.work.step))));
      this.#checkpointed = run.at(-1)!.number;
      this.#flights = this.#flights.slice(run.length);
      if (this.#flights[0]?.committed !== true) break;
      flight = this.#flights[0];
    }
    this.#free.push({ writer, record });
  }
}

function unbroken(flights: readonly Flight[]): Flight[] {
  const end = flights.findIndex((flight) => !flight.committed);
  return flights.slice(0, end < 0 ? flights.length : end);
}

/** One step that goes where the last one goes and counts what all of them count. */
export function sumSteps(steps: readonly CheckpointStep[]): CheckpointStep {
  return steps.reduce((sum, step) => ({
    position: step.position,
    transactions: sum.transactions + step.transactions,
    rows: {
      inserted: sum.rows.inserted + step.rows.inserted,
      updated: sum.rows.updated + step.rows.updated,
      deleted: sum.rows.deleted + step.rows.deleted,
    },
  }));
}
