import type { Registry } from 'prom-client';
import type { Coordination } from '../coordination/view.ts';
import {
  keyOf,
  mapped,
  matchesLabels,
  owned,
  primary,
  reconcileInStages,
  resources,
  type CanalInstanceResource,
  type Controller,
  type Live,
  type Manager,
  type ObjectKey,
  type Pod,
  type SyncPipelineResource,
  type ZkEnsembleResource,
} from '../kube/index.ts';
import { SecretKeys } from '../syncpipeline/secret-keys.ts';
import { specChanges } from '../syncpipeline/spec-changes.ts';
import { Names } from '../zkensemble/servers.ts';
import { CredentialsHashes } from './credentials-hash.ts';
import { ensembleNameOf } from '../ensemble-name.ts';
import { InstanceFinalizer } from './finalize.ts';
import { InstanceMetrics } from './instance-metrics.ts';
import { InstanceStages } from './instance-stages.ts';
import type { WorkerImage } from './objects/deployment.ts';
import { InstanceObserver, instanceRef, type InstanceCaches } from './observer.ts';
import { instanceNameOf, sourceSecretsOf } from './secret-names.ts';
import { sourcesOf } from './server-ids.ts';

export interface CanalInstanceOptions {
  /** The way to ZooKeeper. */
  readonly coordination: Coordination;
  /** What workers run. */
  readonly image: WorkerImage;
  /** Domain of the cluster's DNS. Default `cluster.local`. */
  readonly clusterDomain?: string | undefined;
  /** Where metrics about instances are registered. */
  readonly registry?: Registry | undefined;
}

/** Labels of everything that the operator makes. */
const managed = { 'app.kubernetes.io/managed-by': 'lockkeeper' };

/** Has the manager reconcile CanalInstances. */
export function addCanalInstances(manager: Manager, options: CanalInstanceOptions): { controller: Controller } {
  const { client, clock, events } = manager;
  const { coordination, clusterDomain, image, registry } = options;
  const labels = managed;
  const caches: InstanceCaches = {
    instances: manager.informer(resources.CanalInstance),
    ensembles: manager.informer(resources.ZkEnsemble),
    pipelines: manager.informer(resources.SyncPipeline),
    deployments: manager.informer(resources.Deployment, { labels }),
    pods: manager.informer(resources.Pod, { labels }),
  };
  const budgets = manager.informer(resources.PodDisruptionBudget, { labels });
  const policies = manager.informer(resources.NetworkPolicy, { labels });
  const secretMetadata = manager.informer(resources.Secret, { metadataOnly: true });
  const observer = new InstanceObserver({
    ...{ caches, coordination, clusterDomain, clock },
    secrets: new SecretKeys(secretMetadata, client),
    credentials: new CredentialsHashes(secretMetadata, client),
  });
  const metrics = registry === undefined ? undefined : new InstanceMetrics(registry);
  const finalizer = new InstanceFinalizer({ client, coordination, events, clock });
  const stages = new InstanceStages({ client, observer, finalizer, events, image, metrics, clock });
  const { instances } = caches;
  instances.onChange((change) => {
    if (change.kind !== 'deleted') return;
    observer.forget(change.before.metadata.uid);
    metrics?.forget(change.before.metadata);
    coordination.forget(instanceRef(change.before));
  });
  const related = new RelatedInstances(caches);
  const kind = resources.CanalInstance;
  const controller = manager.controller({
    name: 'canalinstance',
    sources: [
      primary(instances),
      owned(caches.deployments, kind),
      owned(budgets, kind),
      owned(policies, kind),
      mapped(caches.pods, instanceOfPod),
      mapped(caches.ensembles, (ensemble) => related.ofEnsemble(ensemble)),
      // Status is written often, and is nothing to others.
      specChanges(caches.pipelines, (pipeline) => related.ofPipeline(pipeline)),
      specChanges(instances, (instance) => related.sharingSource(instance)),
      mapped(secretMetadata, (secret) => related.naming(secret)),
    ],
    reconcile: reconcileInStages(instances, stages, { client, steps: manager.steps, events, clock }),
  });
  coordination.onNews((ref, pipeline) => {
    if (pipeline === undefined) controller.enqueue(keyOf({ namespace: ref.namespace, name: ref.instance }));
  });
  return { controller };
}

/** Which instances have to be looked at when something else has changed. */
class RelatedInstances {
  readonly #caches: InstanceCaches;

  constructor(caches: InstanceCaches) {
    this.#caches = caches;
  }

  ofEnsemble({ metadata }: Live<ZkEnsembleResource>): ObjectKey[] {
    const named = (instance: Live<CanalInstanceResource>) => ensembleNameOf(instance) === metadata.name;
    return this.#caches.instances.cache.list(metadata.namespace).filter(named).map(keyOf);
  }

  /** Of source and CA, and that of an ensemble. Those of targets are the pipelines' business. */
  naming({ metadata: { namespace = 'default', name } }: Live): ObjectKey[] {
    const names = (instance: Live<CanalInstanceResource>): boolean => {
      const ensemble = ensembleNameOf(instance);
      return sourceSecretsOf(instance).includes(name) || (ensemble !== null && new Names(namespace, ensemble).auth === name);
    };
    return this.#caches.instances.cache.list(namespace).filter(names).map(keyOf);
  }

  /** The pipeline's, and those whose server ids it may come too near. */
  ofPipeline(pipeline: Live<SyncPipelineResource>): ObjectKey[] {
    const name = instanceNameOf(pipeline);
    if (name === undefined) return [];
    const key = keyOf({ namespace: pipeline.metadata.namespace, name });
    const instance = this.#caches.instances.cache.get(key);
    return instance === undefined ? [] : [key, ...this.sharingSource(instance)];
  }

  sharingSource(instance: Live<CanalInstanceResource>): ObjectKey[] {
    const sources = sourcesOf(instance);
    return this.#caches.instances.cache
      .list()
      .filter((other) => other.metadata.uid !== instance.metadata.uid && sourcesOf(other).some((key) => sources.includes(key)))
      .map(keyOf);
  }
}

function instanceOfPod({ metadata }: Live<Pod>): readonly ObjectKey[] {
  const name = metadata.labels?.['app.kubernetes.io/instance'];
  if (name === undefined || !matchesLabels(metadata.labels, { 'app.kubernetes.io/name': 'worker' })) return [];
  return [keyOf({ namespace: metadata.namespace, name })];
}
