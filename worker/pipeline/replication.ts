import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { LockkeeperError } from '../../common/errors.ts';
import { connectionOptions, nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { accessError, serverErrno } from '../../common/mysql-errors.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { PositionTracker } from '../source/position-tracker.ts';
import { readSourceTraits, type SourceTraits } from '../source/source-traits.ts';
import { SourceStream } from '../source/source-stream.ts';
import type { StreamItem } from '../source/stream-item.ts';
import { applyError } from '../target/apply-error.ts';
import { BatchWriter } from '../target/batch-writer.ts';
import { Checkpoint, fencedError, readCheckpoint } from '../target/checkpoint.ts';
import { FinishedSet, LaneRecord, takeOverLanes } from '../target/finished.ts';
import { Lanes } from '../target/lanes.ts';
import { evictFormerSessions, markLeaderSession } from '../target/leader-sessions.ts';
import { ensureSchema } from '../target/schema.ts';
import { TargetSession } from '../target/session.ts';
import { requireVersion } from '../target/supported-version.ts';
import { SqlWriter } from '../target/sql/sql-writer.ts';
import { UnorderedLanes } from '../target/unordered-lanes.ts';
import { TableMetadataCache } from '../target/table-metadata.ts';
import { ApplyLoop, type WriteGate } from './apply-loop.ts';
import { Barriers } from './barriers.ts';
import { withAnySource } from './any-source.ts';
import { ByteQueue } from './byte-queue.ts';
import { DdlExecutor, evictDdlHolder } from './ddl/ddl-executor.ts';
import { rawRefusal } from './raw-refusal.ts';
import { Router } from './router.ts';
import { sourceEndpoints, targetEndpoint, type SecretStore, type SourceEndpoints } from './secrets.ts';
import { findStart, selectTables, type StartContext, type StreamStart } from './start.ts';
import type { PipelineBoard } from './pipeline-board.ts';
import { TargetTablePlans } from './table-plans.ts';

/** Bytes of binlog read ahead of the target; the consumer may hold as much again. */
const QUEUE_BYTES = 4 * 1024 * 1024;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const IDLE_CHECKPOINT_MS = 1000;
const LOCK_WAIT_SECONDS = 10;
const TAKE_OVER_LOCK_WAIT_SECONDS = 2;
const LOCK_WAIT_TIMEOUT = 1205;
/** A lane that waits for a lock of a lane behind it would wait for itself: soon found, soon written again in turn. */
const LANE_LOCK_WAIT_SECONDS = 1;
/** How long the batch at hand may take when the run is to end; then it is cut off, and comes again from the checkpoint. */
const DRAIN_MS = 4000;

/** How long a target that cut our connection is asked who leads. */
const ASK_MS = 2000;

/** The epoch that this worker has had in its term of leadership, over all attempts; null before the first. */
export interface EpochHold {
  epoch: number | null;
}

export interface ReplicationDeps {
  /** Name of this worker process, shown as the leader. */
  readonly worker: string;
  readonly secrets: SecretStore;
  readonly log: Logger;
  readonly gate: WriteGate;
  readonly hold: EpochHold;
  readonly board: PipelineBoard;
  /** Called at named points; tests stop the process there. */
  readonly failpoint: (name: string) => Promise<void> | void;
}

/** Everything that is settled once the stream can begin. */
interface Course extends StreamStart {
  readonly session: TargetSession;
  /** Sessions beside the first, one for each further lane. */
  readonly lanes: readonly TargetSession[];
  /** One per lane where they commit in any order; else none. */
  readonly records: readonly LaneRecord[];
  readonly finished: FinishedSet;
  readonly checkpoint: Checkpoint;
  readonly sources: SourceEndpoints;
  readonly router: Router;
  readonly traits: SourceTraits;
}

/**
 * One attempt at running a pipeline: take over the checkpoint, find where to go on, copy what is missing, follow the stream.
 * It ends with the first error or when `signal` asks for it, and always leaves the target at a checkpoint, so that the next
 * attempt, here or in another process, goes on exactly there.
 */
export class Replication {
  readonly #config: PipelineConfig;
  readonly #deps: ReplicationDeps;

  constructor(config: PipelineConfig, deps: ReplicationDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  /** Resolves after a clean stop; rejects with a LockkeeperError. */
  async run(signal: AbortSignal): Promise<void> {
    const { secrets } = this.#deps;
    const target = targetEndpoint(this.#config, secrets);
    const sources = sourceEndpoints(this.#config, secrets);
    const several = this.#config.pipeline.apply.lanes > 1;
    const session = await openTarget(target, several ? LANE_LOCK_WAIT_SECONDS : LOCK_WAIT_SECONDS);
    const lanes: TargetSession[] = [];
    const cut = () => {
      for (const each of [session, ...lanes]) each.destroy();
    };
    let patience: NodeJS.Timeout | undefined;
    const onStop = () => {
      patience = setTimeout(cut, DRAIN_MS);
    };
    if (signal.aborted) onStop();
    else signal.addEventListener('abort', onStop, { once: true });
    try {
      await this.#lead(session, lanes, target, sources, signal);
    } catch (error) {
      const explained =
        accessError('target', nameOf(target), error) ?? (serverErrno(error) === undefined ? error : applyError(error).error);
      throw (await this.#supersededBy(target, explained)) ?? explained;
    } finally {
      signal.removeEventListener('abort', onStop);
      clearTimeout(patience);
      cut();
    }
  }

  get #key(): string {
    return `${this.#config.namespace}/${this.#config.name}`;
  }

  /**
   * A lost connection may be how a newer leader ended a batch of ours: then it is a refusal, and is to be told and counted as one.
   * Null when nobody else leads, or when the target does not say so in a moment.
   */
  async #supersededBy(target: MysqlEndpoint, error: unknown): Promise<LockkeeperError | null> {
    const held = this.#deps.hold.epoch;
    if (held === null || !(error instanceof LockkeeperError) || error.code !== 'LK1302') return null;
    const ask = async () => {
      const session = await openTarget(target);
      try {
        const stored = await readCheckpoint(session, this.#key);
        return stored !== null && stored.epoch > held ? fencedError(this.#key, held, error) : null;
      } finally {
        session.destroy();
      }
    };
    return Promise.race([ask().catch(() => null), delay(ASK_MS, null, { ref: false })]);
  }

  /** `lanes` gets the sessions beside the first; the caller ends them all. */
  async #lead(
    session: TargetSession,
    lanes: TargetSession[],
    target: MysqlEndpoint,
    sources: SourceEndpoints,
    signal: AbortSignal,
  ): Promise<void> {
    const { board, log, gate, failpoint, hold } = this.#deps;
    await gate.wait();
    requireVersion(session);
    await ensureSchema(session);
    const { checkpoint, stored } = await this.#takeOver(session);
    hold.epoch = checkpoint.epoch;
    // Frozen between the two it would end the sessions of whoever leads by now.
    await checkpoint.affirm(session);
    await this.#endFormerLeader(session);
    const { lanes: laneCount, ordered } = this.#config.pipeline.apply;
    const recorded = ordered || laneCount === 1 ? 0 : laneCount;
    const finished = await takeOverLanes(session, checkpoint, recorded, stored.position);
    const records = Array.from({ length: recorded }, (_, lane) => new LaneRecord(this.#key, lane, checkpoint.epoch));
    board.tookOver(checkpoint.epoch, stored);
    log.info({ epoch: checkpoint.epoch, position: stored.position }, 'leading');
    const traits = await withAnySource(sources, readSourceTraits, signal);
    const router = new Router(this.#config, traits);
    await withAnySource(sources, (source) => selectTables(source, router), signal);
    const context: StartContext = {
      config: this.#config,
      session,
      checkpoint,
      stored,
      sources,
      router,
      board,
      log,
      signal,
      failpoint,
      openTarget: async () => {
        const opened = await openTarget(target);
        await markLeaderSession(opened, this.#key);
        return opened;
      },
    };
    const start = await findStart(context);
    if (signal.aborted) return;
    while (lanes.length < laneCount - 1) {
      const lane = await openTarget(target, LANE_LOCK_WAIT_SECONDS);
      lanes.push(lane);
      await markLeaderSession(lane, this.#key);
    }
    const course = { session, lanes, records, checkpoint, sources, router, traits, ...start };
    await this.#follow({ ...course, finished: start.isNew ? new FinishedSet() : finished }, signal);
  }

  /** A former leader that is frozen may hold the checkpoint's row in an open transaction: it does not get longer than a moment to commit. */
  async #takeOver(session: TargetSession): ReturnType<typeof Checkpoint.takeOver> {
    const { worker, hold } = this.#deps;
    const takeOver = () => Checkpoint.takeOver(session, this.#key, worker, hold.epoch);
    await session.lockWait(TAKE_OVER_LOCK_WAIT_SECONDS);
    try {
      return await takeOver();
    } catch (error) {
      if (serverErrno(error) !== LOCK_WAIT_TIMEOUT) throw error;
      await session.rollback();
      const stored = await readCheckpoint(session, this.#key);
      if (hold.epoch !== null && stored !== null && stored.epoch > hold.epoch) throw fencedError(this.#key, hold.epoch);
      await this.#evictFormerSessions(session);
      return await takeOver();
    } finally {
      await session.lockWait(null);
    }
  }

  async #evictFormerSessions(session: TargetSession): Promise<void> {
    const eviction = await evictFormerSessions(session, this.#key);
    if (eviction.ended.length > 0 || eviction.refused.length > 0) {
      this.#deps.log.warn({ ...eviction }, 'sessions of a former leader were open at the target');
    }
  }

  /** Frees what a former leader has locked at the target: it may be frozen in the midst of a transaction. Its epoch is over already. */
  async #endFormerLeader(session: TargetSession): Promise<void> {
    await this.#evictFormerSessions(session);
    await evictDdlHolder(session, this.#key);
    await markLeaderSession(session, this.#key);
  }

  async #follow(course: Course, signal: AbortSignal): Promise<void> {
    const { session, lanes, checkpoint, sources, router, traits, position, catchUp } = course;
    const { board, gate, failpoint, log } = this.#deps;
    const tracker = new PositionTracker(position);
    catchUp.startAt(tracker);
    const now = () => performance.now();
    const { apply, divergence, onError } = this.#config.pipeline;
    const queue = new ByteQueue<StreamItem>(QUEUE_BYTES);
    const stop = new AbortController();
    const stream = new SourceStream({
      pipeline: this.#key,
      endpoints: sources,
      start: position,
      serverId: this.#config.serverId,
      route: router.route,
      queue,
      heartbeat: this.#config.source.heartbeat,
      boundBy: () => {
        if (catchUp.active) return 'the tables of the first copy are not caught up with yet';
        const recorded = course.records.length > 0 || !course.finished.isEmpty;
        return recorded ? 'lanes without order (apply.ordered: false) are known by their places in its binlog' : null;
      },
      log,
      hooks: board.sourceHooks,
    });
    const metadata = new TableMetadataCache(session);
    const rawRefused = await rawRefusal(session, position.flavor, apply.mode);
    const plans = new TargetTablePlans({
      metadata,
      mode: apply.mode,
      rawRefused,
      onNotice: ({ code, message, found }) => log.warn({ code, found }, message),
    });
    const writerOn = (lane: TargetSession) =>
      new BatchWriter({
        session: lane,
        checkpoint,
        sql: new SqlWriter(lane, metadata, divergence),
        modeOf: (run) => plans.modeOf(run.table),
        sqlFault: (run) => plans.sqlFaultOf(run.table),
        replays: rawRefused === null,
        retries: onError.retries,
        hooks: {
          failpoint,
          onDivergence: (report, expected) => board.diverged(report, expected),
          onRetry: (failure, attempt) => {
            board.retried();
            log.warn({ err: failure.error, attempt }, 'the batch is written again');
          },
          sleep: (milliseconds) => delay(milliseconds),
          random: Math.random,
        },
      });
    const writer = writerOn(session);
    const loop = new ApplyLoop({
      queue,
      writer,
      advanceSql: (step) => checkpoint.advanceSql(step),
      makeLanes: (onFailure) => {
        const writers = [writer, ...lanes.map(writerOn)];
        return course.records.length > 0
          ? new UnorderedLanes({
              lanes: writers.map((lane, i) => ({ writer: lane, record: course.records[i]! })),
              advanceSql: (step) => checkpoint.advanceSql(step),
              now,
              onFailure,
            })
          : new Lanes(writers, now, onFailure);
      },
      recordsFinished: course.records.length > 0,
      finished: course.finished,
      plans,
      tracker,
      barriers: new Barriers({
        session,
        checkpoint,
        route: router.route,
        mapping: {
          mapTable: router.route,
          mapSchema: router.routeSchema,
          coversSchema: router.coversSchema,
          isMerged: router.isMerged,
        },
        traits,
        catchUp,
        writer,
        ddl: new DdlExecutor({
          session,
          pipeline: this.#key,
          epoch: checkpoint.epoch,
          fenceSql: checkpoint.fenceSql(),
          sourceFlavor: traits.flavor,
          sourceTimeZone: traits.timeZone,
          explain: (error) => checkpoint.explain(error),
          failpoint,
        }),
        onSchemaChange: () => plans.clear(),
        board,
        log,
      }),
      catchUp,
      gate,
      limits: {
        maxBatchRows: apply.maxBatchRows,
        maxBatchBytes: MAX_BATCH_BYTES,
        maxBatchDelayMs: apply.maxBatchDelayMs,
        idleCheckpointMs: IDLE_CHECKPOINT_MS,
      },
      now,
      sleep: (milliseconds) => delay(milliseconds),
      onApplied: (batch) => board.applied(batch),
    });
    const onStop = () => loop.stop();
    signal.addEventListener('abort', onStop, { once: true });
    if (signal.aborted) onStop();
    board.following(stream, queue, loop);
    const reading = stream.run(stop.signal);
    try {
      await loop.run();
    } finally {
      signal.removeEventListener('abort', onStop);
      stop.abort();
      await reading;
    }
  }
}

async function openTarget(endpoint: MysqlEndpoint, lockWaitSeconds = LOCK_WAIT_SECONDS): Promise<TargetSession> {
  try {
    return await TargetSession.open(connectionOptions(endpoint), { lockWaitSeconds });
  } catch (error) {
    throw accessError('target', nameOf(endpoint), error) ?? new LockkeeperError('LK1302', undefined, { cause: error });
  }
}
