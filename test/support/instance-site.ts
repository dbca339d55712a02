import { Registry } from 'prom-client';
import { createLogger } from '../../common/log.ts';
import type { CanalInstanceInput, SyncPipelineInput, ZkEnsembleInput } from '../../crds/index.ts';
import { addCanalInstances } from '../../operator/canalinstance/controller.ts';
import type { WorkerImage } from '../../operator/canalinstance/objects/deployment.ts';
import type { Coordination } from '../../operator/coordination/view.ts';
import {
  KubeClient,
  Manager,
  resources,
  type CanalInstanceResource,
  type KubeObject,
  type KubeSecret,
  type Live,
  type Resource,
} from '../../operator/kube/index.ts';
import { ManualClock, settle } from '../../operator/kube/manual-clock.ts';
import { ApiServer, Simulation, type Connection } from '../apiserver/index.ts';
import { MemoryZookeeper, type ZkFault } from './memory-zookeeper.ts';
import { simulatedCoordination } from './simulated-coordination.ts';
import { SimulatedWorkers } from './simulated-workers.ts';

export const namespace = 'shop';
export const name = 'orders';

/** What differs from run to run. */
const CHANGING = new Set([
  ...['uid', 'resourceVersion', 'creationTimestamp', 'lastTransitionTime', 'lastUpdateTime', 'managedFields', 'selfLink'],
  ...['startTime', 'startedAt', 'podIP', 'podIPs', 'nodeName', 'lockkeeper.io/applied', 'at', 'worker', 'pod-template-hash'],
  ...['generation', 'observedGeneration', 'time', 'host'],
]);

const nodes = ['home', 'home', 'east', 'west'].map((region, i) => ({
  name: `node-${i}`,
  labels: { 'topology.kubernetes.io/region': region },
}));

type InstanceSpec = Partial<NonNullable<CanalInstanceInput['spec']>>;
type PipelineSpec = Partial<NonNullable<SyncPipelineInput['spec']>>;

export interface Operator {
  readonly connection: Connection;
  readonly manager: Manager;
  readonly registry: Registry;
  stop(): Promise<void>;
}

/** A cluster of three regions with CanalInstances, in this process and on a clock that runs only when told. Its ensemble is simulated. */
export class InstanceSite {
  readonly clock = new ManualClock();
  readonly server = new ApiServer({ clock: this.clock });
  readonly zookeeper = new MemoryZookeeper();
  readonly workers = new SimulatedWorkers(this.server, this.zookeeper);
  readonly simulation = new Simulation(this.server, { nodes, healthy: (pod) => this.workers.isReady(pod) });
  readonly user = new KubeClient(this.server.connect(), { clock: this.clock });
  readonly #operators = new Set<Operator>();
  readonly #coordination: (manager: Manager, connection: Connection) => Coordination;
  /** What operators that are started give to workers. */
  image: WorkerImage = { name: 'lockkeeper:1', pullPolicy: 'IfNotPresent' };
  zkFault: (operation: string, path: string) => ZkFault = () => undefined;
  hasPasswords = true;

  /** @param coordination real way to real ensembles, in place of the simulated one */
  constructor(coordination?: (manager: Manager) => Coordination) {
    this.#coordination = coordination ?? ((_manager, connection) => this.#simulated(connection));
  }

  startOperator(connection: Connection = this.server.connect()): Operator {
    const tools = { clock: this.clock, random: () => 0.5 };
    const client = new KubeClient(connection, tools);
    const manager = new Manager({ ...tools, client, log: createLogger('silent'), instance: 'operator-0' });
    const registry = new Registry();
    const coordination = this.#coordination(manager, connection);
    addCanalInstances(manager, { coordination, image: this.image, registry });
    const stopping = new AbortController();
    const running = manager.run(stopping.signal);
    const operator: Operator = {
      connection,
      manager,
      registry,
      stop: async () => {
        connection.sever();
        stopping.abort();
        this.#operators.delete(operator);
        let ended = false;
        void running.catch(() => undefined).then(() => (ended = true));
        await settle();
        while (!ended) await this.clock.advance(1_000);
      },
    };
    this.#operators.add(operator);
    return operator;
  }

  /** An ensemble that is ready, and the Secrets of source and target. */
  async prepare(): Promise<void> {
    await this.applyEnsemble({ observers: [{ region: 'east', replicas: 2 }] });
    await this.secret('main-zookeeper-auth', { 'worker-auth': 'lockkeeper:secret' });
    await this.secret('source', { username: 'u', password: 'p' });
    await this.secret('target', { username: 'u', password: 'p' });
  }

  async applyEnsemble(spec: NonNullable<ZkEnsembleInput['spec']>, ready: 'True' | 'False' = 'True'): Promise<void> {
    const made = await this.#apply(resources.ZkEnsemble, 'main', spec);
    const { generation } = made.metadata as { generation?: number };
    const condition = { type: 'Ready', status: ready, reason: 'VotersReady', message: '3 of 3 voters serve' };
    const conditions = [{ ...condition, observedGeneration: generation, lastTransitionTime: '2026-01-01T00:00:00Z' }];
    const body = { status: { observedGeneration: generation, conditions } };
    await this.user.patch(resources.ZkEnsemble, { name: 'main', namespace }, { type: 'merge', body }, { subresource: 'status' });
  }

  /** As `kubectl apply`. */
  async apply(spec: InstanceSpec = {}, called = name): Promise<void> {
    await this.#apply(resources.CanalInstance, called, {
      ...{ zkEnsembleRef: { name: 'main' }, master: { host: 'mysql.home' }, serverId: 100 },
      credentialsSecretRef: { name: 'source' },
      ...spec,
    });
  }

  async applyPipeline(called: string, { target, ...spec }: PipelineSpec = {}): Promise<void> {
    await this.#apply(resources.SyncPipeline, called, {
      canalInstanceRef: { name },
      target: { host: 'mysql.east', credentialsSecretRef: { name: 'target' }, ...target },
      ...spec,
    });
  }

  async secret(called: string, values: Readonly<Record<string, string>>): Promise<void> {
    const data = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
    const secret: KubeSecret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: called, namespace }, data };
    await this.user.apply(resources.Secret, secret, { fieldManager: 'kubectl' });
  }

  async remove(resource: Resource, called: string): Promise<void> {
    await this.user.delete(resource, { name: called, namespace });
  }

  object(called = name): Live<CanalInstanceResource> | undefined {
    return this.list(resources.CanalInstance).find(({ metadata }) => metadata.name === called);
  }

  list<T extends KubeObject>({ apiVersion, plural }: Resource<T>): readonly Live<T>[] {
    return this.server.store.list(`${apiVersion}/${plural}`) as readonly Live<T>[];
  }

  events(): string[] {
    return this.list(resources.Event).map(({ reason, message }) => `${reason}: ${message}`);
  }

  condition(type: string, called = name): { status: string; reason: string; message: string } {
    const found = this.object(called)?.status?.conditions?.find((each) => each.type === type);
    return found ?? { status: 'absent', reason: '', message: '' };
  }

  /** Everybody does what there is to do, and half a second passes. `each` is called after every step that Kubernetes takes. */
  async round(each: () => void = () => undefined): Promise<void> {
    await this.#idle();
    while (this.simulation.step()) each();
    this.workers.tick();
    each();
    await this.clock.advance(500);
  }

  /** @throws Error when it does not come to rest: nothing changed for `quietSeconds` */
  async settle(seconds = 600, quietSeconds = 4): Promise<void> {
    let quiet = 0;
    for (let passed = 0; passed < seconds; passed += 0.5) {
      const before = [this.server.store.revision, this.zookeeper.writes].join();
      await this.round();
      quiet = [this.server.store.revision, this.zookeeper.writes].join() === before ? quiet + 0.5 : 0;
      if (quiet >= quietSeconds) return;
    }
    throw new Error(`the site did not come to rest: ${JSON.stringify(this.object()?.status?.conditions)}`);
  }

  /** What is there, without what differs from run to run: pods and their registrations are told apart by region alone. */
  state(): Record<string, unknown> {
    const kinds = [
      ...[resources.Deployment, resources.PodDisruptionBudget, resources.NetworkPolicy],
      ...[resources.CanalInstance, resources.SyncPipeline],
    ] as readonly Resource<KubeObject>[];
    const objects = kinds.flatMap((kind) =>
      this.list(kind).map((object) => [`${kind.kind} ${object.metadata.name}`, normalised(object)] as const),
    );
    const pods = this.list(resources.Pod).map(({ spec, metadata }) => [
      metadata.labels!['lockkeeper.io/region'],
      normalised(spec),
    ]);
    const znodes = this.zookeeper.paths.map((path) => {
      const value = this.zookeeper.read(path)!;
      const name = path.replace(/\/workers\/.*/, '/workers/*');
      return `${name} ${value.startsWith('{') ? JSON.stringify(normalised(JSON.parse(value))) : value}`;
    });
    return { ...Object.fromEntries(objects), pods: pods.map((pod) => JSON.stringify(pod)).sort(), znodes: znodes.sort() };
  }

  /** Until nothing happens for longer than any delay with which something is tried again. */
  async rest(): Promise<void> {
    for (let before = ''; ;) {
      await this.settle();
      await this.clock.advance(150_000);
      const now = [this.server.store.revision, this.zookeeper.writes].join();
      if (now === before) return;
      before = now;
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#operators].map((operator) => operator.stop()));
  }

  #simulated(connection: Connection): Coordination {
    return simulatedCoordination(this.zookeeper, {
      isAlive: () => !connection.dead,
      fault: (operation, path) => this.zkFault(operation, path),
      hasPasswords: () => this.hasPasswords,
    });
  }

  async #apply<T extends KubeObject>(resource: Resource<T>, called: string, spec: unknown): Promise<Live<T>> {
    const { apiVersion, kind } = resource;
    const object = { apiVersion, kind, metadata: { name: called, namespace }, spec } as unknown as T;
    return this.user.apply(resource, object, { fieldManager: 'kubectl' });
  }

  async #idle(): Promise<void> {
    for (let rounds = 0; rounds < 200; rounds++) {
      await settle();
      if ([...this.#operators].every(({ manager }) => manager.idle)) return;
    }
  }
}

function normalised(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalised);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !CHANGING.has(key))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, normalised(each)]),
  );
}
