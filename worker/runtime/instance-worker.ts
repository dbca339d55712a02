import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { asLockkeeperError, messageOf, type LockkeeperError } from '../../common/errors.ts';
import type { Logger } from '../../common/log.ts';
import type { ZkClient } from '../../common/zookeeper/client.ts';
import { electionPath, statusPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import { sweepPipeline } from '../../common/zookeeper/removal.ts';
import { reportZnode } from '../../common/zookeeper/znode.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import type { ReportedError } from '../../crds/pipeline-report.ts';
import { ConfigStore } from '../coordination/config-store.ts';
import { StatusStore } from '../coordination/status-store.ts';
import { ZookeeperCoordinator, type CoordinatorTimings } from '../coordination/zookeeper-coordinator.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { checkTargetSide } from '../pipeline/preflight.ts';
import { reportedError } from '../pipeline/reported-error.ts';
import type { SecretStore } from '../pipeline/secrets.ts';
import { PipelineHost } from './pipeline-host.ts';
import { PipelineInspector } from './pipeline-inspector.ts';
import { refusedReport } from './refused-report.ts';
import { ServedPipeline } from './served-pipeline.ts';
import { SourceReporter } from './source-reporter.ts';
import { Turns } from './turns.ts';

export interface InstanceWorkerOptions {
  /** Closed by `stop`. */
  readonly client: ZkClient;
  readonly instance: InstanceRef;
  readonly worker: { readonly id: string; readonly region: string; readonly version: string };
  readonly secrets: SecretStore;
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
  readonly failpoint: (name: string) => Promise<void> | void;
  readonly timings?: Partial<CoordinatorTimings>;
}

const AGAIN_MS = 1_000;

/**
 * A worker of an instance: serves the pipelines whose configurations stand in ZooKeeper, as they come, change and go, and tells
 * there how they do. Nothing that one pipeline meets holds up another.
 */
export class InstanceWorker {
  readonly #options: InstanceWorkerOptions;
  readonly #log: Logger;
  readonly #coordinator: ZookeeperCoordinator;
  readonly #statuses: StatusStore;
  readonly #source: SourceReporter;
  readonly #served = new Map<string, ServedPipeline>();
  /** Pipelines that are leaving, by name: a new one of the same name waits for that. */
  readonly #leaving = new Map<string, Promise<void>>();
  /** Pipelines that never had a configuration of use. */
  readonly #refused = new Map<string, ReportedError>();
  readonly #turns = new Turns();
  readonly #stopping = new AbortController();
  #unwatch: () => void = () => undefined;
  /** Why this worker takes no part yet; null once it does. */
  #waitsFor: string | null = 'starting';

  constructor(options: InstanceWorkerOptions) {
    const { client, instance, worker, secrets, log } = options;
    this.#options = options;
    this.#log = log;
    this.#statuses = new StatusStore(client, instance);
    this.#coordinator = new ZookeeperCoordinator({
      client,
      instance,
      worker: { ...worker, host: hostname() },
      log,
      ...(options.timings === undefined ? {} : { timings: options.timings }),
    });
    this.#source = new SourceReporter({
      ...{ client, instance, worker, secrets, log },
      configs: () => Array.from(this.hosts(), (host) => host.config),
      isChosen: () => this.#coordinator.workers.map(({ id }) => id).sort()[0] === worker.id,
    });
  }

  /** Takes part as soon as ZooKeeper can be reached, however long that takes; resolves then, or when it is stopped before. */
  async start(): Promise<void> {
    const { client, instance } = this.#options;
    this.#unwatch = new ConfigStore(client, instance).watch({
      config: (config) => this.#configure(config),
      invalid: (name, error) => this.#refuse(name, error),
      removed: (name) => this.#remove(name),
    });
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#coordinator.start();
        if (this.#stopping.signal.aborted) return;
        this.#waitsFor = null;
        this.#source.start();
        return;
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        this.#waitsFor = messageOf(error);
        this.#log.warn({ err: asLockkeeperError(error, 'LK1701').toJSON() }, 'cannot take part yet; trying again');
        await sleep(AGAIN_MS, null, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
  }

  /** Every pipeline writes the batch at hand and gives its leadership up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#unwatch();
    this.#source.stop();
    await this.#coordinator.stop();
    await this.#options.client.close();
  }

  *hosts(): Iterable<PipelineHost> {
    for (const { host } of this.#served.values()) yield host;
  }

  unready(): string | null {
    const { kind } = this.#options.client.session.state;
    return kind === 'connected' ? this.#waitsFor : `ZooKeeper session is ${kind}`;
  }

  /** A session that was closed by the servers is not made anew: they refused what this process is. */
  unhealthy(): string | null {
    const closed = this.#options.client.session.state.kind === 'closed' && !this.#stopping.signal.aborted;
    return closed ? 'ZooKeeper has refused this process' : null;
  }

  facts(): Readonly<Record<string, unknown>> {
    const { instance, worker } = this.#options;
    const refused = Array.from(this.#refused, ([name, error]) => ({ name, error }));
    return { worker: worker.id, region: worker.region, ...instance, version: worker.version, refused };
  }

  #configure(config: PipelineConfig): void {
    const { name } = config;
    this.#refused.delete(name);
    const served = this.#served.get(name);
    this.#log.info({ pipeline: name, generation: config.generation }, served ? 'reconfiguring' : 'serving a new pipeline');
    if (served !== undefined) {
      served.reconfigure(config);
      return;
    }
    const { worker, secrets, metrics, failpoint } = this.#options;
    const log = this.#log;
    const host = new PipelineHost(config, { worker: worker.id, region: worker.region, secrets, metrics, log, failpoint });
    const check = (wanted: PipelineConfig) => this.#turns.take(() => checkTargetSide(wanted, secrets, { both: true }));
    const inspector = new PipelineInspector({ host, check, log: log.child({ pipeline: name }) });
    const after = this.#leaving.get(name) ?? Promise.resolve();
    const [coordinator, statuses] = [this.#coordinator, this.#statuses];
    this.#served.set(name, new ServedPipeline({ host, inspector, coordinator, statuses, log, after }));
  }

  #refuse(name: string, error: LockkeeperError): void {
    this.#log.error({ pipeline: name, err: error.toJSON() }, 'configuration refused; the one before stays in force');
    if (name === '') return;
    const served = this.#served.get(name);
    if (served !== undefined) {
      served.refuse(error);
      return;
    }
    const refusal = reportedError(error, 1, Date.now());
    this.#refused.set(name, refusal);
    void this.#reportRefused(name, refusal).catch((failure: unknown) => {
      this.#log.warn({ pipeline: name, error: messageOf(failure) }, 'cannot report a refused configuration');
    });
  }

  /** Nobody leads a pipeline that never had a configuration of use; whoever reads it first says so. A leader's report is left alone. */
  async #reportRefused(name: string, error: ReportedError): Promise<void> {
    const { client, instance, worker } = this.#options;
    const { session } = client;
    const candidates = await session.children(electionPath(instance, name)).catch(() => []);
    if (candidates.length > 0) return;
    const report = refusedReport({ ...instance, name, worker: worker.id, region: worker.region }, error);
    await reportZnode(session, statusPath(instance, name), JSON.stringify(report));
  }

  #remove(name: string): void {
    this.#refused.delete(name);
    const served = this.#served.get(name);
    if (served === undefined) return;
    this.#log.info({ pipeline: name }, 'draining a pipeline that was removed');
    this.#served.delete(name);
    const gone = served.end().then(() => this.#sweep(name));
    this.#leaving.set(name, gone);
    void gone.then(() => {
      if (this.#leaving.get(name) === gone) this.#leaving.delete(name);
    });
  }

  /** What is left of a pipeline here and in ZooKeeper. Never rejects. */
  async #sweep(name: string): Promise<void> {
    const { client, instance, metrics } = this.#options;
    await metrics.forget(instance.namespace, name);
    await sweepPipeline(client.session, instance, name).catch((error: unknown) => {
      this.#log.warn({ pipeline: name, error: messageOf(error) }, 'the znodes of a removed pipeline may be left');
    });
  }
}
