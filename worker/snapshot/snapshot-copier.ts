import { setTimeout as delay } from 'node:timers/promises';
import type { RowDataPacket } from 'mysql2';
import { LockkeeperError } from '../../common/errors.ts';
import { currentPosition, startingPosition } from '../source/current-position.ts';
import { withSession } from '../source/endpoint.ts';
import { checkPosition } from '../source/position-check.ts';
import { quote, type SqlRunner, type TargetSession } from '../target/session.ts';
import { TableMetadataCache } from '../target/table-metadata.ts';
import { decideCatchUp, samePlace, type SnapshotPoint } from './catch-up-decision.ts';
import { chooseChunkKey } from './chunk-key.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { planColumns } from './column-transport.ts';
import { openConsistentPoint } from './consistent-point.ts';
import { runWorker, type TableJob } from './copy-round.ts';
import { ProgressReport } from './progress.ts';
import { SnapshotStore, type StoredSnapshot, type StoredTable } from './snapshot-store.ts';
import { SourceReader } from './source-reader.ts';
import { readSourceTables, type SourceTable } from './source-tables.ts';
import { prepareGroup, type ReadyTable, type RoundTable, type TargetGroupContext } from './target-group.ts';
import { locksAutoIncrement, prepareLoading, TargetTables } from './target-tables.ts';
import {
  nameOfTable,
  type Clock,
  type CopiedTable,
  type Flavors,
  type SnapshotCopierOptions,
  type SnapshotResult,
  type SnapshotTable,
  type TableCatchUp,
} from './types.ts';

const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, signal === undefined ? {} : { signal }),
};

/** Tables that the source keeps altering are tried again so many times. */
const MAX_ROUNDS = 10;
/** Definitions must hold still while a point is taken. */
const POINT_TRIES = 5;
/** A chunk is one transaction at the target; wide rows make smaller chunks. */
const MAX_CHUNK_BYTES = 64 * 1024 * 1024;
const MIN_CHUNK_ROWS = 100;

/** What the stream must still do differently for tables of an earlier first copy, by `schema.table` of the source. */
export async function loadCatchUp(session: SqlRunner, pipeline: string): Promise<Map<string, TableCatchUp>> {
  const stored = await new SnapshotStore(pipeline, '').read(session);
  return new Map(stored === null ? [] : catchUps(stored).map((table) => [nameOfTable(table), table.catchUp]));
}

function catchUps(stored: StoredSnapshot): CopiedTable[] {
  const points = new Map(stored.points.map((point) => [point.point, point]));
  return stored.tables.map(({ source, state, chunks, settledPoint }) => {
    if (state === 'gone') {
      const point = settledPoint === null ? undefined : points.get(settledPoint);
      return { ...source, catchUp: point === undefined ? { kind: 'none' } : { kind: 'skipUntil', position: point.low } };
    }
    const used = new Set(chunks.flatMap(({ point }) => (point === null ? [] : [point])));
    if (settledPoint !== null) used.add(settledPoint);
    return {
      ...source,
      catchUp: decideCatchUp(
        stored.start,
        [...used].map((point) => points.get(point)!),
      ),
    };
  });
}

/** The moment that a round reads at, and what the tables looked like then. */
interface Moment extends SnapshotPoint {
  readonly readers: readonly SourceReader[];
  readonly tables: readonly Omit<RoundTable, 'record'>[];
  /** Tables that the source no longer has. */
  readonly gone: readonly SnapshotTable[];
}

/**
 * The first copy of a pipeline's tables. A run goes on where an earlier one ended, however it ended: chunks that were committed stay,
 * the rest is read at a new point, and the result tells the stream how each table catches up.
 *
 * A run goes in rounds. Each takes one consistent point and copies there what is left; tables that the source altered
 * meanwhile are left to the next.
 */
export class SnapshotCopier {
  readonly #options: SnapshotCopierOptions;
  readonly #store: SnapshotStore;
  readonly #clock: Clock;
  readonly #progress: ProgressReport;
  readonly #stop = new AbortController();
  /** Everything to cut at the end, or when the copy is aborted. */
  readonly #connections = new Set<{ destroy(): void }>();
  #lastPoint = 0;

  constructor(options: SnapshotCopierOptions) {
    this.#options = options;
    this.#store = new SnapshotStore(options.pipeline, options.fenceSql, options.failpoint);
    this.#clock = options.clock ?? systemClock;
    this.#progress = new ProgressReport(this.#clock, options.onProgress);
  }

  /**
   * Resolves when every table is copied. To be called once.
   * Rejects with LK1601 (a chunk failed, target tables hold rows, tables collide), LK1602 (no consistent point), LK1308, LK1310, LK1313,
   * LK1401 (a newer leader), LK1406 (a value would change), an LK11xx or LK13xx error, or the signal's reason once aborted.
   */
  async run(): Promise<SnapshotResult> {
    const { signal } = this.#options;
    const abort = () => {
      this.#stop.abort(signal?.reason);
      this.#cut();
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      signal?.throwIfAborted();
      return await this.#copy();
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#cut();
    }
  }

  async #copy(): Promise<SnapshotResult> {
    const session = await this.#openTarget();
    const known = await this.#store.read(session);
    if (known?.state === 'done') return resultOf(known, 0);
    await prepareLoading(session);
    await this.#settleStart(session, known);
    const { tables } = this.#options;
    const wanted = typeof tables === 'function' ? await tables() : tables;
    for (let round = 1; ; round++) {
      const stored = (await this.#store.read(session))!;
      const pending = await this.#pending(session, wanted, stored);
      if (pending.length === 0) {
        await this.#store.finish(session);
        return resultOf(stored, this.#progress.seconds);
      }
      if (round > MAX_ROUNDS) {
        throw new LockkeeperError('LK1601', `${nameOfTable(pending[0]!.source)} is altered again and again while it is copied`, {
          details: { tables: pending.map((table) => nameOfTable(table.source)) },
        });
      }
      await this.#round(session, wanted, pending, stored);
    }
  }

  /** The stream will begin where the first run began, if the source can still go on from there; otherwise all is copied anew. */
  async #settleStart(session: TargetSession, known: StoredSnapshot | null): Promise<void> {
    await withSession(this.#options.source, async (source) => {
      if (known === null) return this.#store.begin(session, await startingPosition(source));
      try {
        if ((await checkPosition(source, known.start)) !== null) return;
      } catch (error) {
        if (!(error instanceof LockkeeperError) || !['LK1109', 'LK1110'].includes(error.code)) throw error;
      }
      this.#options.onNotice?.('the source cannot go on from where the first copy began, so the tables are copied anew');
      await this.#store.restart(session, await startingPosition(source));
    });
  }

  /** Tables still to copy. Those that no longer travel are set aside. */
  async #pending(session: TargetSession, wanted: readonly SnapshotTable[], stored: StoredSnapshot): Promise<SnapshotTable[]> {
    const names = new Set(wanted.map((table) => nameOfTable(table.source)));
    for (const record of stored.tables) {
      if (!names.has(nameOfTable(record.source)) && !isSettled(record))
        await this.#store.setTable(session, record.source, 'gone');
    }
    return wanted.filter((table) => {
      const record = find(stored, table);
      return record === null || !isSettled(record);
    });
  }

  async #round(
    session: TargetSession,
    wanted: readonly SnapshotTable[],
    pending: readonly SnapshotTable[],
    stored: StoredSnapshot,
  ): Promise<void> {
    this.#lastPoint = Math.max(0, ...stored.points.map(({ point }) => point)) + 1;
    const observer = this.#keep(await SourceReader.open(this.#options.source));
    const moment = await this.#takeMoment(observer, pending);
    try {
      await this.#store.addPoint(session, moment);
      // A dropped table that shares its target table with others makes them start anew.
      for (const table of moment.gone) await this.#setGone(session, table, stored, moment.point);
      const known = moment.gone.length === 0 ? stored : (await this.#store.read(session))!;
      const jobs = await this.#prepare(session, wanted, moment, known, observer);
      observer.destroy();
      this.#planProgress(wanted, known, jobs, moment);
      await this.#runWorkers(jobs, moment);
      for (const job of jobs) {
        if (job.stale === null) continue;
        this.#options.onNotice?.(`${nameOfTable(job.plan.table.source)} is copied anew: ${job.stale}`);
        await this.#store.setTable(session, job.plan.table.source, 'emptying');
      }
    } finally {
      for (const connection of [observer, ...moment.readers]) connection.destroy();
    }
  }

  /** Takes a consistent point. Definitions are read before and after; they must not change in between. */
  async #takeMoment(observer: SourceReader, pending: readonly SnapshotTable[]): Promise<Moment> {
    const { source, options } = this.#options;
    const routes = pending.map((table) => table.source);
    try {
      let before = await readSourceTables(observer, routes);
      for (let attempt = 1; attempt <= POINT_TRIES; attempt++) {
        const there = pending.filter((table) => before.has(nameOfTable(table.source)));
        const { readers, low, high, exact } = await openConsistentPoint({
          source,
          tables: there.map((table) => table.source),
          connections: options.parallelism,
          clock: this.#clock,
          signal: this.#stop.signal,
        });
        for (const reader of readers) this.#keep(reader);
        const metadata = new TableMetadataCache(observer);
        if (there.length > 0) await metadata.load(there.map((table) => table.source));
        const after = await readSourceTables(observer, routes);
        if (routes.every((route) => definitionOf(before, route) === definitionOf(after, route))) {
          const tables = there.map((table) => ({
            table,
            facts: after.get(nameOfTable(table.source))!,
            metadata: metadata.get(table.source.schema, table.source.table)!,
          }));
          return {
            point: this.#lastPoint,
            low,
            high,
            exact,
            readers,
            tables,
            gone: pending.filter((table) => !there.includes(table)),
          };
        }
        for (const reader of readers) reader.destroy();
        before = after;
      }
    } catch (error) {
      throw observer.explain(error);
    }
    throw new LockkeeperError('LK1602', 'tables are altered again and again while a consistent point is taken');
  }

  /** The source dropped a table before the point: the target's goes too, and its events of before are skipped. */
  async #setGone(session: TargetSession, table: SnapshotTable, stored: StoredSnapshot, point: number): Promise<void> {
    const record = find(stored, table) ?? { created: false, chunks: [] };
    if (record.chunks.some((chunk) => chunk.point !== null)) {
      const targets = new TargetTables(session, this.#store, this.#options.pipeline);
      const siblings = stored.tables.filter(
        (other) => other !== record && other.state !== 'gone' && nameOfTable(other.target) === nameOfTable(table.target),
      );
      for (const sibling of siblings) await this.#store.setTable(session, sibling.source, 'emptying');
      const kept = siblings.length > 0 || !record.created;
      if (kept) await targets.empty(table.target);
      else await targets.drop(table.target, (milliseconds) => this.#clock.sleep(milliseconds, this.#stop.signal));
    }
    await this.#store.beginTables(session, [{ table, state: 'copying', definition: '', created: false, laterIndexes: [] }]);
    await this.#store.setTable(session, table.source, 'gone', point);
  }

  /** Brings the target's tables into the state from which the round goes on. */
  async #prepare(
    session: TargetSession,
    wanted: readonly SnapshotTable[],
    moment: Moment,
    stored: StoredSnapshot,
    observer: SourceReader,
  ): Promise<TableJob[]> {
    const { pipeline, options, onNotice } = this.#options;
    const context: TargetGroupContext = {
      session,
      store: this.#store,
      targets: new TargetTables(session, this.#store, pipeline),
      flavors: { source: moment.low.flavor, target: session.flavor },
      mode: options.mode,
      travels: (source) => wanted.find((table) => nameOfTable(table.source) === nameOfTable(source))?.target ?? null,
      schemaOf: (schema) => readSchema(observer, schema),
      notice: (text) => onNotice?.(text),
      sleep: (milliseconds) => this.#clock.sleep(milliseconds, this.#stop.signal),
    };
    await context.targets.load(moment.tables.map(({ table }) => table.target));
    const ready: ReadyTable[] = [];
    const tables = moment.tables.map((table) => ({ ...table, record: find(stored, table.table) }));
    for (const [target, group] of Map.groupBy(tables, ({ table }) => nameOfTable(table.target))) {
      const records = stored.tables.filter((record) => nameOfTable(record.target) === target);
      ready.push(...(await prepareGroup(context, group, records)));
    }
    // The largest first, so that the end is not waited for with one connection at work.
    ready.sort((a, b) => b.facts.rows - a.facts.rows);
    const lockedLoads = await locksAutoIncrement(session);
    return ready.map((table) => this.#job(table, context.flavors, moment, lockedLoads));
  }

  #job(
    { table, facts, metadata, target, record, laterIndexes }: ReadyTable,
    flavors: Flavors,
    moment: Moment,
    lockedLoads: boolean,
  ): TableJob {
    const { chunkRows } = this.#options.options;
    const chunks = record?.chunks ?? [];
    const key = chooseChunkKey(metadata);
    return {
      plan: { table, key, columns: planColumns(metadata, target, flavors) },
      queue: new ChunkQueue(chunks),
      chunkRows: Math.min(chunkRows, Math.max(MIN_CHUNK_ROWS, Math.floor(MAX_CHUNK_BYTES / Math.max(1, facts.rowBytes)))),
      definition: facts.definition,
      laterIndexes,
      mixed: chunks.some((chunk) => chunk.point !== null),
      finish: (session) =>
        facts.transactional
          ? this.#store.setTable(session, table.source, 'done')
          : this.#settle(session, table, key !== null, moment),
      transactional: facts.transactional,
      serial: lockedLoads && target.columns.some((column) => column.autoIncrement),
      active: 0,
      finished: false,
      stale: null,
    };
  }

  /** The rows of a table without transactions are newer than the snapshot; now is certainly after all of them. */
  async #settle(session: TargetSession, table: SnapshotTable, keyed: boolean, moment: Moment): Promise<void> {
    const high = await withSession(this.#options.source, currentPosition);
    if (samePlace(high, moment.high)) return this.#store.setTable(session, table.source, 'done');
    if (!keyed) {
      throw new LockkeeperError(
        'LK1601',
        `${nameOfTable(table.source)} has neither transactions nor a key and was copied while the source was written to`,
        {
          remedy: `ALTER TABLE ${nameOfTable(table.source)} ENGINE=InnoDB, or add a primary key, or copy it while nobody writes.`,
          details: { table: nameOfTable(table.source) },
        },
      );
    }
    const point = ++this.#lastPoint;
    await this.#store.addPoint(session, { point, low: moment.low, high, exact: false });
    await this.#store.setTable(session, table.source, 'done', point);
  }

  async #runWorkers(jobs: readonly TableJob[], moment: Moment): Promise<void> {
    if (jobs.length === 0) return;
    const round = {
      jobs,
      point: moment.point,
      store: this.#store,
      progress: this.#progress,
      clock: this.#clock,
      signal: this.#stop.signal,
    };
    const targets: TargetSession[] = [];
    let failure: { error: unknown } | null = null;
    const work = async (source: SourceReader) => {
      try {
        const target = await this.#openTarget();
        targets.push(target);
        await prepareLoading(target);
        await runWorker(round, source, target);
      } catch (error) {
        failure ??= { error };
        // The others would go on for a whole chunk.
        for (const connection of [...moment.readers, ...targets]) connection.destroy();
      }
    };
    await Promise.all(moment.readers.map(work));
    for (const target of targets) target.destroy();
    if (failure !== null) throw (failure as { error: unknown }).error;
  }

  #planProgress(wanted: readonly SnapshotTable[], stored: StoredSnapshot, jobs: readonly TableJob[], moment: Moment): void {
    const rowsOf = new Map(moment.tables.map(({ table, facts }) => [nameOfTable(table.source), facts.rows]));
    const kept = stored.tables.filter(
      (record) =>
        isSettled(record) || jobs.some((job) => job.mixed && nameOfTable(job.plan.table.source) === nameOfTable(record.source)),
    );
    const chunks = kept.flatMap((record) => record.chunks.filter((chunk) => chunk.point !== null));
    const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
    const settled = kept.filter(isSettled);
    this.#progress.plan({
      tables: wanted.length,
      tablesDone: settled.length,
      rowsEstimate: sum(settled.flatMap((record) => record.chunks.map((chunk) => chunk.rows))) + sum([...rowsOf.values()]),
      chunks:
        sum(settled.map((record) => record.chunks.length)) +
        sum(jobs.map((job) => Math.max(1, Math.ceil(rowsOf.get(nameOfTable(job.plan.table.source))! / job.chunkRows)))),
      rows: sum(chunks.map((chunk) => chunk.rows)),
      bytes: sum(chunks.map((chunk) => chunk.bytes)),
      chunksDone: chunks.length,
    });
  }

  async #openTarget(): Promise<TargetSession> {
    return this.#keep(await this.#options.target());
  }

  #keep<T extends { destroy(): void }>(connection: T): T {
    this.#connections.add(connection);
    if (this.#stop.signal.aborted) connection.destroy();
    return connection;
  }

  #cut(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}

function resultOf(stored: StoredSnapshot, seconds: number): SnapshotResult {
  const chunks = stored.tables.flatMap((table) => table.chunks);
  return {
    start: stored.start,
    tables: catchUps(stored),
    rows: chunks.reduce((sum, chunk) => sum + chunk.rows, 0),
    bytes: chunks.reduce((sum, chunk) => sum + chunk.bytes, 0),
    seconds,
  };
}

function isSettled(record: StoredTable): boolean {
  return record.state === 'done' || record.state === 'gone';
}

function find(stored: StoredSnapshot, table: SnapshotTable): StoredTable | null {
  return stored.tables.find((record) => nameOfTable(record.source) === nameOfTable(table.source)) ?? null;
}

function definitionOf(tables: ReadonlyMap<string, SourceTable>, route: SnapshotTable['source']): string | undefined {
  return tables.get(nameOfTable(route))?.definition;
}

async function readSchema(observer: SourceReader, schema: string): Promise<{ charset: string; collation: string }> {
  const [row] = await observer.query<RowDataPacket[]>(
    `SELECT DEFAULT_CHARACTER_SET_NAME AS charset, DEFAULT_COLLATION_NAME AS collation FROM information_schema.SCHEMATA WHERE SCHEMA_NAME=${quote(schema)}`,
  );
  return { charset: String(row?.['charset']), collation: String(row?.['collation']) };
}
