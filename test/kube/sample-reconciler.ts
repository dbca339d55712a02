import { zkEnsembleSchema, type ZkEnsemble, type ZkEnsembleStatus } from '../../crds/index.ts';
import {
  commonLabels,
  judge,
  keyOf,
  owned,
  ownerReference,
  primary,
  reconcileInStages,
  resources,
  selectorLabels,
  type Controller,
  type KubeObject,
  type Live,
  type Manager,
  type Plan,
  type Stages,
  type StatefulSet,
  type Step,
  type ZkEnsembleResource,
} from '../../operator/kube/index.ts';

/** Something outside of Kubernetes that the reconciler keeps: names of groups by ensemble. It outlives operators. */
export class Outside {
  readonly groups = new Map<string, Set<string>>();
  writes = 0;

  of(key: string): ReadonlySet<string> {
    return this.groups.get(key) ?? new Set();
  }

  set(key: string, groups: readonly string[]): void {
    this.writes++;
    if (groups.length === 0) this.groups.delete(key);
    else this.groups.set(key, new Set(groups));
  }
}

interface Observed {
  readonly sets: readonly Live<StatefulSet>[];
  readonly outside: ReadonlySet<string>;
}

interface Register {
  readonly kind: 'register';
  readonly groups: readonly string[];
}

type Spec = ZkEnsemble['spec'];

/**
 * A reconciler with all that the machinery has to carry: objects made and deleted, scaling down by one at a time behind a live look,
 * outside state with a finalizer, conditions. Not ZooKeeper's rules; those are the operator's.
 */
export function sampleStages(
  setsOf: (owner: Live) => readonly Live<StatefulSet>[],
  outside: Outside,
): Stages<ZkEnsembleStatus, Spec, Observed, Register> {
  return {
    parse: (object) => {
      const parsed = zkEnsembleSchema.safeParse(object);
      if (parsed.success) return { spec: parsed.data.spec };
      return {
        problems: parsed.error.issues.map((issue) => ({
          reason: 'InvalidSpec',
          message: `${issue.path.join('.')}: ${issue.message}`,
        })),
      };
    },
    observe: (_spec, object) => Promise.resolve({ sets: setsOf(object), outside: outside.of(keyOf(object)) }),
    validate: (spec) =>
      spec.config.extra.broken === undefined ? [] : [{ reason: 'Broken', message: 'spec.config.extra.broken: remove it' }],
    plan: (spec, observed, object) => planOf(spec, observed, object),
    perform: (step, object) => {
      outside.set(keyOf(object), step.groups);
      return Promise.resolve('changed');
    },
    report: (outcome, object, now) => {
      const { generation } = object.metadata;
      const judged = (status: 'True' | 'False', reason: string, message: string) => ({
        status: {
          ...object.status,
          observedGeneration: generation,
          conditions: judge(object.status?.conditions, [{ type: 'Ready', status, reason, message }], generation, now),
        },
      });
      switch (outcome.kind) {
        case 'invalid':
          return judged('False', outcome.problems[0]!.reason, outcome.problems[0]!.message);
        case 'failed':
          return judged('False', 'Failed', outcome.error.message);
        case 'done': {
          const wanted = groupsOf(outcome.spec);
          const waiting = wanted.filter(({ name, replicas }) => {
            const set = outcome.observed.sets.find(({ metadata }) => metadata.name === `${object.metadata.name}-${name}`);
            return set?.spec?.replicas !== replicas || (set.status?.readyReplicas ?? 0) !== replicas;
          });
          if (waiting.length === 0) return judged('True', 'AllReady', 'all servers are ready');
          return judged('False', 'NotReady', `waiting for ${waiting.map(({ name }) => name).join(', ')}`);
        }
        default:
          return outcome satisfies never;
      }
    },
    finalizer: 'lockkeeper.io/outside',
    finalize: (object) => {
      if (outside.of(keyOf(object)).size > 0) outside.set(keyOf(object), []);
      return Promise.resolve('done');
    },
  };
}

interface Group {
  readonly name: string;
  readonly replicas: number;
}

function groupsOf(spec: Spec): Group[] {
  return [
    { name: 'voters', replicas: spec.voters.replicas },
    ...spec.observers.map(({ region, replicas }) => ({ name: `observers-${region}`, replicas })),
  ];
}

function planOf(spec: Spec, { sets, outside }: Observed, object: Live<ZkEnsembleResource>): Plan<Register> {
  if (spec.paused) return { steps: [] };
  const groups = groupsOf(spec);
  const labels = commonLabels({ instance: object.metadata.name, name: 'zookeeper' });
  const metadata = (name: string) => ({
    name: `${object.metadata.name}-${name}`,
    namespace: object.metadata.namespace!,
    labels,
    ownerReferences: [ownerReference(object)],
  });
  const config: KubeObject & { data: Record<string, string> } = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata('config'),
    data: {
      'zoo.cfg': `tickTime=${spec.config.tickTime}\n`,
      servers: groups.map(({ name, replicas }) => `${name}=${replicas}`).join('\n'),
    },
  };
  const steps: (Step | Register)[] = [{ kind: 'apply', object: config }];
  const names = groups.map(({ name }) => name).sort();
  if (names.join() !== [...outside].sort().join()) steps.push({ kind: 'register', groups: names });
  for (const { name, replicas } of groups) {
    const live = sets.find((set) => set.metadata.name === metadata(name).name);
    const current = live?.spec?.replicas ?? replicas;
    // Down by one at a time, and only when all are ready.
    const next = replicas >= current ? replicas : (live?.status?.readyReplicas ?? 0) === current ? current - 1 : current;
    const unless = (now: KubeObject | undefined) => {
      const has = (now as StatefulSet | undefined)?.spec?.replicas ?? next;
      return has - next > 1 ? `it has ${has} replicas, and the plan was made for ${current}` : undefined;
    };
    steps.push({ kind: 'apply', object: setOf(metadata(name), spec, name, next), unless });
  }
  const wanted = new Set(groups.map(({ name }) => metadata(name).name));
  for (const set of sets.filter((each) => !wanted.has(each.metadata.name))) {
    steps.push({ kind: 'delete', resource: resources.StatefulSet, ref: set.metadata, uid: set.metadata.uid });
  }
  return { steps };
}

function setOf(metadata: KubeObject['metadata'], spec: Spec, component: string, replicas: number): StatefulSet {
  const matchLabels = selectorLabels({ instance: metadata.name, name: 'zookeeper', component });
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata,
    spec: {
      replicas,
      serviceName: metadata.name,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels },
      template: {
        metadata: { labels: { ...metadata.labels, ...matchLabels } },
        spec: { containers: [{ name: 'zookeeper', image: spec.image, resources: { requests: { memory: '1024Mi' } } }] },
      },
    },
  };
}

/** Adds the sample's controller to a manager. */
export function addSample(manager: Manager, outside: Outside): Controller {
  const ensembles = manager.informer(resources.ZkEnsemble);
  const managed = { labels: { 'app.kubernetes.io/managed-by': 'lockkeeper' } };
  const sets = manager.informer(resources.StatefulSet, managed);
  const configs = manager.informer(resources.ConfigMap, managed);
  return manager.controller({
    name: 'sample',
    sources: [primary(ensembles), owned(sets, resources.ZkEnsemble), owned(configs, resources.ZkEnsemble)],
    reconcile: reconcileInStages(
      ensembles,
      sampleStages((owner) => sets.cache.ownedBy(owner.metadata.uid), outside),
      manager,
    ),
  });
}
