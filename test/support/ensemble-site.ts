import { Registry } from 'prom-client';
import { createLogger } from '../../common/log.ts';
import type { ZkEnsembleInput } from '../../crds/index.ts';
import {
  KubeClient,
  Manager,
  resources,
  type KubeEvent,
  type KubeObject,
  type Live,
  type Resource,
  type ZkEnsembleResource,
} from '../../operator/kube/index.ts';
import { ManualClock, settle } from '../../operator/kube/manual-clock.ts';
import { addZkEnsembles } from '../../operator/zkensemble/controller.ts';
import { ApiServer, Simulation, type Connection } from '../apiserver/index.ts';
import { SimulatedEnsemble } from './simulated-ensemble.ts';

export const namespace = 'shop';
export const name = 'main';

/** Four seconds: longer than an operator waits that knows of something to do. */
const QUIET_ROUNDS = 8;
/** After which what has failed, however often, is tried again. */
const LONGEST_PAUSE_MS = 125_000;

const nodes = ['home', 'home', 'home', 'east', 'west'].map((region, i) => ({
  name: `node-${i}`,
  labels: { 'topology.kubernetes.io/region': region },
}));

type Spec = NonNullable<ZkEnsembleInput['spec']>;

export interface Operator {
  readonly connection: Connection;
  readonly manager: Manager;
  readonly registry: Registry;
  stop(): Promise<void>;
}

/** A cluster of three regions in this process, with time that passes only when told. */
export class EnsembleSite {
  readonly clock = new ManualClock();
  readonly server = new ApiServer({ clock: this.clock });
  readonly ensemble = new SimulatedEnsemble(this.server);
  readonly simulation = new Simulation(this.server, { nodes, healthy: (pod) => this.ensemble.serves(pod) });
  readonly #user = new KubeClient(this.server.connect(), { clock: this.clock });
  readonly #operators = new Set<Operator>();
  #bytes = 0;

  get user(): KubeClient {
    return this.#user;
  }

  /** A new operator process. `connection`: its way to the API server, made faulty by the caller. */
  startOperator(connection: Connection = this.server.connect()): Operator {
    const client = new KubeClient(connection, { clock: this.clock, random: () => 0.5 });
    const manager = new Manager({
      client,
      log: createLogger('silent'),
      instance: 'operator-0',
      clock: this.clock,
      random: () => 0.5,
    });
    const registry = new Registry();
    const added = addZkEnsembles(manager, { registry, access: (credentials) => this.ensemble.access(credentials) });
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
        void Promise.all([running.catch(() => undefined), added.stop()]).then(() => (ended = true));
        await settle();
        // What it had under way gives up in its own time.
        while (!ended) await this.clock.advance(1_000);
      },
    };
    this.#operators.add(operator);
    return operator;
  }

  /** As `kubectl apply`. */
  async apply(spec: Spec): Promise<void> {
    await this.#user.apply(
      resources.ZkEnsemble,
      { apiVersion: 'lockkeeper.io/v1alpha1', kind: 'ZkEnsemble', metadata: { name, namespace }, spec },
      { fieldManager: 'kubectl' },
    );
  }

  async remove(): Promise<void> {
    await this.#user.delete(resources.ZkEnsemble, { name, namespace });
  }

  object(): Live<ZkEnsembleResource> {
    return this.list(resources.ZkEnsemble)[0]!;
  }

  list<T extends KubeObject>({ apiVersion, plural }: Resource<T>): readonly Live<T>[] {
    return this.server.store.list(`${apiVersion}/${plural}`) as readonly Live<T>[];
  }

  events(): string[] {
    return (this.list(resources.Event) as readonly Live<KubeEvent>[]).map(({ reason, message }) => `${reason}: ${message}`);
  }

  condition(type: string): { status: string; reason: string; message: string } {
    const found = this.object().status?.conditions?.find((each) => each.type === type);
    return found ?? { status: 'absent', reason: '', message: '' };
  }

  /** Everybody does what there is to do, and half a second passes. */
  async round(): Promise<void> {
    await this.#idle();
    this.simulation.run();
    this.ensemble.tick();
    await this.clock.advance(500);
  }

  /**
   * Rounds until nothing changes any more, not even when all that was put off has had its turn; which must come before `seconds` have
   * passed. @throws Error naming what was still going on
   */
  async settle(seconds = 1_800): Promise<void> {
    const end = this.clock.now() + seconds * 1_000;
    while (this.clock.now() < end) {
      await this.quiet(end);
      const before = JSON.stringify(this.state());
      await this.clock.advance(LONGEST_PAUSE_MS);
      if (JSON.stringify(this.state()) === before) return;
    }
    throw new Error(`the site did not come to rest: ${JSON.stringify(this.object()?.status?.conditions)}`);
  }

  /** Rounds until nothing has changed for a while, but no longer than until `end` by the site's clock. */
  async quiet(end = Infinity): Promise<void> {
    for (let quiet = 0; quiet < QUIET_ROUNDS && this.clock.now() < end;) {
      const { revision } = this.server.store;
      const { reconfigurations } = this.ensemble;
      await this.round();
      quiet = this.server.store.revision === revision && this.ensemble.reconfigurations === reconfigurations ? quiet + 1 : 0;
    }
  }

  /** What is there, without what differs from run to run. */
  state(): Record<string, unknown> {
    const kinds = [
      resources.StatefulSet,
      resources.Pod,
      resources.PersistentVolumeClaim,
      resources.Service,
      resources.ConfigMap,
      resources.PodDisruptionBudget,
      resources.NetworkPolicy,
      resources.Secret,
      resources.ZkEnsemble,
    ] as readonly Resource<KubeObject>[];
    const objects = kinds.flatMap((kind) =>
      this.list(kind).map((object) => [`${kind.kind} ${object.metadata.name}`, normalised(object)] as const),
    );
    return { ...Object.fromEntries(objects), members: this.ensemble.config?.members ?? null };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#operators].map((operator) => operator.stop()));
  }

  async #idle(): Promise<void> {
    for (let rounds = 0; rounds < 200; rounds++) {
      await settle();
      if ([...this.#operators].every(({ manager }) => manager.idle)) return;
    }
  }

  /** Deterministic stand-in for randomness. */
  readonly bytes = (count: number): Buffer => Buffer.alloc(count, ++this.#bytes);
}

const CHANGING = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'lastTransitionTime',
  'managedFields',
  'generation',
  'observedGeneration',
  'startTime',
  'startedAt',
  'podIP',
  'podIPs',
  'zxid',
  'volumeName',
  'selfLink',
  'lockkeeper.io/applied',
  'lockkeeper.io/credentials-hash',
  // Also servers have ids that were asked for once and never made.
  'lockkeeper.io/zookeeper-ids',
  'controller-revision-hash',
  'currentRevision',
  'updateRevision',
  'mode',
  'clusterIP',
  'clusterIPs',
]);

function normalised(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalised);
  if (typeof value === 'string') return value.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'uid');
  if (typeof value !== 'object' || value === null) return value;
  const { kind } = value as { kind?: unknown };
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !CHANGING.has(key) && !(kind === 'Secret' && key === 'data'))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [
        key,
        key === 'message' ? String(each).replace(/server \d+ leads/, 'a server leads') : normalised(each),
      ]),
  );
}
