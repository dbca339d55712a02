import { setTimeout as delay } from 'node:timers/promises';
import { LockkeeperError } from '../../common/errors.ts';
import { currentPosition, startingPosition } from '../source/current-position.ts';
import { withSession } from '../source/endpoint.ts';
import type { Flavor } from '../source/position.ts';
import { checkPosition } from '../source/position-check.ts';
import type { TargetSession } from '../target/session.ts';
import { TableMetadataCache } from '../target/table-metadata.ts';
import { catchUpOf, samePlace } from './catch-up-decision.ts';
import { chooseChunkKey } from './chunk-key.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { planColumns } from './column-transport.ts';
import { runWorker, type TableJob } from './copy-round.ts';
import { historyRefusal } from './history.ts';
import { survey, takeMoment, type Moment } from './moment.ts';
import { ProgressReport } from './progress.ts';
import { isSettled, roundIsNeeded } from './round-plan.ts';
import { SnapshotStore, type StoredSnapshot, type StoredTable } from './snapshot-store.ts';
import { SourceReader } from './source-reader.ts';
import { planGroups, prepareGroup, type ReadyTable, type TargetGroupContext } from './target-group.ts';
import { locksAutoIncrement, prepareLoading, TargetTables } from './target-tables.ts';
import {
  nameOfTable,
  type Clock,
  type Flavors,
  type SnapshotCopierOptions,
  type SnapshotResult,
  type SnapshotTable,
} from './types.ts';

const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, signal === undefined ? {} : { signal }),
};

/** Tables that the source keeps altering are tried again so many times. */
const MAX_ROUNDS = 10;
/** A chunk is one transaction at the target; wide rows make smaller chunks. */
const MAX_CHUNK_BYTES = 64 * 1024 * 1024;
const MIN_CHUNK_ROWS = 100;
/** So many tables are named in a notice. */
const NAMED = 20;

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
    for (let round = 1; ; round++) {
      const stored = await this.#readRecord(session);
      if (!roundIsNeeded(stored, await this.#options.tables(), round === 1)) {
        await this.#store.finish(session);
        return resultOf(stored, this.#progress.seconds);
      }
      if (round > MAX_ROUNDS) {
        const open = stored.tables.filter((record) => !isSettled(record)).map((record) => nameOfTable(record.source));
        throw new LockkeeperError('LK1601', `${open[0]} is altered again and again while it is copied`, {
          details: { tables: open },
        });
      }
      await this.#round(session, stored);
    }
  }

  /** The stream will begin where the first run began, if the source can still go on from there; otherwise all is copied anew. */
  async #settleStart(session: TargetSession, known: StoredSnapshot | null): Promise<void> {
    const { source, onNotice, beginSql: alsoSql } = this.#options;
    const { mode } = this.#options.options;
    await withSession(source, async (server) => {
      if (known === null || known.state === 'followed') {
        // Rows that the stream has worked on are the target's own unless somebody says that they may go.
        const owned = known !== null && mode === 'Always';
        const start = await startingPosition(server);
        if (mode === 'Always')
          await this.#lookAhead(session, start.flavor, owned ? known.tables.filter(({ state }) => state !== 'gone') : []);
        return this.#store.begin(session, start, mode, { owned, alsoSql });
      }
      try {
        if ((await checkPosition(server, known.start)) !== null) return;
      } catch (error) {
        if (!(error instanceof LockkeeperError) || !['LK1109', 'LK1110'].includes(error.code)) throw error;
      }
      onNotice?.('the source cannot go on from where the first copy began, so the tables are copied anew');
      await this.#store.begin(session, await startingPosition(server), mode, { owned: true, alsoSql });
    });
  }

  /** What stands against copying is told while the pipeline can still go on from its stored position. */
  async #lookAhead(session: TargetSession, flavor: Flavor, owned: readonly StoredTable[]): Promise<void> {
    const { source } = this.#options;
    const observer = this.#keep(await SourceReader.open(source));
    try {
      const { listed, facts } = await survey({ list: this.#options.tables }, observer);
      const there = listed.filter((table) => facts.has(nameOfTable(table.source)));
      const metadata = new TableMetadataCache(observer);
      await metadata.load(there.map((table) => table.source));
      const tables = there.flatMap((table) => {
        const found = metadata.get(table.source.schema, table.source.table);
        return found === undefined ? [] : [{ table, facts: facts.get(nameOfTable(table.source))!, metadata: found }];
      });
      const records = owned.map((record): StoredTable => {
        const stays = !this.#isStray(record) && facts.has(nameOfTable(record.source));
        return { ...record, state: stays ? 'emptying' : 'gone' };
      });
      const context = await this.#context(session, observer, { flavor, tables, schemas: new Map() }, records);
      await planGroups({ ...context, notice: () => undefined }, tables, records);
      await this.#tellLeftOver(context.targets, there, owned);
    } finally {
      observer.destroy();
    }
  }

  /** The stream may have made tables whose end at the source nobody will hear of. */
  async #tellLeftOver(targets: TargetTables, there: readonly SnapshotTable[], owned: readonly StoredTable[]): Promise<void> {
    const schemas = new Set([...there, ...owned].map(({ target }) => target.schema));
    // The target may hold names in lower case.
    const known = [...there, ...owned.filter(({ created }) => created)];
    const expected = new Set(known.map(({ target }) => nameOfTable(target).toLowerCase()));
    const left = (await targets.list([...schemas])).filter((name) => !expected.has(name.toLowerCase()));
    if (left.length === 0) return;
    const names = left.length > NAMED ? `${left.slice(0, NAMED).join(', ')} and ${left.length - NAMED} more` : left.join(', ');
    this.#options.onNotice?.(`these tables of the target have no source and stay as they are: ${names}`);
  }

  /** Tables that no longer travel where they did are no business of the copy's: their rows stay as they are. */
  async #readRecord(session: TargetSession): Promise<StoredSnapshot> {
    const stored = (await this.#store.read(session))!;
    const strays = stored.tables.filter((record) => record.state !== 'gone' && this.#isStray(record));
    if (strays.length === 0) return stored;
    for (const { source } of strays) await this.#store.setGone(session, source, null);
    return (await this.#store.read(session))!;
  }

  #isStray({ source, target }: StoredTable): boolean {
    const now = this.#options.route(source);
    return now === null || nameOfTable(now) !== nameOfTable(target);
  }

  async #round(session: TargetSession, stored: StoredSnapshot): Promise<void> {
    const { source, options, tables: list } = this.#options;
    this.#lastPoint = Math.max(0, ...stored.points.map(({ point }) => point)) + 1;
    const observer = this.#keep(await SourceReader.open(source));
    const moment = await takeMoment(
      {
        point: this.#lastPoint,
        source,
        connections: options.parallelism,
        list,
        stored,
        clock: this.#clock,
        signal: this.#stop.signal,
      },
      observer,
    );
    for (const reader of moment.readers) this.#keep(reader);
    try {
      await this.#store.addPoint(session, moment);
      // A dropped table that shares its target table with others makes them start anew.
      for (const record of moment.gone) await this.#setGone(session, record, stored, moment.point);
      for (const table of moment.anew) await this.#store.setTable(session, table.source, 'emptying');
      const known = (await this.#store.read(session))!;
      const jobs = await this.#prepare(session, moment, known, observer);
      if (jobs.length === moment.tables.length) await this.#store.setListed(session, moment.point);
      observer.destroy();
      this.#planProgress(known, jobs, moment);
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

  /** The source dropped or renamed a table before the point: the target's goes too, and its events of before are skipped. */
  async #setGone(session: TargetSession, record: StoredTable, stored: StoredSnapshot, point: number): Promise<void> {
    const holdsRows = record.state === 'emptying' || record.chunks.some((chunk) => chunk.point !== null);
    if (record.state !== 'gone' && (record.created || holdsRows)) {
      const targets = new TargetTables(session, this.#store, this.#options.pipeline);
      const siblings = stored.tables.filter(
        (other) => other !== record && other.state !== 'gone' && nameOfTable(other.target) === nameOfTable(record.target),
      );
      if (holdsRows) for (const sibling of siblings) await this.#store.setTable(session, sibling.source, 'emptying');
      if (siblings.length === 0 && record.created)
        await targets.drop(record.target, (milliseconds) => this.#clock.sleep(milliseconds, this.#stop.signal));
      else if (holdsRows && (await targets.exists(record.target))) await targets.empty(record.target);
    }
    await this.#store.setGone(session, record.source, point);
  }

  /** Brings the target's tables into the state from which the round goes on. */
  async #prepare(session: TargetSession, moment: Moment, stored: StoredSnapshot, observer: SourceReader): Promise<TableJob[]> {
    const context = await this.#context(session, observer, { ...moment, flavor: moment.low.flavor }, stored.tables);
    // Nothing is emptied or dropped before all target tables are known to be fit.
    const groups = await planGroups(context, moment.tables, stored.tables);
    const ready: ReadyTable[] = [];
    for (const group of groups) ready.push(...(await prepareGroup(context, group)));
    // The largest first, so that the end is not waited for with one connection at work.
    ready.sort((a, b) => b.facts.rows - a.facts.rows);
    const lockedLoads = await locksAutoIncrement(session);
    return ready.map((table) => this.#job(table, context.flavors, moment, lockedLoads));
  }

  async #context(
    session: TargetSession,
    observer: SourceReader,
    { flavor, tables, schemas }: Pick<Moment, 'tables' | 'schemas'> & { readonly flavor: Flavor },
    records: readonly StoredTable[],
  ): Promise<TargetGroupContext> {
    const { pipeline, options, onNotice, route, rawRefusal } = this.#options;
    return {
      session,
      store: this.#store,
      targets: new TargetTables(session, this.#store, pipeline),
      flavors: { source: flavor, target: session.flavor },
      mode: options.mode,
      historyRefusal: tables.some(({ metadata }) => metadata.versioning !== null)
        ? await historyRefusal(observer, session, await rawRefusal(flavor))
        : null,
      travels: route,
      schemaOf: (schema) => schemas.get(schema)!,
      follows: (schema) => isMadeOfOne(records.filter(({ target }) => target.schema === schema)),
      notice: (text) => onNotice?.(text),
      sleep: (milliseconds) => this.#clock.sleep(milliseconds, this.#stop.signal),
    };
  }

  #job(
    { table, facts, metadata, target, record, laterIndexes }: ReadyTable,
    flavors: Flavors,
    moment: Moment,
    lockedLoads: boolean,
  ): TableJob {
    const { chunkRows } = this.#options.options;
    const chunks = record?.chunks ?? [];
    // Of one key there may be many rows of the past.
    const history = metadata.versioning !== null;
    const key = history ? null : chooseChunkKey(metadata);
    return {
      plan: { table, key, history, columns: planColumns(metadata, target, flavors) },
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

  #planProgress(stored: StoredSnapshot, jobs: readonly TableJob[], moment: Moment): void {
    const rowsOf = new Map(moment.tables.map(({ table, facts }) => [nameOfTable(table.source), facts.rows]));
    const kept = stored.tables.filter(
      (record) =>
        record.state === 'done' ||
        jobs.some((job) => job.mixed && nameOfTable(job.plan.table.source) === nameOfTable(record.source)),
    );
    const chunks = kept.flatMap((record) => record.chunks.filter((chunk) => chunk.point !== null));
    const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
    const settled = stored.tables.filter((record) => record.state === 'done');
    this.#progress.plan({
      tables: settled.length + moment.tables.length,
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

/** A schema in which tables were made for one schema of the source is its image: dropped and made again there, it is as it is there now. */
function isMadeOfOne(records: readonly StoredTable[]): boolean {
  return records.some(({ created }) => created) && new Set(records.map(({ source }) => source.schema)).size === 1;
}

function resultOf(stored: StoredSnapshot, seconds: number): SnapshotResult {
  const chunks = stored.tables.flatMap((table) => table.chunks);
  return {
    ...catchUpOf(stored),
    start: stored.start,
    rows: chunks.reduce((sum, chunk) => sum + chunk.rows, 0),
    bytes: chunks.reduce((sum, chunk) => sum + chunk.bytes, 0),
    seconds,
  };
}
