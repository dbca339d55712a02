import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../../common/log.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { PipelineRef } from '../coordination/coordinator.ts';
import type { WriteGate } from '../pipeline/apply-loop.ts';
import { PipelineBoard } from '../pipeline/pipeline-board.ts';
import { PipelineRunner, type TermEnd } from '../pipeline/pipeline-runner.ts';
import { watchRetention, type RetentionWatchOptions } from '../pipeline/retention-watch.ts';
import type { SecretStore } from '../pipeline/secrets.ts';

export interface PipelineHostOptions {
  readonly worker: string;
  readonly region: string | null;
  readonly secrets: SecretStore;
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
  readonly failpoint: (name: string) => Promise<void> | void;
}

/** One pipeline as this process has it: its board, and its runner while a term of leadership lasts. */
export class PipelineHost {
  readonly board: PipelineBoard;
  readonly #runner: PipelineRunner;
  readonly #retention: RetentionWatchOptions;
  #config: PipelineConfig;
  #reconfigured: AbortController | null = null;

  constructor(config: PipelineConfig, options: PipelineHostOptions) {
    const { namespace, name } = config;
    const { worker, region, secrets, metrics, failpoint } = options;
    this.#config = config;
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
    if (isDeepStrictEqual(config, this.#config)) return;
    this.#config = config;
    this.#reconfigured?.abort(new Error('the configuration has changed'));
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
        const reconfigured = new AbortController();
        this.#reconfigured = reconfigured;
        const either = AbortSignal.any([signal, reconfigured.signal]);
        const end = await this.#runner.lead(this.#config, term, hold, either);
        if (signal.aborted || end.kind === 'fenced') return end;
        if (!either.aborted) await new Promise((resolve) => either.addEventListener('abort', resolve, { once: true }));
        if (signal.aborted) return end;
      }
    } finally {
      this.#reconfigured = null;
      over.abort();
      this.board.followOnly();
    }
  }
}
