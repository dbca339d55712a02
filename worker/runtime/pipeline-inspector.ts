import { messageOf } from '../../common/errors.ts';
import type { Finding } from '../../common/finding.ts';
import type { Logger } from '../../common/log.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { preflightReport } from '../../crds/preflight-report.ts';
import type { PipelineHost } from './pipeline-host.ts';

export interface InspectorOptions {
  readonly host: PipelineHost;
  /** Never runs while a pipeline begins, since beginning is urgent and this is not. */
  readonly check: (config: PipelineConfig) => Promise<readonly Finding[]>;
  readonly log: Logger;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

const FIRST_MS = 5_000;
/** A person who mends something wants to see it. */
const WITH_ERRORS_MS = 60_000;
const WELL_MS = 600_000;

/** Looks at the target and tables of a pipeline that this worker leads, soon after its configuration came and then again and again. */
export class PipelineInspector {
  readonly #options: InspectorOptions;
  readonly #now: () => number;
  #config: PipelineConfig | null = null;
  #dueAt = 0;
  #looking = false;

  constructor(options: InspectorOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** To be called every second or so. A stopped pipeline's target is left alone. */
  tick(): void {
    const { host } = this.#options;
    const { config } = host;
    if (config.pipeline.state === 'Stopped') {
      this.#config = null;
      host.inspected(null);
      return;
    }
    if (config !== this.#config) {
      this.#config = config;
      this.#dueAt = this.#now() + FIRST_MS;
    }
    if (!this.#looking && this.#now() >= this.#dueAt) void this.#look(config);
  }

  async #look(config: PipelineConfig): Promise<void> {
    const { host, check, log } = this.#options;
    this.#looking = true;
    try {
      const findings = await check(config);
      this.#dueAt = this.#now() + (findings.some(({ severity }) => severity === 'error') ? WITH_ERRORS_MS : WELL_MS);
      if (config === this.#config) host.inspected(preflightReport(findings, new Date().toISOString()));
      else this.#dueAt = this.#now();
    } catch (error) {
      this.#dueAt = this.#now() + WITH_ERRORS_MS;
      log.warn({ error: messageOf(error) }, 'looking at the target failed');
    } finally {
      this.#looking = false;
    }
  }
}
