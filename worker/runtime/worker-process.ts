import type { Logger } from '../../common/log.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import type { HttpProbes } from '../../common/http/server.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { PipelineStatus } from '../pipeline/pipeline-status.ts';
import type { SecretStore } from '../pipeline/secrets.ts';
import type { WorkerCoordinator } from './coordinate.ts';
import { PipelineHost } from './pipeline-host.ts';
import { probesOf } from './probes.ts';

export interface WorkerProcessOptions {
  readonly worker: string;
  readonly region: string | null;
  readonly configs: readonly PipelineConfig[];
  readonly secrets: SecretStore;
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
  readonly failpoint: (name: string) => Promise<void> | void;
  readonly coordinator: WorkerCoordinator;
}

/** All pipelines of this process: each stands for election, and runs here while it is won. */
export class WorkerProcess {
  readonly probes: HttpProbes;
  readonly #options: WorkerProcessOptions;
  readonly #hosts: readonly PipelineHost[];
  #started = false;

  constructor(options: WorkerProcessOptions) {
    const { worker, region, coordinator } = options;
    this.#options = options;
    this.#hosts = options.configs.map((config) => new PipelineHost(config, options));
    const probed = {
      hosts: () => this.#hosts,
      unready: () => (this.#started ? coordinator.unready() : 'starting'),
      unhealthy: () => null,
      facts: () => ({ worker, region }),
    };
    this.probes = probesOf(probed, options.metrics);
  }

  async start(): Promise<void> {
    await this.#options.coordinator.start(this.#hosts);
    this.#started = true;
  }

  /** Every pipeline writes the batch at hand and gives its leadership up. */
  async stop(): Promise<void> {
    await this.#options.coordinator.stop();
  }

  statuses(): readonly PipelineStatus[] {
    return this.#hosts.map((host) => host.board.status());
  }
}
