import type { Gauge } from 'prom-client';
import type { LockkeeperError } from '../../common/errors.ts';
import { pipelinePhases } from '../../crds/pipeline-report.ts';
import { headroomSeconds, type BinlogRetention } from '../source/binlog-retention.ts';
import type { SourcePosition } from '../source/position.ts';
import type { StreamHooks } from '../source/source-stream.ts';
import type { StreamItem } from '../source/stream-item.ts';
import type { RowTotals, StoredCheckpoint } from '../target/checkpoint.ts';
import type { DivergenceReport } from '../target/sql/sql-writer.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { AppliedBatch } from './apply-loop.ts';
import type { ByteQueue } from './byte-queue.ts';
import type {
  DivergenceTotals,
  PipelinePhase,
  PipelineStatus,
  ReportedError,
  RetentionStatus,
  SnapshotProgress,
} from './pipeline-status.ts';
import { reportedError } from './reported-error.ts';

export interface BoardOptions {
  readonly namespace: string;
  readonly name: string;
  readonly worker: string;
  readonly region: string | null;
  readonly metrics: WorkerMetrics;
  /** Lag from which the pipeline counts as lagging. */
  readonly lagLimitSeconds: () => number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What the board asks of a running stream. */
export interface WatchedStream {
  readonly currentSource: string | null;
  readonly connected: boolean;
  /** Milliseconds since 1970 when the source was last heard of, 0 when never. */
  readonly lastEventAt: number;
  /** Bytes of binlog received in all. */
  readonly receivedBytes: number;
  /** Why it does not flow, null while it does. */
  readonly lastError: LockkeeperError | null;
}

/** What the board asks of the loop that applies. */
export interface WatchedWork {
  /** When the oldest transaction taken and not applied was committed at the source, microseconds; null when there is none. */
  readonly oldestMicros: number | null;
}

const DIVERGENCES = ['missing_on_update', 'missing_on_delete', 'existing_on_insert'] as const;
const NO_ROWS: RowTotals = { inserted: 0, updated: 0, deleted: 0 };

/** Everything that is known of one pipeline in this process; told by its stages, read by status, metrics and display. */
export class PipelineBoard {
  readonly #options: BoardOptions;
  readonly #labels: { readonly namespace: string; readonly pipeline: string };
  #phase: PipelinePhase = 'starting';
  #epoch: number | null = null;
  #leaderSince: string | null = null;
  #stream: WatchedStream | null = null;
  #queue: ByteQueue<StreamItem> | null = null;
  #work: WatchedWork | null = null;
  #position: SourcePosition | null = null;
  #rows: RowTotals = NO_ROWS;
  #transactions = 0;
  #initialLoad: SnapshotProgress | null = null;
  #retention: BinlogRetention | null = null;
  #divergence: DivergenceTotals = { missingOnUpdate: 0, missingOnDelete: 0, existingOnInsert: 0, repaired: 0 };
  #fenced = 0;
  #lastError: ReportedError | null = null;
  /** Why nothing comes from the source, until something does. */
  #sourceError: ReportedError | null = null;
  #lastAppliedAt = 0;
  #countedBytes = 0;
  #appliedLagSeconds: number | null = null;

  constructor(options: BoardOptions) {
    this.#options = options;
    this.#labels = { namespace: options.namespace, pipeline: options.name };
  }

  /** Told by the source stream. */
  readonly sourceHooks: StreamHooks = {
    connected: () => {
      this.#options.metrics.reconnects.inc(this.#labels);
      this.#sourceError = null;
    },
    failed: (_source, error) => {
      // One that ends the run is counted as the run's.
      if (error.retryable) this.#options.metrics.errors.inc({ ...this.#labels, code: error.code });
      this.#sourceError = this.#reported(error, (this.#sourceError?.attempts ?? 0) + 1);
    },
  };

  phase(phase: PipelinePhase): void {
    this.#phase = phase;
  }

  tookOver(epoch: number, stored: StoredCheckpoint): void {
    this.#epoch = epoch;
    this.#leaderSince = new Date(this.#options.now()).toISOString();
    this.#position = stored.position;
    this.#rows = stored.rows;
    this.#transactions = stored.transactions;
  }

  following(stream: WatchedStream, queue: ByteQueue<StreamItem>, work: WatchedWork): void {
    this.#stream = stream;
    this.#countedBytes = 0;
    this.#queue = queue;
    this.#work = work;
    this.#sourceError = null;
    this.#phase = 'running';
  }

  /** What the leader before has reported, to be shown until the target tells: a paused pipeline does not ask it. */
  recall({ position, rows, transactions }: Pick<PipelineStatus, 'position' | 'rows' | 'transactions'>): void {
    if (this.#epoch !== null) return;
    this.#position = position;
    this.#rows = rows;
    this.#transactions = transactions;
  }

  /** The worker no longer leads. */
  followOnly(): void {
    this.#epoch = null;
    this.#leaderSince = null;
    this.#stream = null;
    this.#queue = null;
    this.#work = null;
    this.#retention = null;
    this.#phase = 'following';
  }

  positionIs(position: SourcePosition): void {
    this.#position = position;
  }

  retentionIs(retention: BinlogRetention): void {
    this.#retention = retention;
  }

  copying(progress: SnapshotProgress): void {
    this.#phase = 'copying';
    this.#initialLoad = progress;
  }

  applied({ step, bytes, milliseconds }: AppliedBatch): void {
    const { metrics, now } = this.#options;
    const { rows } = step;
    this.#lastAppliedAt = now();
    this.#lastError = null;
    this.#position = step.position;
    this.#transactions += step.transactions;
    this.#rows = {
      inserted: this.#rows.inserted + rows.inserted,
      updated: this.#rows.updated + rows.updated,
      deleted: this.#rows.deleted + rows.deleted,
    };
    metrics.batches.inc(this.#labels);
    metrics.bytes.inc(this.#labels, bytes);
    metrics.transactions.inc(this.#labels, step.transactions);
    metrics.rows.inc({ ...this.#labels, operation: 'insert' }, rows.inserted);
    metrics.rows.inc({ ...this.#labels, operation: 'update' }, rows.updated);
    metrics.rows.inc({ ...this.#labels, operation: 'delete' }, rows.deleted);
    metrics.commitSeconds.observe(this.#labels, milliseconds / 1000);
    if (step.transactions > 0 && step.position.timestampMicros > 0) {
      this.#appliedLagSeconds = Math.max(0, now() / 1000 - step.position.timestampMicros / 1e6);
      metrics.latencySeconds.observe(this.#labels, this.#appliedLagSeconds);
    }
  }

  diverged(report: DivergenceReport, expected: boolean): void {
    // While catching up after a first copy such rows are the rule and say nothing about the data.
    if (expected) return;
    const { metrics } = this.#options;
    this.#divergence = {
      missingOnUpdate: this.#divergence.missingOnUpdate + report.missingOnUpdate,
      missingOnDelete: this.#divergence.missingOnDelete + report.missingOnDelete,
      existingOnInsert: this.#divergence.existingOnInsert + report.existingOnInsert,
      repaired: this.#divergence.repaired + report.repaired,
    };
    metrics.divergence.inc({ ...this.#labels, kind: 'missing_on_update' }, report.missingOnUpdate);
    metrics.divergence.inc({ ...this.#labels, kind: 'missing_on_delete' }, report.missingOnDelete);
    metrics.divergence.inc({ ...this.#labels, kind: 'existing_on_insert' }, report.existingOnInsert);
  }

  retried(): void {
    this.#options.metrics.retries.inc(this.#labels);
  }

  statement(outcome: string): void {
    this.#options.metrics.statements.inc({ ...this.#labels, outcome });
  }

  failed(error: LockkeeperError, attempts: number): void {
    const { metrics } = this.#options;
    if (error.code === 'LK1401') {
      this.#fenced++;
      metrics.fenced.inc(this.#labels);
    }
    metrics.errors.inc({ ...this.#labels, code: error.code });
    this.#lastError = this.#reported(error, attempts);
  }

  #reported(error: LockkeeperError, attempts: number): ReportedError {
    return reportedError(error, attempts, this.#options.now());
  }

  status(): PipelineStatus {
    const { namespace, name, worker, region } = this.#options;
    const sourceError = this.#phase === 'running' && this.#stream?.connected === false ? this.#sourceError : null;
    return {
      namespace,
      name,
      phase: sourceError === null ? this.#phase : 'retrying',
      worker,
      region,
      epoch: this.#epoch,
      leaderSince: this.#leaderSince,
      currentSource: this.#stream?.currentSource ?? null,
      position: this.#position,
      lag: { applySeconds: this.#applyLag(), heartbeatSeconds: this.#silence(), bytes: this.#queue?.bytes ?? 0 },
      retention: this.#retentionStatus(),
      rows: this.#rows,
      transactions: this.#transactions,
      initialLoad: this.#initialLoad,
      divergence: this.#divergence,
      fenced: this.#fenced,
      lastError: sourceError ?? this.#lastError,
    };
  }

  /** Brings the gauges up to date; called at each scrape. */
  updateGauges(): void {
    const { metrics, lagLimitSeconds } = this.#options;
    const status = this.status();
    const leads = status.epoch !== null;
    metrics.leader.set(this.#labels, leads ? 1 : 0);
    metrics.epoch.set(this.#labels, status.epoch ?? 0);
    metrics.backlogBytes.set(this.#labels, status.lag.bytes);
    metrics.connected.set(this.#labels, this.#stream?.connected === true ? 1 : 0);
    for (const phase of pipelinePhases) metrics.phase.set({ ...this.#labels, phase }, status.phase === phase ? 1 : 0);
    const { lag, position, initialLoad, retention } = status;
    this.#show(metrics.lag, lag.applySeconds);
    this.#show(metrics.lagLimit, leads ? lagLimitSeconds() : null);
    this.#show(metrics.heartbeatAge, lag.heartbeatSeconds);
    this.#show(
      metrics.position,
      leads && position !== null && position.timestampMicros > 0 ? position.timestampMicros / 1e6 : null,
    );
    this.#show(metrics.headroom, retention?.headroomSeconds ?? null);
    this.#show(metrics.copiedRows, leads ? (initialLoad?.rowsDone ?? null) : null);
    this.#show(metrics.copyTotal, leads ? (initialLoad?.rowsTotalEstimate ?? null) : null);
    // From zero on, or Prometheus would not see the first one as an increase.
    metrics.fenced.inc(this.#labels, 0);
    for (const kind of DIVERGENCES) metrics.divergence.inc({ ...this.#labels, kind }, 0);
    if (this.#stream !== null) {
      metrics.received.inc(this.#labels, this.#stream.receivedBytes - this.#countedBytes);
      this.#countedBytes = this.#stream.receivedBytes;
    }
  }

  /** A gauge of something unknown is left out: a former leader must not go on telling what was true of it. */
  #show(gauge: Gauge<'namespace' | 'pipeline'>, value: number | null): void {
    if (value === null) gauge.remove(this.#labels);
    else gauge.set(this.#labels, value);
  }

  #retentionStatus(): RetentionStatus | null {
    if (this.#retention === null) return null;
    const { oldestJournal, oldestBegunAt } = this.#retention;
    const now = this.#options.now();
    const reached = this.#applyLag() === 0 ? now : (this.#position?.timestampMicros ?? 0) / 1000;
    return {
      oldestJournal,
      oldestTimestamp: oldestBegunAt === null ? null : new Date(oldestBegunAt).toISOString(),
      headroomSeconds: reached === 0 ? null : headroomSeconds(this.#retention, reached, now),
    };
  }

  /** Age of the oldest change that is known and not applied; zero when there is none, and for a moment what the last one had. */
  #applyLag(): number | null {
    if (this.#stream === null) return null;
    const { now } = this.#options;
    const head = this.#queue?.head;
    const oldest = this.#work?.oldestMicros ?? (head !== undefined && 'head' in head ? head.head.commitMicros : null);
    if (oldest !== null && oldest > 0) return Math.max(0, now() / 1000 - oldest / 1e6);
    if (this.#stream.connected) return now() - this.#lastAppliedAt < 2000 ? this.#appliedLagSeconds : 0;
    // What the source has meanwhile is not known: at worst everything since.
    const position = this.#position?.timestampMicros ?? 0;
    return position === 0 ? null : Math.max(0, now() / 1000 - position / 1e6);
  }

  #silence(): number | null {
    if (this.#stream === null || this.#stream.lastEventAt === 0) return null;
    return Math.max(0, (this.#options.now() - this.#stream.lastEventAt) / 1000);
  }
}
