import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { LockkeeperError } from '../../common/errors.ts';
import type { Logger } from '../../common/log.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { serverKey } from '../../crds/index.ts';
import type { PipelineReport, ReportedError } from '../../crds/pipeline-report.ts';
import type { PreflightReport } from '../../crds/preflight-report.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { PipelineRef } from '../coordination/coordinator.ts';
import type { WriteGate } from '../pipeline/apply-loop.ts';
import { PipelineBoard } from '../pipeline/pipeline-board.ts';
import { PipelineRunner, type TermEnd } from '../pipeline/pipeline-runner.ts';
import { reportedError } from '../pipeline/reported-error.ts';
import { watchRetention, type RetentionWatchOptions } from '../pipeline/retention-watch.ts';
import type { SecretStore } from '../pipeline/secrets.ts';

export interface PipelineHostOptions {
  readonly worker: string;
  readonly region: string | null;
  readonly secrets: SecretStore;
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
  readonly failpoint: (name: string) => Promise<void> | void;
  /** How often a pipeline is tried again that was refused access, where Secrets may change. Default 60000 ms. */
  readonly accessRetryMs?: number;
}

/** Where a Secret or an account is wrong. Both are put right without any change to the pipeline, so it must find out by itself. */
const ACCESS_FAULTS: ReadonlySet<string> = new Set(['LK1005', 'LK1101', 'LK1103', 'LK1111', 'LK1301', 'LK1303']);
const ACCESS_RETRY_MS = 60_000;
/** A GTID set of very many servers is of no use to people and would fill the znode. */
const MAX_GTID = 100_000;

/** One pipeline as this process has it: its board, and its runner while a term of leadership lasts. */
export class PipelineHost {
  readonly board: PipelineBoard;
  readonly #options: PipelineHostOptions;
  readonly #runner: PipelineRunner;
  readonly #retention: RetentionWatchOptions;
  #config: PipelineConfig;
  /** What runs; while this worker does not lead, the newest. */
  #inForce: PipelineConfig;
  #configError: ReportedError | null = null;
  #preflight: PreflightReport | null = null;
  #again: AbortController | null = null;
  #suspended = false;

  constructor(config: PipelineConfig, options: PipelineHostOptions) {
    const { namespace, name } = config;
    const { worker, region, secrets, metrics, failpoint } = options;
    this.#options = options;
    this.#config = config;
    this.#inForce = config;
    this.board = new PipelineBoard({
      namespace,
      name,
      worker,
      region,
      metrics,
      lagLimitSeconds: () => this.#config.pipeline.alerts.lagSeconds,
      now: () => Date.now(),
    });
    const log = options.log.child({ pipeline: `${namespace}/${name}` });
    const sleep = (milliseconds: number, signal: AbortSignal) =>
      delay(milliseconds, undefined, { signal }).catch(() => undefined);
    this.#retention = { config: () => this.#config, secrets, board: this.board, log, sleep };
    this.#runner = new PipelineRunner({
      worker,
      secrets,
      board: this.board,
      log,
      failpoint,
      sleep,
      now: () => performance.now(),
      random: Math.random,
    });
  }

  get config(): PipelineConfig {
    return this.#config;
  }

  /** As elections know it. */
  get ref(): PipelineRef {
    return { name: this.#config.name, region: this.#config.pipeline.region };
  }

  /** Takes effect at once: what runs drains, and goes on under the new configuration. */
  reconfigure(config: PipelineConfig): void {
    this.#configError = null;
    const before = this.#config;
    this.#config = config;
    if (isDeepStrictEqual(config, before)) return;
    if (!this.#suspended && isDeepStrictEqual(whatRuns(config), whatRuns(before))) this.#inForce = config;
    else if (this.#again === null) this.#inForce = config;
    else this.#again.abort(new Error('the configuration has changed'));
  }

  /** The configuration in ZooKeeper cannot be used; the one before stays in force. */
  refuse(error: LockkeeperError): void {
    this.#configError = reportedError(error, 1, Date.now());
  }

  /** What a look at target and tables has found; null where none is wanted. */
  inspected(preflight: PreflightReport | null): void {
    this.#preflight = preflight;
  }

  report(): PipelineReport {
    const status = this.board.status();
    const { position } = status;
    const long = position?.gtid != null && position.gtid.length > MAX_GTID;
    return {
      ...status,
      instance: this.#config.instance,
      at: new Date().toISOString(),
      generation: this.#inForce.generation,
      instanceGeneration: this.#inForce.instanceGeneration,
      currentTarget: serverKey(this.#inForce.pipeline.target),
      configError: this.#configError,
      position: long ? { ...position, gtid: `${position.gtid!.slice(0, MAX_GTID)}…` } : position,
      preflight: this.#preflight,
    };
  }

  /**
   * Runs the pipeline while `signal` allows. A suspended pipeline waits for a new configuration. Returns how the term ended: a
   * fenced leader must stand for election again.
   */
  async lead(term: WriteGate, signal: AbortSignal): Promise<TermEnd> {
    const hold = { epoch: null };
    const over = new AbortController();
    void watchRetention(this.#retention, over.signal);
    try {
      for (;;) {
        const again = new AbortController();
        this.#again = again;
        this.#inForce = this.#config;
        const either = AbortSignal.any([signal, again.signal]);
        const end = await this.#runner.lead(this.#config, term, hold, either);
        if (signal.aborted || end.kind === 'fenced') return end;
        await this.#untilWorthwhile(end, either);
        if (signal.aborted) return end;
      }
    } finally {
      this.#again = null;
      this.#preflight = null;
      this.#inForce = this.#config;
      over.abort();
      this.board.followOnly();
    }
  }

  /** Resolves when `signal` aborts, or when access that was refused may be granted now. */
  async #untilWorthwhile(end: TermEnd, signal: AbortSignal): Promise<void> {
    const { secrets, accessRetryMs = ACCESS_RETRY_MS } = this.#options;
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    const access = end.kind === 'suspended' && ACCESS_FAULTS.has(end.error.code) && secrets.onChange !== undefined;
    const unsubscribe = access ? secrets.onChange!(resolve) : undefined;
    const timer = access ? setTimeout(resolve, accessRetryMs) : undefined;
    this.#suspended = end.kind === 'suspended';
    await promise;
    this.#suspended = false;
    unsubscribe?.();
    clearTimeout(timer);
  }
}

/** What of a configuration the running pipeline depends on: other changes need not interrupt it. */
function whatRuns(config: PipelineConfig): unknown {
  const { generation: _, instanceGeneration: _of, source, pipeline, ...rest } = config;
  const { workers: _workers, zkEnsembleRef: _ensemble, ...read } = source;
  const { region: _region, alerts: _alerts, ...written } = pipeline;
  return { ...rest, read, written };
}
