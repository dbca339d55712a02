import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../common/errors.ts';
import type { Logger } from '../../common/log.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import type { Campaign, Candidate, PipelineRef, Role } from './coordinator.ts';
import { Election } from './election.ts';
import { FAILURE_PAUSE_MS, Leadership } from './leadership.ts';
import type { TermEnd } from './term.ts';

export interface CampaignOptions {
  readonly pipeline: PipelineRef;
  readonly candidate: Candidate;
  readonly worker: string;
  /** The election's path. */
  readonly path: string;
  readonly log: Logger;
  /** The role has changed. */
  readonly onRole: () => void;
  readonly onEnd: () => void;
}

/** A candidate's part in one pipeline's elections, over all sessions. Steps are taken one after the other. */
export class ZookeeperCampaign implements Campaign {
  readonly pipeline: PipelineRef;
  readonly #options: CampaignOptions;
  readonly #log: Logger;
  readonly #leadership: Leadership;
  readonly #ended = new AbortController();
  #session: ZkSession | null = null;
  #election: Election | null = null;
  #role: Role = 'waiting';
  /** What the region rule wants; a campaign that leads goes on until it resigns. */
  #wanted = false;
  #restingUntil = -Infinity;
  #steps: Promise<void> = Promise.resolve();

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.pipeline = options.pipeline;
    this.#log = options.log.child({ pipeline: options.pipeline.name });
    this.#leadership = new Leadership(options.candidate, this.#log, () => void this.#resignAfterFailure());
  }

  get role(): Role {
    return this.#role;
  }

  /** Whether this campaign is in its election's queue. */
  get standing(): boolean {
    return this.#election !== null;
  }

  /** Goes on in this session; its elections begin with `stand`. */
  attach(session: ZkSession): void {
    this.#session = session;
  }

  /** The session has ended, and every node of it. */
  detach(): void {
    this.#session = null;
    this.#election = null;
    this.#wanted = false;
    this.#setRole('waiting');
    void this.#leadership.giveUp('session ended');
  }

  stand(): void {
    this.#wanted = true;
    void this.#step(() => {
      this.#join();
      return Promise.resolve();
    });
  }

  /** Leaves the queue, unless it leads. */
  withdraw(): void {
    this.#wanted = false;
    void this.#step(() => (this.#role === 'leading' ? Promise.resolve() : this.#leave()));
  }

  resign(handOverTo?: string): Promise<void> {
    return this.#step(async () => {
      if (this.#role !== 'leading') return;
      this.#log.info({ to: handOverTo }, 'resigning');
      await this.#leave(handOverTo);
      if (this.#wanted) this.#join();
    });
  }

  end(): Promise<void> {
    this.#ended.abort();
    return this.#step(async () => {
      await this.#leave();
      this.#options.onEnd();
    });
  }

  #join(): void {
    const session = this.#session;
    if (session === null || session.ended || this.#election !== null || this.#ended.signal.aborted) return;
    if (performance.now() < this.#restingUntil || !this.#wanted) return;
    const mine = (): boolean => this.#election === election;
    const election: Election = new Election(session, this.#options.path, this.#options.worker, {
      leading: () => {
        if (!mine()) return;
        this.#leadership.take(session.lease);
        this.#setRole('leading');
      },
      following: (leader) => {
        if (!mine()) return;
        this.#setRole('following');
        this.#options.candidate.follow?.(leader);
      },
      deposed: () => {
        if (mine()) this.#stopLeading('deposed');
      },
    });
    this.#election = election;
    election.run().catch((error: unknown) => {
      if (!mine()) return;
      this.#log.error({ error: messageOf(error) }, 'cannot stand in the election; trying again');
      void this.#step(() => this.#leave().catch(() => undefined));
      void this.#rest();
    });
  }

  async #leave(handOverTo?: string): Promise<void> {
    const election = this.#election;
    this.#election = null;
    this.#setRole('waiting');
    // First the work, then the node: nobody else leads before the last batch is written.
    await this.#leadership.giveUp('resigned');
    await election?.leave(handOverTo);
  }

  #stopLeading(why: TermEnd['why']): void {
    this.#log.warn('deposed: somebody deleted this worker’s node in the election');
    this.#setRole('waiting');
    void this.#leadership.giveUp(why);
  }

  async #resignAfterFailure(): Promise<void> {
    this.#restingUntil = performance.now() + FAILURE_PAUSE_MS;
    // A failed step is logged there; the node goes with the session at the latest.
    await this.resign().catch(() => undefined);
    await this.#rest();
  }

  /** Stands again after a pause. */
  async #rest(): Promise<void> {
    this.#restingUntil = performance.now() + FAILURE_PAUSE_MS;
    await sleep(FAILURE_PAUSE_MS + 1, null, { signal: this.#ended.signal }).catch(() => undefined);
    await this.#step(() => {
      this.#join();
      return Promise.resolve();
    });
  }

  #setRole(role: Role): void {
    if (role === this.#role) return;
    this.#role = role;
    this.#options.onRole();
  }

  #step(action: () => Promise<void>): Promise<void> {
    const done = this.#steps.then(action);
    this.#steps = done.catch((error: unknown) => {
      this.#log.warn({ error: messageOf(error) }, 'a step of the election failed');
    });
    return done;
  }
}
