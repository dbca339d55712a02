import type { PreparedBatch } from './batch-writer.ts';
import type { CheckpointStep } from './checkpoint.ts';
import { mayRunBeside, type Dependencies } from './dependencies.ts';

/** What a lane needs of its writer (BatchWriter). */
export interface LaneWriter {
  /** Writes rows without committing; false when that failed for a reason that another attempt can heal: it is rolled back then. */
  stage(batch: PreparedBatch): Promise<boolean>;
  /** Commits together with SQL that records that the rows are done. */
  commit(commitSql: string): Promise<void>;
  rollback(): Promise<void>;
  /** Rows and record, with all that is known about retries and divergence. */
  write(batch: PreparedBatch, commitSql: string): Promise<void>;
}

export interface LaneBatch {
  readonly batch: PreparedBatch;
  readonly step: CheckpointStep;
  /** Names of its transactions; empty where lanes commit in order. */
  readonly done: readonly string[];
  /** Moves the checkpoint behind this batch. */
  readonly advanceSql: string;
  readonly dependencies: Dependencies;
  /** Milliseconds from the first statement to the commit. */
  readonly onCommitted: (milliseconds: number) => void;
}

/** Several batches under way at once. */
export interface BatchLanes {
  readonly busy: boolean;
  /** Resolves when the batch is under way; rejects with the error of one before it. */
  start(work: LaneBatch): Promise<void>;
  /** Resolves when everything started is committed and the checkpoint is behind it; rejects with the first error. */
  settle(): Promise<void>;
}

/** Committed as staged, or written again after it or one before it had failed. */
type Outcome = 'clean' | 'redone';

interface Flight {
  readonly work: LaneBatch;
  readonly writer: LaneWriter;
  /** Rejects when the batch cannot be written. */
  outcome: Promise<Outcome>;
  /** Resolved by a batch before it that failed: give the locks back. */
  readonly stepAside: PromiseWithResolvers<'aside'>;
  /** Resolves when it holds no locks any more. */
  readonly released: PromiseWithResolvers<void>;
}

/**
 * Writes several batches at once where the source itself has declared their transactions independent, and commits them in the
 * order of the source, so that readers only ever see states that the source had. With one writer it is a queue of one.
 *
 * When a batch fails, those behind it are rolled back first (their locks may be the reason); then it and they are written one
 * after the other.
 */
export class Lanes implements BatchLanes {
  readonly #free: LaneWriter[];
  readonly #now: () => number;
  readonly #onFailure: (error: unknown) => void;
  readonly #flights: Flight[] = [];
  #redoing = false;

  /** `writers`: one per lane, each with a session of its own; `now` in milliseconds; `onFailure` hears the first error at once. */
  constructor(writers: readonly LaneWriter[], now: () => number, onFailure: (error: unknown) => void = () => undefined) {
    this.#free = [...writers];
    this.#now = now;
    this.#onFailure = onFailure;
  }

  get busy(): boolean {
    return this.#flights.length > 0;
  }

  async start(work: LaneBatch): Promise<void> {
    while (this.#flights.length > 0 && !this.#mayStart(work)) await this.#flights[0]!.outcome;
    const writer = this.#free.pop()!;
    const before = this.#flights.at(-1);
    const flight: Flight = {
      work,
      writer,
      outcome: Promise.resolve('clean'),
      stepAside: Promise.withResolvers(),
      released: Promise.withResolvers(),
    };
    this.#flights.push(flight);
    flight.outcome = this.#fly(flight, before).then((outcome) => {
      this.#flights.splice(this.#flights.indexOf(flight), 1);
      this.#free.push(writer);
      if (this.#flights.length === 0) this.#redoing = false;
      return outcome;
    });
    // Thrown where the outcome is awaited; until then it is nobody's unhandled rejection.
    flight.outcome.catch((error: unknown) => {
      flight.released.resolve();
      this.#onFailure(error);
    });
  }

  async settle(): Promise<void> {
    while (this.#flights.length > 0) await this.#flights[0]!.outcome;
  }

  #mayStart({ dependencies }: LaneBatch): boolean {
    return (
      this.#free.length > 0 &&
      !this.#redoing &&
      this.#flights.every((flight) => mayRunBeside(dependencies, flight.work.dependencies))
    );
  }

  async #fly(flight: Flight, before: Flight | undefined): Promise<Outcome> {
    const { writer, work } = flight;
    const started = this.#now();
    // Alone, a batch needs no second attempt by others' leave.
    if (before === undefined && this.#free.length === 0 && this.#flights.length === 1) {
      await writer.write(work.batch, work.advanceSql);
      work.onCommitted(this.#now() - started);
      return 'clean';
    }
    let outcome: Outcome = 'redone';
    if (await writer.stage(work.batch)) {
      const turn = before === undefined ? 'clean' : await Promise.race([before.outcome, flight.stepAside.promise]);
      if (turn === 'clean') {
        await writer.commit(work.advanceSql);
        outcome = 'clean';
      } else {
        await writer.rollback();
      }
    }
    flight.released.resolve();
    if (outcome === 'redone') {
      this.#redoing = true;
      if (before !== undefined) await before.outcome;
      const behind = this.#flights.slice(this.#flights.indexOf(flight) + 1);
      for (const other of behind) other.stepAside.resolve('aside');
      await Promise.all(behind.map((other) => other.released.promise));
      await writer.write(work.batch, work.advanceSql);
    }
    work.onCommitted(this.#now() - started);
    return outcome;
  }
}
