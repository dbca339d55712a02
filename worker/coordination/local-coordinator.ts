import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../common/log.ts';
import type { Campaign, Candidate, Coordinator, PipelineRef, Role } from './coordinator.ts';
import { FAILURE_PAUSE_MS, Leadership } from './leadership.ts';

/** One process without ZooKeeper: it leads every pipeline. Two such processes are kept apart only by the target's epoch. */
export class LocalCoordinator implements Coordinator {
  readonly #log: Logger;
  readonly #campaigns = new Map<string, LocalCampaign>();
  #started = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  start(): Promise<void> {
    this.#started = true;
    for (const campaign of this.#campaigns.values()) campaign.begin();
    return Promise.resolve();
  }

  campaign(pipeline: PipelineRef, candidate: Candidate): Campaign {
    if (this.#campaigns.has(pipeline.name)) throw new Error(`there is a campaign for ${pipeline.name} already`);
    const campaign = new LocalCampaign(pipeline, candidate, this.#log, () => this.#campaigns.delete(pipeline.name));
    this.#campaigns.set(pipeline.name, campaign);
    if (this.#started) campaign.begin();
    return campaign;
  }

  async stop(): Promise<void> {
    this.#started = false;
    await Promise.all([...this.#campaigns.values()].map((campaign) => campaign.end()));
  }
}

class LocalCampaign implements Campaign {
  readonly pipeline: PipelineRef;
  readonly #leadership: Leadership;
  readonly #onEnd: () => void;
  readonly #ended = new AbortController();

  constructor(pipeline: PipelineRef, candidate: Candidate, log: Logger, onEnd: () => void) {
    this.pipeline = pipeline;
    this.#onEnd = onEnd;
    this.#leadership = new Leadership(candidate, log.child({ pipeline: pipeline.name }), () => void this.#resignAfterFailure());
  }

  get role(): Role {
    return this.#leadership.held ? 'leading' : 'waiting';
  }

  begin(): void {
    if (!this.#ended.signal.aborted) this.#leadership.take(null);
  }

  async resign(): Promise<void> {
    await this.#leadership.giveUp('resigned');
    this.begin();
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await this.#leadership.giveUp('resigned');
    this.#onEnd();
  }

  async #resignAfterFailure(): Promise<void> {
    await this.#leadership.giveUp('resigned');
    await sleep(FAILURE_PAUSE_MS, null, { signal: this.#ended.signal }).catch(() => undefined);
    this.begin();
  }
}
