import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const PIPELINE = ['namespace', 'pipeline'] as const;

/**
 * All metrics of a worker process. Units are in the names (Prometheus conventions); every pipeline metric carries the
 * pipeline's namespace and name.
 */
export class WorkerMetrics {
  readonly registry = new Registry();

  readonly rows = this.#counter('lockkeeper_rows_applied_total', 'Rows applied, as the source logged them', [
    ...PIPELINE,
    'operation',
  ]);
  readonly transactions = this.#counter('lockkeeper_transactions_applied_total', 'Source transactions applied', PIPELINE);
  readonly batches = this.#counter('lockkeeper_batches_committed_total', 'Target transactions committed', PIPELINE);
  readonly bytes = this.#counter('lockkeeper_bytes_applied_total', 'Bytes of row images applied', PIPELINE);
  readonly commitSeconds = this.#histogram(
    'lockkeeper_batch_seconds',
    'Time to write and commit one target transaction',
    PIPELINE,
  );
  readonly latencySeconds = this.#histogram(
    'lockkeeper_apply_latency_seconds',
    'Time from the commit at the source to the commit at the target, of the newest transaction in each batch',
    PIPELINE,
  );
  readonly lag = this.#gauge(
    'lockkeeper_apply_lag_seconds',
    'Age of the oldest change that is known and not applied; 0 when there is none',
    PIPELINE,
  );
  readonly lagLimit = this.#gauge(
    'lockkeeper_lag_limit_seconds',
    'Lag from which the pipeline counts as lagging: spec.alerts.lagSeconds',
    PIPELINE,
  );
  readonly headroom = this.#gauge(
    'lockkeeper_source_retention_headroom_seconds',
    'Seconds until the source deletes binlog that the pipeline still needs',
    PIPELINE,
  );
  readonly heartbeatAge = this.#gauge(
    'lockkeeper_source_silence_seconds',
    'Seconds since the source was last heard of',
    PIPELINE,
  );
  readonly backlogBytes = this.#gauge('lockkeeper_queue_bytes', 'Bytes read from the source and not yet applied', PIPELINE);
  readonly position = this.#gauge(
    'lockkeeper_checkpoint_timestamp_seconds',
    'Source commit time of the stored position',
    PIPELINE,
  );
  readonly leader = this.#gauge('lockkeeper_leader', '1 while this worker leads the pipeline', PIPELINE);
  readonly epoch = this.#gauge('lockkeeper_epoch', 'Epoch of this leader, 0 when it does not lead', PIPELINE);
  readonly phase = this.#gauge('lockkeeper_pipeline_phase', '1 for the phase that the pipeline is in', [...PIPELINE, 'phase']);
  readonly fenced = this.#counter(
    'lockkeeper_fenced_writes_total',
    'Writes refused by the target because a newer leader exists',
    PIPELINE,
  );
  readonly divergence = this.#counter('lockkeeper_divergent_rows_total', 'Rows that were missing or existed already', [
    ...PIPELINE,
    'kind',
  ]);
  readonly retries = this.#counter(
    'lockkeeper_batch_retries_total',
    'Batches written again after a deadlock or lock wait',
    PIPELINE,
  );
  readonly errors = this.#counter('lockkeeper_errors_total', 'Errors by code', [...PIPELINE, 'code']);
  readonly connected = this.#gauge('lockkeeper_source_connected', '1 while the binlog stream is open', PIPELINE);
  readonly reconnects = this.#counter('lockkeeper_source_connections_total', 'Binlog streams opened', PIPELINE);
  readonly received = this.#counter('lockkeeper_binlog_bytes_received_total', 'Bytes of binlog received', PIPELINE);
  readonly statements = this.#counter('lockkeeper_ddl_statements_total', 'DDL statements by outcome', [...PIPELINE, 'outcome']);
  readonly copiedRows = this.#gauge('lockkeeper_first_copy_rows', 'Rows copied by the first copy', PIPELINE);
  readonly copyTotal = this.#gauge('lockkeeper_first_copy_rows_estimate', 'Rows that the first copy expects', PIPELINE);
  readonly zookeeperConnected = this.#gauge('lockkeeper_zookeeper_connected', '1 while the ZooKeeper session is alive', []);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** Ends the series of a pipeline that is gone. */
  async forget(namespace: string, pipeline: string): Promise<void> {
    for (const metric of Object.values(this)) {
      if (!(metric instanceof Counter || metric instanceof Gauge || metric instanceof Histogram)) continue;
      for (const { labels } of (await metric.get()).values) {
        if (labels['namespace'] !== namespace || labels['pipeline'] !== pipeline) continue;
        const { le: _, ...own } = labels;
        metric.remove(own);
      }
    }
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #histogram<L extends string>(name: string, help: string, labelNames: readonly L[]): Histogram<L> {
    const buckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60];
    return new Histogram({ name, help, labelNames: [...labelNames], buckets, registers: [this.registry] });
  }
}
