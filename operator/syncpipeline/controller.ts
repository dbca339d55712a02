import type { Registry } from 'prom-client';
import type { InstanceRef } from '../../common/zookeeper/paths.ts';
import { decodeConfig } from '../../crds/config-codec.ts';
import type { Coordination } from '../coordination/view.ts';
import { ensembleNameOf } from '../ensemble-name.ts';
import {
  keyOf,
  mapped,
  Postponed,
  primary,
  reconcileInStages,
  resources,
  Stale,
  systemClock,
  type CanalInstanceResource,
  type Controller,
  type Live,
  type Manager,
  type ObjectKey,
  type SyncPipelineResource,
  type ZkEnsembleResource,
} from '../kube/index.ts';
import { addObjectMetrics } from '../object-metrics.ts';
import { ByGeneration } from './by-generation.ts';
import { PipelineFinalizer } from './finalize.ts';
import { ClaimKeeper } from './claim-keeper.ts';
import { PipelineObserver } from './observer.ts';
import { claimOf, Claims } from './claims.ts';
import { contenders, unread, type ContenderTools } from './contenders.ts';
import { OverlapJudge } from './overlaps.ts';
import { parseInstance, parsePipeline } from './parse.ts';
import { PipelineStages } from './pipeline-stages.ts';
import { References, referencesOf } from './references.ts';
import { ReportTracker } from './report-tracker.ts';
import { SecretKeys } from './secret-keys.ts';
import { ServerIdLedger } from './server-id-ledger.ts';
import { isOfSpec, specChanges } from './spec-changes.ts';

export interface SyncPipelineOptions {
  readonly coordination: Coordination;
  /** Where metrics about objects are registered. */
  readonly registry?: Registry | undefined;
}

/** Has the manager reconcile SyncPipelines. */
export function addSyncPipelines(manager: Manager, { coordination, registry }: SyncPipelineOptions): { controller: Controller } {
  const pipelines = manager.informer(resources.SyncPipeline);
  const instances = manager.informer(resources.CanalInstance);
  const ensembles = manager.informer(resources.ZkEnsemble);
  const secretMetadata = manager.informer(resources.Secret, { metadataOnly: true });
  const { client, events, steps, clock = systemClock } = manager;

  const references = new References(pipelines);
  const parsed = new ByGeneration(pipelines, parsePipeline);
  const parsedInstances = new ByGeneration(instances, parseInstance);
  const claims: Claims = new Claims(() => rejudge());
  const ledger = new ServerIdLedger((ref, name, text) => claims.hold(ref, name, text));
  const contending: ContenderTools = {
    ...{ pipelines, instances, claims, ledger },
    parsed: (object) => parsed.of(object),
    parsedInstance: (object) => parsedInstances.of(object),
  };
  const overlaps: OverlapJudge = new OverlapJudge(
    () => contenders(contending),
    () => [...keeper.strangers(), ...unread(contending)],
  );
  /** Who was refused may have its turn now. */
  const rejudge = () => {
    for (const key of overlaps.reopen()) controller.enqueue(key);
  };
  const secrets = new SecretKeys(secretMetadata, client);
  const ofInstance = ({ namespace, instance }: InstanceRef) => references.toInstance(namespace, instance);
  const tracker: ReportTracker = new ReportTracker(coordination, (key) => controller.enqueue(key), ofInstance, clock);

  pipelines.onChange((change) => {
    if (isOfSpec(change)) rejudge();
    if (change.kind !== 'deleted') return;
    const { metadata } = change.before;
    tracker.forget(keyOf(metadata), metadata.uid);
    const { namespace, instance } = referencesOf(change.before);
    if (instance !== null) letGo({ namespace, instance });
  });
  instances.onChange((change) => {
    if (isOfSpec(change)) rejudge();
  });
  /** Nobody follows an instance without object and without pipelines. */
  const letGo = (ref: InstanceRef) => {
    if (instances.cache.get(keyOf({ namespace: ref.namespace, name: ref.instance })) !== undefined) return;
    if (ofInstance(ref).length > 0) return;
    coordination.forget(ref);
    tracker.forgetInstance(ref);
    ledger.forgetInstance(ref);
    claims.releaseInstance(ref);
  };

  const keeper: ClaimKeeper = new ClaimKeeper({
    claims,
    coordination,
    pipelines,
    instances,
    ensembles,
    references,
    ledger,
    tracker,
  });
  const observer = new PipelineObserver({
    ...{ coordination, pipelines, instances, ensembles, references, secrets, keeper, overlaps, ledger, tracker },
    parsedInstance: (object) => parsedInstances.of(object),
  });
  const finalizer = new PipelineFinalizer({
    ...{ coordination, instances, ensembles, events, clock },
    removed: async (ref, pipeline) => {
      await ledger.forget(ref, pipeline);
      claims.settle(ref, pipeline, null);
    },
  });
  const stages = new PipelineStages({
    ...{ observer, finalizer, events, clock },
    parsed: (object) => parsed.of(object),
    claim: ({ ref, name, text }) => {
      const key = keyOf({ namespace: ref.namespace, name });
      if (!keeper.isReady) throw new Postponed('what other pipelines have in force is still being read');
      if (!overlaps.admit(key, claimOf(decodeConfig(text, name))))
        throw new Stale(`another pipeline writes the tables of ${key} now`);
      claims.hold(ref, name, text, true);
    },
  });

  /** Pipelines that may write the same tables: whether they may is judged anew. */
  const rivals = (object: Live<SyncPipelineResource>): readonly ObjectKey[] => {
    const { server } = referencesOf(object);
    return server === null ? [] : references.toServer(server);
  };
  const ofInstanceObject = ({ metadata: { namespace = 'default', name } }: Live<CanalInstanceResource>) =>
    references.toInstance(namespace, name);
  const ofEnsemble = ({ metadata: { namespace = 'default', name } }: Live<ZkEnsembleResource>) =>
    instances.cache
      .list(namespace)
      .filter((instance) => ensembleNameOf(instance) === name)
      .flatMap(ofInstanceObject);

  const controller: Controller = manager.controller({
    name: 'syncpipeline',
    sources: [
      primary(pipelines),
      specChanges(pipelines, rivals),
      specChanges(instances, ofInstanceObject),
      specChanges(ensembles, ofEnsemble),
      mapped(secretMetadata, ({ metadata: { namespace = 'default', name } }) => references.toSecret(namespace, name)),
    ],
    reconcile: reconcileInStages(pipelines, stages, { client, steps, events, clock }),
    workers: 4,
  });
  if (registry !== undefined) addObjectMetrics(registry, { pipelines, instances, ensembles, leads: () => manager.reconciling });
  return { controller };
}
