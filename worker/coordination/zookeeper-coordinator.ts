import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../common/errors.ts';
import type { Logger } from '../../common/log.ts';
import type { ZkClient } from '../../common/zookeeper/client.ts';
import { electionPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { parseQueue } from './candidate-queue.ts';
import type { Campaign, Candidate, Coordinator, PipelineRef } from './coordinator.ts';
import { Registration } from './registration.ts';
import { eligibleWorkers, homeMoves, nextMove, preferences, type SpreadView } from './spread.ts';
import { WorkerView } from './worker-view.ts';
import { ZookeeperCampaign } from './zookeeper-campaign.ts';

export interface CoordinatorTimings {
  /** Before a worker that has just started stands, so that workers starting together see each other. */
  readonly settleMs: number;
  /** A worker that is not a pipeline's first choice stands this much later per place, three places at most. */
  readonly staggerMs: number;
  /** How often the spread of pipelines is looked at. */
  readonly spreadCheckMs: number;
  /** Least time between two pipelines that one worker hands over to spread them. */
  readonly spreadIntervalMs: number;
  /** How long a worker is registered before pipelines are handed over to it. */
  readonly settledMs: number;
  /** How long `stop` waits for its nodes to go before it ends the session, which removes them too. */
  readonly stopMs: number;
}

export const defaultTimings: CoordinatorTimings = {
  settleMs: 1_000,
  staggerMs: 300,
  spreadCheckMs: 2_000,
  spreadIntervalMs: 30_000,
  settledMs: 10_000,
  stopMs: 4_500,
};

export interface ZookeeperCoordinatorOptions {
  /** Closed by its owner, after `stop`. */
  readonly client: ZkClient;
  readonly instance: InstanceRef;
  readonly worker: { readonly id: string; readonly region: string; readonly version: string; readonly host: string };
  readonly log: Logger;
  readonly timings?: Partial<CoordinatorTimings>;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

const MAX_STAGGERED_PLACES = 3;

/** Elects leaders through ZooKeeper, among all workers of an instance. */
export class ZookeeperCoordinator implements Coordinator {
  readonly #options: ZookeeperCoordinatorOptions;
  readonly #timings: CoordinatorTimings;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #startedAt = new Date().toISOString();
  readonly #campaigns = new Map<string, ZookeeperCampaign>();
  #period: Period | null = null;
  #unsubscribe: () => void = () => undefined;
  #stopping = false;
  #spreadTimer: NodeJS.Timeout | undefined;
  #lastMoveAt = -Infinity;
  #moving = false;
  #settled = false;

  constructor(options: ZookeeperCoordinatorOptions) {
    this.#options = options;
    this.#timings = { ...defaultTimings, ...options.timings };
    this.#log = options.log.child({ worker: options.worker.id });
    this.#now = options.now ?? (() => performance.now());
  }

  async start(): Promise<void> {
    const { client } = this.#options;
    await client.session.whenConnected();
    await this.#beginPeriod(client.session);
    this.#spreadTimer = setInterval(() => void this.#spread(), this.#timings.spreadCheckMs);
    this.#unsubscribe = client.onSession((session) => {
      if (session !== this.#period?.session) void this.#renew(session);
    });
  }

  campaign(pipeline: PipelineRef, candidate: Candidate): Campaign {
    const { instance, worker } = this.#options;
    const { name } = pipeline;
    if (this.#campaigns.has(name)) throw new Error(`there is a campaign for ${name} already`);
    const campaign = new ZookeeperCampaign({
      pipeline,
      candidate,
      worker: worker.id,
      path: electionPath(instance, name),
      log: this.#log,
      onRole: () => this.#period?.registration.leads(this.#led().map((led) => led.pipeline.name)),
      onEnd: () => {
        if (this.#campaigns.get(name) === campaign) this.#campaigns.delete(name);
      },
    });
    this.#campaigns.set(name, campaign);
    if (this.#period) campaign.attach(this.#period.session);
    this.#reconsider();
    return campaign;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#unsubscribe();
    clearInterval(this.#spreadTimer);
    const leaving = Promise.allSettled([...this.#campaigns.values()].map((campaign) => campaign.end()));
    const limit = new AbortController();
    await Promise.race([
      leaving.then(() => this.#period?.registration.withdraw()),
      sleep(this.#timings.stopMs, undefined, { signal: limit.signal }).catch(() => undefined),
    ]);
    limit.abort();
    this.#period?.end();
    this.#period = null;
  }

  /** The workers registered at this moment, this one included. */
  get workers(): readonly { readonly id: string; readonly region: string }[] {
    return this.#period?.view.workers ?? [];
  }

  async #beginPeriod(session: ZkSession): Promise<void> {
    const { instance, worker } = this.#options;
    const { region, version, host } = worker;
    const info = { region, version, load: 0, pipelines: [], startedAt: this.#startedAt, host };
    const registration = new Registration(session, instance, worker.id, info);
    const view = new WorkerView(session, instance, () => this.#reconsider(), this.#now);
    const period = new Period(session, registration, view);
    session.onState(({ kind }) => {
      if (kind === 'expired' || kind === 'closed') this.#endPeriod(period, kind);
    });
    await registration.register();
    if (this.#stopping || session.ended) return;
    this.#period = period;
    for (const campaign of this.#campaigns.values()) campaign.attach(session);
    view.follow(period.signal).catch((error: unknown) => {
      this.#log.error({ error: messageOf(error) }, 'cannot see the other workers');
    });
    if (!this.#settled) await sleep(this.#timings.settleMs, null, { signal: period.signal }).catch(() => undefined);
    this.#settled = true;
    this.#reconsider();
  }

  /** Begins the next period however often it takes: this worker ran already, so its configuration is right. */
  async #renew(session: ZkSession): Promise<void> {
    while (!session.ended && !this.#stopping) {
      try {
        return await this.#beginPeriod(session);
      } catch (error) {
        if (session.ended) return;
        this.#log.error({ error: messageOf(error) }, 'cannot register with ZooKeeper; trying again');
        await sleep(this.#timings.settleMs);
      }
    }
  }

  #endPeriod(period: Period, why: string): void {
    period.end();
    if (this.#period !== period) return;
    this.#log.warn({ why }, 'ZooKeeper session ended');
    this.#period = null;
    for (const campaign of this.#campaigns.values()) campaign.detach();
  }

  /** Joins and leaves queues as the registered workers demand. */
  #reconsider(): void {
    const period = this.#period;
    if (period === null || this.#stopping || !this.#settled) return;
    const { id } = this.#options.worker;
    const workers = period.view.workers;
    if (!workers.some((worker) => worker.id === id)) return; // not yet read
    const preferred = preferences(this.#pipelines(), workers);
    for (const campaign of this.#campaigns.values()) {
      if (!eligibleWorkers(campaign.pipeline, workers).some((worker) => worker.id === id)) {
        if (campaign.standing) campaign.withdraw();
      } else if (!campaign.standing) {
        const place = preferred.get(campaign.pipeline.name)?.indexOf(id) ?? 0;
        void period.standAfter(campaign, Math.min(Math.max(0, place), MAX_STAGGERED_PLACES) * this.#timings.staggerMs);
      }
    }
  }

  /** Hands pipelines over: back to their own region, and from busier to less busy workers. */
  async #spread(): Promise<void> {
    const period = this.#period;
    const led = this.#led();
    if (period === null || led.length === 0 || this.#moving || this.#stopping || !this.#settled) return;
    if (period.session.state.kind !== 'connected') return;
    this.#moving = true;
    try {
      const me = this.#options.worker.id;
      const workers = period.view.workers;
      const view = {
        me,
        workers,
        pipelines: this.#pipelines(),
        leaders: new Map(led.map(({ pipeline }) => [pipeline.name, me])),
      };
      for (const move of homeMoves(view, this.#timings.settledMs)) {
        if (await this.#stands(period.session, move.pipeline, move.to)) await this.#campaigns.get(move.pipeline)?.resign(move.to);
      }
      // Nobody leads two fewer than one who leads no more than the average.
      if (workers.length < 2 || led.length < 2 || led.length <= Math.floor(view.pipelines.length / workers.length)) return;
      const sinceLastMoveMs = this.#now() - this.#lastMoveAt;
      if (sinceLastMoveMs < this.#timings.spreadIntervalMs) return;
      const full: SpreadView = { ...view, leaders: await this.#leaders(period.session), sinceLastMoveMs };
      const move = nextMove(full, this.#timings);
      if (move === null || !(await this.#stands(period.session, move.pipeline, move.to))) return;
      this.#lastMoveAt = this.#now();
      await this.#campaigns.get(move.pipeline)?.resign(move.to);
    } catch (error) {
      if (!isZkError(error)) this.#log.error({ error: messageOf(error) }, 'spreading pipelines failed');
    } finally {
      this.#moving = false;
    }
  }

  async #leaders(session: ZkSession): Promise<Map<string, string>> {
    const leaders = new Map<string, string>();
    await Promise.all(
      this.#pipelines().map(async ({ name }) => {
        const leader = (await this.#queue(session, name))[0];
        if (leader !== undefined) leaders.set(name, leader.worker);
      }),
    );
    return leaders;
  }

  async #stands(session: ZkSession, pipeline: string, worker: string): Promise<boolean> {
    return (await this.#queue(session, pipeline)).some((candidate) => candidate.worker === worker);
  }

  async #queue(session: ZkSession, pipeline: string) {
    try {
      return parseQueue(await session.children(electionPath(this.#options.instance, pipeline)));
    } catch (error) {
      if (isZkError(error, 'no-node')) return [];
      throw error;
    }
  }

  #pipelines(): PipelineRef[] {
    return [...this.#campaigns.values()].map(({ pipeline }) => pipeline);
  }

  #led(): ZookeeperCampaign[] {
    return [...this.#campaigns.values()].filter(({ role }) => role === 'leading');
  }
}

/** What belongs to one session. */
class Period {
  readonly session: ZkSession;
  readonly registration: Registration;
  readonly view: WorkerView;
  readonly #ended = new AbortController();
  readonly #waiting = new Set<ZookeeperCampaign>();

  constructor(session: ZkSession, registration: Registration, view: WorkerView) {
    this.session = session;
    this.registration = registration;
    this.view = view;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  async standAfter(campaign: ZookeeperCampaign, delayMs: number): Promise<void> {
    if (this.#waiting.has(campaign)) return;
    this.#waiting.add(campaign);
    if (delayMs > 0) await sleep(delayMs, null, { signal: this.#ended.signal }).catch(() => undefined);
    this.#waiting.delete(campaign);
    if (!this.#ended.signal.aborted) campaign.stand();
  }

  end(): void {
    this.#ended.abort();
  }
}
