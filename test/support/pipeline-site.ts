import type { Registry } from 'prom-client';
import { configPath, electionPath, pipelinePath, statusPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { Disturbances, serverKey } from '../../crds/index.ts';
import { decodeConfig } from '../../crds/config-codec.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import type { PipelineReport } from '../../crds/pipeline-report.ts';
import type { WorkerInfo } from '../../crds/worker-info.ts';
import type { Coordination, InstanceView } from '../../operator/coordination/view.ts';
import {
  findCondition,
  resources,
  type KubeEvent,
  type KubeObject,
  type Live,
  type Resource,
  type SyncPipelineResource,
} from '../../operator/kube/index.ts';
import { settle } from '../../operator/kube/manual-clock.ts';
import { claimOf } from '../../operator/syncpipeline/claims.ts';
import { addSyncPipelines } from '../../operator/syncpipeline/controller.ts';
import type { Connection } from '../apiserver/index.ts';
import { Cluster, type Operator } from '../kube/cluster.ts';
import { MemoryZookeeper } from './pipeline-zookeeper.ts';
import { pipelineReport, workerInfo } from './reports.ts';

export const namespace = 'shop';
export const instance = 'orders';
export const ref: InstanceRef = { namespace, instance };

type Fields = Readonly<Record<string, unknown>>;

/** How often workers report, in milliseconds. */
const REPORT_MS = 5_000;

/**
 * Workers of one instance and their ensemble, in memory: each pipeline with a configuration is led by the first of them, which
 * reports. That real ones do as much is seen in test/e2e/worker.test.ts.
 */
export class SimulatedWorkers implements Coordination {
  readonly zookeeper = new MemoryZookeeper();
  readonly workers = new Map<string, WorkerInfo>([['w1', workerInfo()]]);
  /** In force at the leader, by pipeline. */
  readonly taken = new Map<string, PipelineConfig>();
  /** What a report says besides what follows from the configuration, by pipeline. */
  readonly fields = new Map<string, Partial<PipelineReport>>();
  /** Whether the ensemble has passwords. */
  formed = true;
  trouble: string | null = null;
  /** Instances whose ensemble cannot be reached, and since when nobody knows why: then null. */
  readonly away = new Map<string, string | null>();
  followed = new Set<string>();
  readonly #reports = new Map<string, PipelineReport>();
  readonly #listeners = new Set<(ref: InstanceRef, pipeline: string | undefined) => void>();
  readonly #session = this.zookeeper.session();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  view(_ensemble: Live, of: InstanceRef): Promise<InstanceView | null> {
    if (!this.formed) return Promise.resolve(null);
    this.followed.add(of.instance);
    const [workers, reports] = of.instance === instance ? [this.workers, this.#reports] : [new Map(), new Map()];
    const trouble = () => this.away.get(of.instance) ?? this.trouble;
    const nowhere = { state: { kind: 'suspended' } } as ZkSession;
    return Promise.resolve({
      known: true,
      get trouble() {
        return trouble();
      },
      workers: workers as ReadonlyMap<string, WorkerInfo>,
      source: null,
      reports: reports as ReadonlyMap<string, PipelineReport>,
      session: this.away.has(of.instance) ? nowhere : this.#session,
    });
  }

  forget(of: InstanceRef): void {
    this.followed.delete(of.instance);
  }

  onNews(listener: (ref: InstanceRef, pipeline: string | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(pipeline?: string): void {
    for (const listener of this.#listeners) listener(ref, pipeline);
  }

  /** A second in the life of workers. */
  tick(): void {
    if (!this.zookeeper.reachable) return;
    const names = new Set([
      ...this.zookeeper.children(`/lockkeeper/${namespace}/${instance}/pipelines`),
      ...this.taken.keys(),
      ...this.#reports.keys(),
    ]);
    for (const name of names) this.#serve(name);
  }

  #serve(name: string): void {
    const text = this.zookeeper.text(configPath(ref, name));
    const [leader] = [...this.workers.keys()].sort();
    const candidate = `${electionPath(ref, name)}/candidate`;
    if (text === null) {
      // The leader drains, leaves the election and sweeps up.
      if (this.taken.delete(name)) return;
      this.zookeeper.remove(candidate);
      for (const path of [statusPath(ref, name), electionPath(ref, name), pipelinePath(ref, name)]) this.zookeeper.remove(path);
      if (this.#reports.delete(name)) this.tell(name);
      return;
    }
    if (leader === undefined) return;
    const config = decodeConfig(text, name);
    const before = this.taken.get(name);
    this.taken.set(name, config);
    this.zookeeper.ensurePath(candidate);
    if (before?.generation !== config.generation || before.instanceGeneration !== config.instanceGeneration) return; // it takes a moment until it runs
    const phases = { Running: 'running', Paused: 'paused', Stopped: 'stopped' } as const;
    const report = pipelineReport({
      ...{
        ...ref,
        name,
        generation: config.generation,
        instanceGeneration: config.instanceGeneration,
        worker: leader,
        region: this.workers.get(leader)!.region,
      },
      ...{
        phase: phases[config.pipeline.state],
        currentTarget: serverKey(config.pipeline.target),
        at: new Date(this.#now()).toISOString(),
      },
      ...this.fields.get(name),
    });
    this.zookeeper.ensurePath(statusPath(ref, name));
    this.#reports.set(name, report);
    this.tell(name);
  }
}

const encoded = (data: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));

/** A namespace with everything that pipelines take, an operator for them, and workers; hours of it take milliseconds. */
export class PipelineSite {
  readonly cluster = new Cluster();
  readonly workers: SimulatedWorkers;
  /** What must never happen, and did. */
  readonly violations: string[] = [];
  registry: Registry | undefined;
  operator!: Operator;
  readonly connections: Connection[] = [];

  constructor() {
    const { clock, server } = this.cluster;
    this.workers = new SimulatedWorkers(() => clock.now());
    const tick = () => {
      this.workers.tick();
      clock.after(REPORT_MS, tick);
    };
    tick();
    server.store.onCommit(() => this.#watch());
    this.workers.zookeeper.onWrite = (path) => this.#watchConfigs(path);
  }

  start(prepare: (connection: Connection) => void = () => undefined): Operator {
    this.operator = this.cluster.startOperator(
      (manager) => addSyncPipelines(manager, { coordination: this.workers, registry: this.registry }),
      (connection) => {
        this.connections.push(connection);
        prepare(connection);
      },
    );
    return this.operator;
  }

  apply(kind: 'ZkEnsemble' | 'CanalInstance' | 'SyncPipeline', name: string, spec: Fields): Promise<Live> {
    const resource = resources[kind] as Resource;
    const object = { apiVersion: resource.apiVersion, kind, metadata: { name, namespace }, spec };
    return this.cluster.user.apply(resource, object, { fieldManager: 'kubectl' });
  }

  ensemble(name = 'main'): Promise<Live> {
    return this.apply('ZkEnsemble', name, {});
  }

  instance(spec: Fields = {}, name = instance): Promise<Live> {
    return this.apply('CanalInstance', name, {
      zkEnsembleRef: { name: 'main' },
      master: { host: 'mysql.home' },
      credentialsSecretRef: { name: 'source' },
      serverId: 1000,
      ...spec,
    });
  }

  pipeline(name: string, spec: Fields = {}): Promise<Live> {
    return this.apply('SyncPipeline', name, {
      canalInstanceRef: { name: instance },
      target: { host: `mysql.${name}`, credentialsSecretRef: { name: 'target' } },
      ...spec,
    });
  }

  async secret(name = 'target', data: Readonly<Record<string, string>> = { username: 'u', password: 'p' }): Promise<void> {
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, data: encoded(data) };
    await this.cluster.user.apply(resources.Secret, object, { fieldManager: 'kubectl' });
  }

  /** All that a pipeline takes. */
  async ground(): Promise<void> {
    await this.secret();
    await this.ensemble();
    await this.instance();
  }

  remove(kind: 'ZkEnsemble' | 'CanalInstance' | 'SyncPipeline' | 'Secret', name: string): Promise<void> {
    return this.cluster.user.delete(resources[kind], { name, namespace });
  }

  object(name: string): Live<SyncPipelineResource> | undefined {
    return this.list(resources.SyncPipeline).find(({ metadata }) => metadata.name === name);
  }

  list<T extends KubeObject>({ apiVersion, plural }: Resource<T>): readonly Live<T>[] {
    return this.cluster.server.store.list(`${apiVersion}/${plural}`) as readonly Live<T>[];
  }

  condition(name: string, type = 'Ready'): string {
    const { status, reason } = findCondition(this.object(name)?.status?.conditions, type) ?? { status: 'absent', reason: '' };
    return `${status} ${reason}`;
  }

  message(name: string, type = 'Ready'): string {
    return findCondition(this.object(name)?.status?.conditions, type)?.message ?? '';
  }

  events(name?: string): string[] {
    return this.list<KubeEvent>(resources.Event)
      .filter(({ involvedObject }) => name === undefined || involvedObject.name === name)
      .map(({ reason, message }) => `${reason}: ${message}`);
  }

  /** What is published, by pipeline. */
  published(): Record<string, PipelineConfig> {
    const { zookeeper } = this.workers;
    const names = zookeeper
      .paths()
      .flatMap((path) => /^\/lockkeeper\/shop\/[^/]+\/pipelines\/([^/]+)\/config$/.exec(path)?.[1] ?? []);
    return Object.fromEntries(names.map((name) => [name, decodeConfig(zookeeper.text(configPath(ref, name))!, name)]));
  }

  async pass(milliseconds: number): Promise<void> {
    await settle();
    await this.cluster.clock.advance(milliseconds);
    await settle();
  }

  /** Until nothing has been written, to the API server or to ZooKeeper, for `quietMs`. */
  async rest(quietMs = 150_000, mostMs = 3_600_000): Promise<void> {
    const { clock, server, simulation } = this.cluster;
    const startedAt = clock.monotonic();
    let quietSince = startedAt;
    const writes = () => server.store.revision + this.workers.zookeeper.writes;
    while (clock.monotonic() - quietSince < quietMs) {
      const before = writes();
      await settle();
      simulation.run();
      await settle();
      if (writes() !== before) quietSince = clock.monotonic();
      else await clock.advance(Math.max(1, clock.nextIn ?? quietMs));
      if (writes() !== before) quietSince = clock.monotonic();
      if (clock.monotonic() - startedAt > mostMs) throw new Error('the site does not come to rest');
    }
  }

  /** What must be the same in the end, whatever happened in between. */
  state(): unknown {
    const pipelines = this.list(resources.SyncPipeline).map(({ metadata, spec, status }) => ({
      name: metadata.name,
      finalizers: metadata.finalizers,
      leaving: metadata.deletionTimestamp !== undefined,
      spec,
      seen: status?.observedGeneration === metadata.generation,
      leader: status?.leader?.worker,
      rows: status?.rows,
      conditions: Object.fromEntries(
        (status?.conditions ?? []).map(({ type, status: is, reason, message, observedGeneration }) => {
          const text = message.replace(/generation \d+|replica \d+/g, 'some');
          return [type, [is, reason, text, observedGeneration === metadata.generation]];
        }),
      ),
    }));
    const published = Object.values(this.published()).map(({ generation: _g, serverId: _id, ...config }) => config);
    return { pipelines, published, nodes: this.workers.zookeeper.paths(), taken: [...this.workers.taken.keys()].sort() };
  }

  /** Ends the operator's process, if it has not died already. */
  async stop(): Promise<void> {
    let ended = false;
    void this.operator.stop().then(() => (ended = true));
    await settle();
    // What it had under way gives up in its own time.
    while (!ended) await this.cluster.clock.advance(1_000);
  }

  #watch(): void {
    for (const { metadata, status } of this.list(resources.SyncPipeline)) {
      const ready = findCondition(status?.conditions, 'Ready');
      if (ready?.status !== 'True' || ready.observedGeneration !== metadata.generation) continue;
      if (this.workers.taken.get(metadata.name)?.generation === metadata.generation) continue;
      this.violations.push(`${metadata.name} is Ready, but its leader has not taken up generation ${metadata.generation}`);
    }
  }

  #watchConfigs(path: string): void {
    if (!path.endsWith('/config')) return;
    const published = Object.values(this.published());
    const ids = published.map(({ serverId }) => serverId);
    if (new Set(ids).size !== ids.length) this.violations.push(`two pipelines have one server id: ${ids.join()}`);
    const writers = [...published, ...this.workers.taken.values()].map(claimOf);
    const disturbances = new Disturbances(writers);
    for (const [index, a] of writers.entries()) {
      for (const b of writers.slice(0, index)) {
        if (a.pipeline.metadata.name === b.pipeline.metadata.name) continue;
        const error = disturbances.between(a, b);
        if (error !== null) this.violations.push(error.message);
      }
    }
  }
}
