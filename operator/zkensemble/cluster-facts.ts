import {
  matchesLabels,
  resources,
  type ConfigMap,
  type Informer,
  type KubeClient,
  type KubeObject,
  type Live,
  type PersistentVolumeClaim,
  type Pod,
  type PodDisruptionBudget,
  type Resource,
  type Service,
  type StatefulSet,
  selectorText,
} from '../kube/index.ts';
import { ensembleSelector } from './objects/labels.ts';
import type { Names } from './servers.ts';

/** An ensemble's objects. */
export interface ClusterFacts {
  readonly sets: readonly Live<StatefulSet>[];
  readonly pods: readonly Live<Pod>[];
  readonly claims: readonly Live<PersistentVolumeClaim>[];
  readonly maps: readonly Live<ConfigMap>[];
  readonly services: readonly Live<Service>[];
  readonly budgets: readonly Live<PodDisruptionBudget>[];
}

/** Caches of everything that is made for ensembles. */
export interface ClusterCaches {
  readonly sets: Informer<StatefulSet>;
  readonly pods: Informer<Pod>;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly maps: Informer<ConfigMap>;
  readonly services: Informer<Service>;
  readonly budgets: Informer<PodDisruptionBudget>;
}

export function cachedFacts(caches: ClusterCaches, names: Names): ClusterFacts {
  const of = <T extends KubeObject>(informer: Informer<T>) =>
    informer.cache.list(names.namespace).filter(({ metadata }) => matchesLabels(metadata.labels, ensembleSelector(names)));
  return {
    sets: of(caches.sets),
    pods: of(caches.pods),
    claims: of(caches.claims),
    maps: of(caches.maps),
    services: of(caches.services),
    budgets: of(caches.budgets),
  };
}

/** As they are at this moment, which caches may not be. */
export async function liveFacts(client: KubeClient, names: Names, signal: AbortSignal): Promise<ClusterFacts> {
  const query = { namespace: names.namespace, labelSelector: selectorText(ensembleSelector(names)) };
  const of = async <T extends KubeObject>(resource: Resource<T>) => (await client.listAll(resource, query, { signal })).items;
  const [sets, pods, claims, maps, services, budgets] = await Promise.all([
    of(resources.StatefulSet),
    of(resources.Pod),
    of(resources.PersistentVolumeClaim),
    of(resources.ConfigMap),
    of(resources.Service),
    of(resources.PodDisruptionBudget),
  ]);
  return { sets, pods, claims, maps, services, budgets };
}
