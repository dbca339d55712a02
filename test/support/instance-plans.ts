import { instanceConfigPath } from '../../common/zookeeper/paths.ts';
import type { WorkerImage } from '../../operator/canalinstance/objects/deployment.ts';
import { resources } from '../../operator/kube/index.ts';
import type { DoneWrite } from '../apiserver/connection.ts';
import { InstanceSite, name, namespace, type Operator } from './instance-site.ts';

type Change = (site: InstanceSite) => Promise<void> | void;

/** A state of an instance, and what is then asked of it. */
export interface Workload {
  /** Brought about undisturbed. */
  readonly before: readonly Change[];
  /** `helm upgrade`: before the changes other operators begin, which give workers this image. */
  readonly upgradesTo?: WorkerImage;
  /** The changes that are disturbed, one after the other. */
  readonly changes: readonly Change[];
  /** Whether at every moment some worker is ready. */
  readonly neverWithoutWorker?: true;
}

const workers = (...counts: readonly [string, number][]) => ({
  workers: counts.map(([region, replicas]) => ({ region, replicas })),
});
const apply = (spec?: Parameters<InstanceSite['apply']>[0]) => (site: InstanceSite) => site.apply(spec);
const pipeline =
  (called: string, secret = 'target') =>
  async (site: InstanceSite) => {
    await site.secret(secret, { username: 'u', password: 'p' });
    await site.applyPipeline(called, { target: { host: 'mysql.east', credentialsSecretRef: { name: secret } } });
  };
const remove = (kind: 'CanalInstance' | 'SyncPipeline' | 'ZkEnsemble', called: string) => (site: InstanceSite) =>
  site.remove(resources[kind], called);
const znodesOf = (called: string) => (site: InstanceSite) => {
  // As the operator's other part and a leader do.
  const path = `/lockkeeper/${namespace}/${name}/pipelines/${called}`;
  site.zookeeper.put(`${path}/config`, '{}');
  site.zookeeper.put(`${path}/status`, '{}');
  site.zookeeper.put(`${path}/election`, '');
};
export const workloads: Readonly<Record<string, Workload>> = {
  'is made with two pipelines': {
    before: [],
    changes: [
      async (site) => {
        await apply()(site);
        await pipeline('p')(site);
        await pipeline('q', 'other')(site);
      },
    ],
  },
  'gets a region and more workers': {
    before: [apply()],
    changes: [apply(workers(['home', 3], ['east', 2]))],
    neverWithoutWorker: true,
  },
  'loses a region': {
    before: [apply(workers(['home', 2], ['east', 2]))],
    changes: [apply(workers(['home', 2]))],
    neverWithoutWorker: true,
  },
  'moves to another region and back': {
    before: [apply(workers(['home', 1]))],
    changes: [apply(workers(['east', 1])), apply(workers(['home', 1]))],
  },
  'gets a pipeline with a Secret of its own': {
    before: [apply(workers(['home', 2], ['east', 1])), pipeline('p')],
    changes: [pipeline('q', 'other')],
    neverWithoutWorker: true,
  },
  'loses a pipeline': {
    before: [apply(), pipeline('p'), znodesOf('p'), pipeline('q', 'other'), znodesOf('q')],
    changes: [remove('SyncPipeline', 'q')],
  },
  'gets another image, with a worker in each region': {
    before: [apply(workers(['home', 1], ['east', 1], ['west', 1])), pipeline('p')],
    upgradesTo: { name: 'lockkeeper:2', pullPolicy: 'Always', pullSecrets: ['registry'] },
    changes: [() => undefined],
    neverWithoutWorker: true,
  },
  'reads other tables': {
    before: [apply(), pipeline('p')],
    changes: [apply({ filter: { include: ['shop\\..*'] } })],
    neverWithoutWorker: true,
  },
  'has an ensemble that grows': {
    before: [apply()],
    changes: [(site) => site.applyEnsemble({ voters: { replicas: 5 }, observers: [{ region: 'east', replicas: 2 }] })],
    neverWithoutWorker: true,
  },
  'gets another password for ZooKeeper': {
    before: [apply()],
    changes: [
      async (site) => {
        await site.secret('main-zookeeper-auth', { 'worker-auth': 'lockkeeper:new' });
        await site.clock.advance(61_000);
        await site.apply({ heartbeat: { intervalSeconds: 1 } });
      },
    ],
  },
  'is deleted': { before: [apply(), pipeline('p'), znodesOf('p')], changes: [remove('CanalInstance', name)] },
  'is deleted and made anew, with other workers': {
    before: [apply(workers(['home', 2], ['east', 1])), pipeline('p'), znodesOf('p')],
    changes: [remove('CanalInstance', name), apply(workers(['west', 1]))],
  },
  'is deleted after its ensemble': {
    before: [apply(), pipeline('p')],
    changes: [remove('ZkEnsemble', 'main'), remove('CanalInstance', name)],
  },
};

export interface PlanEnd {
  readonly state: Record<string, unknown>;
  readonly violations: readonly string[];
  /** Requests of the first operator that wrote something, before `changes` and in all. */
  readonly writesBefore: number;
  readonly writes: readonly DoneWrite[];
  /** What the operators wrote after everything was settled. */
  readonly vainWrites: number;
}

/** What befalls a run: `begin` when the undisturbed part is over, `during` in every round after. */
export interface Disturbance {
  readonly begin?: (site: InstanceSite, operator: Operator) => void | Promise<void>;
  readonly during?: (site: InstanceSite, operator: Operator, round: number) => void | Promise<void>;
}

/** Takes a site through a workload; whoever dies is replaced. */
export async function runPlan(workload: Workload, disturbance: Disturbance = {}): Promise<PlanEnd> {
  const site = new InstanceSite();
  const watch = new Invariants(site, workload);
  try {
    await site.prepare();
    let operator = site.startOperator();
    const goOn = async () => {
      if (!operator.connection.dead) return;
      await operator.stop();
      operator = site.startOperator();
    };
    for (const change of workload.before) {
      await change(site);
      await site.settle();
    }
    if (workload.upgradesTo !== undefined) {
      await operator.stop();
      site.image = workload.upgradesTo;
      operator = site.startOperator();
    }
    const first = operator.connection;
    const writesBefore = first.writes.length;
    await disturbance.begin?.(site, operator);
    for (const change of workload.changes) {
      await change(site);
      for (let round = 0; round < 24; round++) {
        await site.round(() => watch.look());
        await disturbance.during?.(site, operator, round);
        await goOn();
      }
      await site.rest();
      await goOn();
    }
    await site.rest();
    const { writes } = first;
    // A fresh operator, which remembers nothing, finds nothing to do.
    await operator.stop();
    const fresh = site.startOperator();
    const znodes = site.zookeeper.writes;
    await site.settle();
    const vainWrites = fresh.connection.writes.length + site.zookeeper.writes - znodes;
    return { state: site.state(), violations: watch.violations, writesBefore, writes, vainWrites };
  } finally {
    await site.stop();
  }
}

/** What must hold at every moment. */
class Invariants {
  readonly violations: string[] = [];
  readonly #site: InstanceSite;
  readonly #workload: Workload;
  #generation = 0;
  #served = false;

  constructor(site: InstanceSite, workload: Workload) {
    this.#site = site;
    this.#workload = workload;
  }

  look(): void {
    const site = this.#site;
    const object = site.object();
    const text = site.zookeeper.read(instanceConfigPath({ namespace, instance: name }));
    const generation = text === null ? 0 : (JSON.parse(text) as { generation: number }).generation;
    if (generation !== 0 && generation < this.#generation) this.violations.push(`the configuration went back to ${generation}`);
    this.#generation = generation;
    const ready = site
      .list(resources.Pod)
      .filter(
        (pod) =>
          pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true &&
          pod.metadata.deletionTimestamp === undefined,
      );
    if (ready.length === 0 && this.#served && !site.zookeeper.isDown && this.#workload.neverWithoutWorker === true)
      this.violations.push('no worker was ready');
    // Without ZooKeeper no worker is ready.
    this.#served = (this.#served || ready.length > 0) && !site.zookeeper.isDown;
    const judged = object?.status?.conditions?.find(({ type }) => type === 'Ready');
    const source = site.zookeeper.read(`/lockkeeper/${namespace}/${name}/source`);
    if (judged?.status === 'True' && judged.observedGeneration === object!.metadata.generation) {
      const seen = source === null ? 0 : (JSON.parse(source) as { generation: number }).generation;
      if (seen < (object!.metadata.generation ?? 0))
        this.violations.push(`Ready of generation ${object!.metadata.generation}, and the source of ${seen}`);
    }
  }
}
