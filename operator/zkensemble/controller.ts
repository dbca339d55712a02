import type { Registry } from 'prom-client';
import {
  mapped,
  matchesLabels,
  owned,
  primary,
  reconcileInStages,
  resources,
  type Controller,
  type KubeObject,
  type Live,
  type Manager,
  type ObjectKey,
} from '../kube/index.ts';
import { AccessPool } from './access-pool.ts';
import type { ClusterCaches } from './cluster-facts.ts';
import type { Credentials } from './credentials.ts';
import type { EnsembleAccess } from './ensemble-access.ts';
import { EnsembleMetrics } from './ensemble-metrics.ts';
import { EnsembleStages } from './ensemble-stages.ts';
import { EnsembleObserver } from './observer.ts';
import { Performer } from './perform.ts';
import { ZookeeperAccess } from './zookeeper-access.ts';

export interface ZkEnsembleOptions {
  /** Domain of the cluster's DNS. Default `cluster.local`. */
  readonly clusterDomain?: string | undefined;
  /** Where metrics about ensembles are registered. */
  readonly registry?: Registry | undefined;
  /** How ensembles are reached; real ones by default. */
  readonly access?: ((credentials: Credentials) => EnsembleAccess) | undefined;
}

/** Labels of everything that the operator makes. */
const managed = { 'app.kubernetes.io/managed-by': 'lockkeeper' };

/** Has the manager reconcile ZkEnsembles. The answer's `stop` ends sessions with ensembles. */
export function addZkEnsembles(
  manager: Manager,
  options: ZkEnsembleOptions = {},
): { controller: Controller; stop(): Promise<void> } {
  const ensembles = manager.informer(resources.ZkEnsemble);
  const labels = managed;
  const caches: ClusterCaches = {
    sets: manager.informer(resources.StatefulSet, { labels }),
    pods: manager.informer(resources.Pod, { labels }),
    claims: manager.informer(resources.PersistentVolumeClaim, { labels }),
    maps: manager.informer(resources.ConfigMap, { labels }),
    services: manager.informer(resources.Service, { labels }),
    budgets: manager.informer(resources.PodDisruptionBudget, { labels }),
  };
  const policies = manager.informer(resources.NetworkPolicy, { labels });
  const access = new AccessPool(options.access ?? ((credentials) => new ZookeeperAccess(credentials)));
  const { client, clock, events } = manager;
  const observer = new EnsembleObserver({ client, caches, access, clusterDomain: options.clusterDomain, clock });
  const performer = new Performer({ client, access, events, namesOf: (object) => observer.namesOf(object) });
  const metrics = options.registry === undefined ? undefined : new EnsembleMetrics(options.registry);
  const stages = new EnsembleStages(observer, performer, metrics);
  ensembles.onChange((change) => {
    if (change.kind !== 'deleted') return;
    access.keepOnly(new Set(ensembles.cache.list().map(({ metadata }) => metadata.uid)));
    metrics?.forget(change.before.metadata);
  });
  const kind = resources.ZkEnsemble;
  const controller = manager.controller({
    name: 'zkensemble',
    sources: [
      primary(ensembles),
      owned(caches.sets, kind),
      owned(caches.maps, kind),
      owned(caches.services, kind),
      owned(caches.budgets, kind),
      owned(policies, kind),
      // Sets own their pods, and nobody owns claims.
      mapped(caches.pods, ensembleOf),
      mapped(caches.claims, ensembleOf),
    ],
    reconcile: reconcileInStages(ensembles, stages, { client, steps: manager.steps, events, clock }),
  });
  return { controller, stop: () => access.close() };
}

function ensembleOf({ metadata }: Live<KubeObject>): readonly ObjectKey[] {
  const name = metadata.labels?.['app.kubernetes.io/instance'];
  if (name === undefined || !matchesLabels(metadata.labels, { 'app.kubernetes.io/name': 'zookeeper' })) return [];
  return [`${metadata.namespace}/${name}`];
}
