import { messageOf, type LockkeeperError } from '../../common/errors.ts';
import type { Logger } from '../../common/log.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import type { Campaign, Coordinator } from '../coordination/coordinator.ts';
import type { StatusStore } from '../coordination/status-store.ts';
import { leadAndReport } from './lead-and-report.ts';
import type { PipelineHost } from './pipeline-host.ts';
import type { PipelineInspector } from './pipeline-inspector.ts';

export interface ServedPipelineOptions {
  readonly host: PipelineHost;
  readonly inspector: PipelineInspector;
  readonly coordinator: Coordinator;
  readonly statuses: StatusStore;
  readonly log: Logger;
  /** The end of the pipeline of the same name before this one, if any. */
  readonly after: Promise<void>;
}

/** A pipeline of the instance for as long as it is configured: stands for election, and runs here while that is won. */
export class ServedPipeline {
  readonly host: PipelineHost;
  readonly #options: ServedPipelineOptions;
  #campaign: Campaign | null = null;
  #ended = false;
  /** Standing and leaving, one after the other. Never rejects. */
  #steps: Promise<void>;

  constructor(options: ServedPipelineOptions) {
    this.#options = options;
    this.host = options.host;
    this.host.board.followOnly();
    this.#steps = options.after;
    this.#step(() => this.#stand());
  }

  reconfigure(config: PipelineConfig): void {
    this.host.reconfigure(config);
    this.#step(() => this.#stand());
  }

  refuse(error: LockkeeperError): void {
    this.host.refuse(error);
  }

  /** Drains the pipeline if it runs here and leaves its election. */
  end(): Promise<void> {
    this.#ended = true;
    this.#step(() => this.#leave());
    return this.#steps;
  }

  /** Takes part in the election, as a worker for the region that the configuration names. */
  async #stand(): Promise<void> {
    const { coordinator, statuses, inspector } = this.#options;
    const { host } = this;
    if (this.#ended || this.#campaign?.pipeline.region === host.ref.region) return;
    await this.#leave();
    this.#campaign = coordinator.campaign(host.ref, {
      lead: (term) => leadAndReport(host, term, statuses, () => inspector.tick()),
      follow: () => host.board.followOnly(),
    });
  }

  async #leave(): Promise<void> {
    const campaign = this.#campaign;
    this.#campaign = null;
    await campaign?.end();
  }

  #step(action: () => Promise<void>): void {
    this.#steps = this.#steps.then(action).catch((error: unknown) => {
      this.#options.log.error({ pipeline: this.host.ref.name, error: messageOf(error) }, 'a step of the election failed');
    });
  }
}
