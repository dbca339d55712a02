import { LockkeeperError } from '../../common/errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { applyError, type ApplyFailure } from './apply-error.ts';
import type { LaneWriter } from './lanes.ts';
import { RawWriter, type RawStatements } from './raw/raw-writer.ts';
import type { RowRun } from './row-run.ts';
import type { TargetSession } from './session.ts';
import { Divergence, type DivergenceReport, type SqlWriter } from './sql/sql-writer.ts';

/** How the rows of one table reach the target. */
export type WriteMode = 'raw' | 'sql';

/** Consecutive runs that take the same way into the target. */
type Segment = RawStatements | { readonly kind: 'sql' | 'careful'; readonly runs: readonly RowRun[] };

export interface PreparedBatch {
  readonly segments: readonly Segment[];
  /** The same rows, for the careful way behind a divergence. */
  readonly runs: readonly RowRun[];
  /** The FORMAT_DESCRIPTION event under which the rows were logged. */
  readonly format: Buffer;
  /** Write row by row from the start: rows may already be there (catching up after a first copy), and are written over. */
  readonly careful: boolean;
}

export interface WriteHooks {
  /** Named points at which tests stop the process. */
  failpoint(name: string): Promise<void> | void;
  /** `expected`: the rows came from a batch that was careful from the start. */
  onDivergence(report: DivergenceReport, expected: boolean): void;
  onRetry(failure: ApplyFailure, attempt: number): void;
  sleep(milliseconds: number): Promise<void>;
  random(): number;
}

export interface BatchWriterOptions {
  readonly session: TargetSession;
  readonly checkpoint: Checkpoint;
  readonly sql: SqlWriter;
  readonly modeOf: (run: RowRun) => WriteMode;
  /** Why rows of this table must not be written as statements, though Raw may replay them; null when nothing stands against it. */
  readonly sqlFault: (run: RowRun) => LockkeeperError | null;
  /** BINLOG can be used on this session. */
  readonly replays: boolean;
  readonly retries: number;
  readonly hooks: WriteHooks;
}

/**
 * Writes one target transaction: rows of many source transactions and the checkpoint that covers them, or nothing at all.
 *
 * Deadlocks and lock waits are tried again; a row that is missing or exists already sends the batch row by row through the
 * SQL writer, which knows the divergence policy; a lost connection leaves the outcome to the checkpoint in the target, so
 * the error goes up and the pipeline starts again from what is stored there.
 */
export class BatchWriter implements LaneWriter {
  readonly #options: BatchWriterOptions;
  readonly #raw: RawWriter;

  constructor(options: BatchWriterOptions) {
    this.#options = options;
    this.#raw = new RawWriter(options.session);
  }

  /** CPU work only; may run while another batch is being written. */
  prepare(runs: readonly RowRun[], format: Buffer, careful: boolean): PreparedBatch {
    const { modeOf, sqlFault } = this.#options;
    // Rows that must not be written as statements are replayed whatever is there.
    const wayOf = (run: RowRun) => (!careful ? modeOf(run) : sqlFault(run) === null ? 'careful' : 'raw');
    const segments: Segment[] = [];
    let from = 0;
    while (from < runs.length) {
      const way = wayOf(runs[from]!);
      let to = from + 1;
      while (to < runs.length && wayOf(runs[to]!) === way) to++;
      const part = runs.slice(from, to);
      segments.push(way === 'raw' ? this.#raw.prepare(part, format) : { kind: way, runs: part });
      from = to;
    }
    return { segments, runs, format, careful };
  }

  /** Resolves when the rows are committed together with `commitSql`, which records that they are done or fails for an old leader. */
  async write(batch: PreparedBatch, commitSql: string): Promise<void> {
    let careful = batch.careful;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#useFormats(batch);
        await this.#writeRows(batch, careful);
        await this.commit(commitSql);
        return;
      } catch (error) {
        const failure = await this.#failure(error);
        if (failure.kind === 'fatal' || failure.kind === 'connection') throw failure.error;
        await this.#options.session.rollback();
        if (failure.kind === 'divergence') {
          this.#allowCare(batch, careful, failure.error);
          careful = true;
          continue;
        }
        await this.#backOff(failure, attempt);
      }
    }
  }

  /**
   * Writes rows and leaves the transaction open, for a commit in turn. False when that failed for a reason that writing again
   * can heal; everything is rolled back then.
   */
  async stage(batch: PreparedBatch): Promise<boolean> {
    if (batch.careful) return false;
    try {
      await this.#useFormats(batch);
      await this.#writeRows(batch, false);
      return true;
    } catch (error) {
      const failure = await this.#failure(error);
      if (failure.kind === 'fatal' || failure.kind === 'connection') throw failure.error;
      await this.#options.session.rollback();
      return false;
    }
  }

  /** Makes the session know the format of rows to come. Between transactions only: it commits. */
  async begin(format: Buffer): Promise<void> {
    if (this.#options.replays) await this.#raw.useFormat(format);
  }

  /**
   * Writes a piece of a transaction that is too large for memory, without committing. A divergence repeats only this piece:
   * the pieces before it stay in the open transaction.
   */
  async writePart(batch: PreparedBatch, first: boolean): Promise<void> {
    const { session } = this.#options;
    // Pieces behind the first may need the format where this one does not.
    if (first) await this.begin(batch.format);
    await session.query('SAVEPOINT lockkeeper_part');
    try {
      await this.#writeRows(batch, batch.careful);
    } catch (error) {
      const failure = await this.#failure(error);
      if (failure.kind !== 'divergence') throw failure.error;
      this.#allowCare(batch, batch.careful, failure.error);
      await session.query('ROLLBACK TO SAVEPOINT lockkeeper_part');
      try {
        await this.#writeCarefully(batch.runs, false);
      } catch (again) {
        throw (await this.#failure(again)).error;
      }
    }
  }

  /** Records and commits, in one packet: an error before COMMIT leaves the transaction open and uncommitted. */
  async commit(commitSql: string): Promise<void> {
    const { session, checkpoint, hooks } = this.#options;
    await hooks.failpoint('before-commit');
    try {
      await session.query(`${commitSql};COMMIT`);
    } catch (error) {
      throw checkpoint.explain(error);
    }
    await hooks.failpoint('after-commit');
  }

  async rollback(): Promise<void> {
    await this.#options.session.rollback();
  }

  /**
   * Whether a batch can go row by row through the SQL writer: not when it did already, and not when it has rows that must be replayed
   * whatever is there. A careful batch replays only these, so what diverged without the SQL writer were they.
   */
  #allowCare(batch: PreparedBatch, careful: boolean, divergence: Error): void {
    if (careful && divergence instanceof Divergence) throw divergence;
    for (const run of batch.runs) {
      const fault = this.#options.sqlFault(run);
      if (fault !== null) throw fault;
    }
    if (careful) throw divergence;
  }

  async #useFormats(batch: PreparedBatch): Promise<void> {
    for (const segment of batch.segments) if (segment.kind === 'raw') await this.#raw.useFormat(segment.format);
  }

  async #writeRows(batch: PreparedBatch, careful: boolean): Promise<void> {
    const { sql, hooks } = this.#options;
    await hooks.failpoint('before-rows');
    if (careful && !batch.careful) {
      await this.#writeCarefully(batch.runs, false);
    } else {
      for (const segment of batch.segments) {
        if (segment.kind === 'raw') await this.#raw.write(segment);
        else if (segment.kind === 'sql') await sql.write(segment.runs);
        else await this.#writeCarefully(segment.runs, true);
      }
    }
    await hooks.failpoint('after-rows');
  }

  /** `expected`: the rows may be there already, and are written over. */
  async #writeCarefully(runs: readonly RowRun[], expected: boolean): Promise<void> {
    const { sql, hooks } = this.#options;
    hooks.onDivergence(await sql.writeCarefully(runs, expected ? 'Repair' : undefined), expected);
  }

  /**
   * A row that does not fit what the target holds may only mean that a newer leader has moved the target on: the rows are written
   * before the fence is reached, so it is asked before anything is concluded from them. A refusal by a server that does not answer
   * afterwards was its end, not a judgement.
   */
  async #failure(error: unknown): Promise<ApplyFailure> {
    const { session, checkpoint } = this.#options;
    const explained = checkpoint.explain(error);
    const failure: ApplyFailure = error instanceof Divergence ? { kind: 'divergence', error } : applyError(explained);
    if (failure.kind === 'retry' || failure.kind === 'connection' || explained !== error) return failure;
    try {
      await session.query(checkpoint.fenceSql());
      return failure;
    } catch (refusal) {
      const verdict = checkpoint.explain(refusal);
      const fence = applyError(verdict);
      return verdict instanceof LockkeeperError || fence.kind === 'connection' ? fence : failure;
    }
  }

  async #backOff(failure: ApplyFailure, attempt: number): Promise<void> {
    const { hooks, retries } = this.#options;
    if (attempt > retries) throw failure.error;
    hooks.onRetry(failure, attempt);
    const limit = Math.min(1000, 10 * 2 ** attempt);
    await hooks.sleep(limit / 2 + (hooks.random() * limit) / 2);
  }
}
