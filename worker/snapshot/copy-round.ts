import { LockkeeperError, messageOf } from '../../common/errors.ts';
import { errnoBehind } from '../../common/mysql-errors.ts';
import { applyError } from '../target/apply-error.ts';
import type { TargetSession } from '../target/session.ts';
import { boundarySql, lastKeySql, type ChunkKey, type KeyValue } from './chunk-key.ts';
import { copyChunk, DuplicateRow, SourceFailure, type CopyPlan } from './chunk-copier.ts';
import type { ChunkQueue, PlannedChunk } from './chunk-queue.ts';
import type { ProgressReport } from './progress.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import { readSourceTable } from './source-tables.ts';
import type { SourceReader } from './source-reader.ts';
import { addLaterIndexes } from './target-tables.ts';
import { nameOfTable, qualified, type Clock } from './types.ts';

/** One table's part of a round. */
export interface TableJob {
  readonly plan: CopyPlan;
  readonly queue: ChunkQueue;
  readonly chunkRows: number;
  readonly definition: string;
  readonly laterIndexes: readonly string[];
  /** Some of its chunks were read at another point, so rows may have moved between chunks. */
  readonly mixed: boolean;
  /** Called when all chunks are there and the table did not change: records the table as done. */
  readonly finish: (session: TargetSession) => Promise<void>;
  /** Whether the source shows one state of the table throughout. */
  readonly transactional: boolean;
  /** Only one connection at a time can load it: the others would wait for the table's AUTO-INC lock and keep a snapshot's answer open. */
  readonly serial: boolean;
  active: number;
  finished: boolean;
  /** Why the table must be copied anew at a later point. */
  stale: string | null;
}

export interface CopyRound {
  readonly jobs: readonly TableJob[];
  readonly point: number;
  readonly store: SnapshotStore;
  readonly progress: ProgressReport;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Table definition changed, no such table, column, database or index: the source's table is not what it was. */
const CHANGED = new Set([1412, 1146, 1054, 1049, 1051, 1176]);
const LOCK_RETRIES = 8;

/** Copies with one pair of connections until nothing is left to take. Rejects with the first error that stops the whole copy. */
export async function runWorker(round: CopyRound, source: SourceReader, target: TargetSession): Promise<void> {
  for (;;) {
    round.signal.throwIfAborted();
    const job = pick(round.jobs);
    if (job === null) return;
    job.active++;
    try {
      if (!job.queue.empty) await copyNext(round, job, source, target);
    } catch (error) {
      await giveUp(job, error, source, target);
    } finally {
      job.active--;
    }
    if (job.queue.empty && job.active === 0 && job.stale === null && !job.finished) await finish(round, job, source, target);
  }
}

/** The table with the fewest connections at work: they would get in each other's way. */
function pick(jobs: readonly TableJob[]): TableJob | null {
  let best: TableJob | null = null;
  for (const job of jobs) {
    const open = !job.finished && job.stale === null && (job.active === 0 || (!job.queue.empty && !job.serial));
    if (open && (best === null || job.active < best.active)) best = job;
  }
  return best;
}

async function copyNext(round: CopyRound, job: TableJob, source: SourceReader, target: TargetSession): Promise<void> {
  const { plan } = job;
  const chunk = await job.queue.take(
    (lower) => boundary(job, lower, source),
    (planned) => withRetries(round, target, () => round.store.planChunk(target, plan.table.source, planned)),
  );
  if (chunk === null) return;
  // Rows, the chunk's record and the fence are one transaction.
  const { rows, bytes } = await withRetries(round, target, async () => {
    const count = await copyChunk(plan, chunk, source, target);
    await checkCount(job, chunk, count.rows, source);
    await round.store.finishChunk(target, plan.table.source, { ...chunk, ...count, point: round.point });
    return count;
  });
  await source.releaseTables();
  round.progress.chunk(nameOfTable(plan.table.source), rows, bytes);
}

async function boundary(job: TableJob, lower: KeyValue | null, source: SourceReader): Promise<KeyValue | null> {
  const { key, table } = job.plan;
  return key === null ? null : readKey(key, boundarySql(qualified(table.source), key, lower, job.chunkRows), source);
}

async function readKey(key: ChunkKey, sql: string, source: SourceReader): Promise<KeyValue | null> {
  let rows: (Buffer | null)[][];
  try {
    rows = await source.values(sql);
  } catch (error) {
    throw new SourceFailure(messageOf(error), { cause: error });
  }
  return rows[0] === undefined ? null : rows[0].map((value, index) => key.columns[index]!.literal(value!));
}

/**
 * Keys as literals must compare like keys as stored, or rows would be missed without any error. A chunk that was cut just now has exactly
 * the rows counted off for it; behind an upper end no row is only right if that end is the last key.
 */
async function checkCount(job: TableJob, chunk: PlannedChunk, rows: number, source: SourceReader): Promise<void> {
  const { key, table } = job.plan;
  if (key === null || !job.transactional || !job.queue.isNew(chunk)) return;
  const name = nameOfTable(table.source);
  if (chunk.upper !== null && rows !== job.chunkRows) throw misread(name, `${job.chunkRows} rows were counted, ${rows} came`);
  if (chunk.upper !== null || chunk.lower === null || rows > 0) return;
  const last = await readKey(key, lastKeySql(qualified(table.source), key), source);
  if (last?.join() !== chunk.lower.join())
    throw misread(name, `no row behind ${chunk.lower.join()}, but the last key is ${last?.join()}`);
}

function misread(table: string, found: string): LockkeeperError {
  return new LockkeeperError('LK1601', `chunks of ${table} do not hold the rows that they should`, {
    found,
    remedy:
      'CHECK TABLE at the source; if it finds nothing wrong please report the table’s definition, and copy the table in another way.',
    retryable: false,
    details: { table },
  });
}

/** Deadlocks and lock waits (a former leader's transaction, undone just now) are tried again. `work` is one whole transaction. */
async function withRetries<T>(round: CopyRound, target: TargetSession, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const final = error instanceof SourceFailure || error instanceof DuplicateRow || applyError(error).kind !== 'retry';
      if (final || attempt > LOCK_RETRIES) throw error;
      await target.rollback();
      await round.clock.sleep(100 * attempt, round.signal);
    }
  }
}

/** Either the table starts anew later, or the error is thrown on. */
async function giveUp(job: TableJob, error: unknown, source: SourceReader, target: TargetSession): Promise<void> {
  const name = nameOfTable(job.plan.table.source);
  if (error instanceof SourceFailure) {
    const { cause } = error;
    const errno = errnoBehind(cause);
    if (errno === undefined || !CHANGED.has(errno)) {
      throw cause instanceof LockkeeperError && cause.code !== 'LK1115' ? cause : copyError(name, cause);
    }
    job.stale = error.message;
  } else if (error instanceof DuplicateRow) {
    if (!job.mixed) {
      throw new LockkeeperError('LK1601', `rows of ${name} collide with rows that the target has`, {
        found: error.message,
        remedy:
          'Several source tables that go to one target table must have different keys, and keys must compare alike on both sides; correct spec.tables or the target’s collation.',
        retryable: false,
        details: { table: name },
        cause: error,
      });
    }
    job.stale = error.message;
  } else {
    const failure = applyError(error);
    throw failure.error instanceof LockkeeperError && failure.error.code !== 'LK1407' ? failure.error : copyError(name, error);
  }
  await target.rollback();
  await source.releaseTables();
}

function copyError(table: string, cause: unknown): LockkeeperError {
  return new LockkeeperError('LK1601', `copying ${table} failed: ${messageOf(cause)}`, { details: { table }, cause });
}

async function finish(round: CopyRound, job: TableJob, source: SourceReader, target: TargetSession): Promise<void> {
  const name = nameOfTable(job.plan.table.source);
  job.active++;
  try {
    const now = await readSourceTable(source, job.plan.table.source);
    await source.releaseTables();
    if (now?.definition !== job.definition) {
      job.stale = 'the table was altered while it was copied';
      return;
    }
    await addLaterIndexes(target, job.plan.table.target, job.laterIndexes);
    await withRetries(round, target, () => job.finish(target));
    job.finished = true;
    round.progress.table(name);
  } catch (error) {
    const failure = applyError(error);
    throw failure.error instanceof LockkeeperError && failure.error.code !== 'LK1407' ? failure.error : copyError(name, error);
  } finally {
    job.active--;
  }
}
