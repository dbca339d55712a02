import type { CanalInstance, SyncPipeline } from '../../crds/index.ts';
import type { Subject } from '../../crds/table-flow.ts';
import {
  findCondition,
  hasFinalizer,
  keyOf,
  type CanalInstanceResource,
  type Informer,
  type Live,
  type ObjectKey,
  type SyncPipelineResource,
} from '../kube/index.ts';
import type { Claims } from './claims.ts';
import { pipelineFinalizer } from './finalize.ts';
import type { Contender, Stranger } from './overlaps.ts';
import type { Parsed } from './parse.ts';
import { referencesOf } from './references.ts';
import type { ServerIdLedger } from './server-id-ledger.ts';

export interface ContenderTools {
  readonly pipelines: Informer<SyncPipelineResource>;
  readonly instances: Informer<CanalInstanceResource>;
  readonly parsed: (object: Live<SyncPipelineResource>) => Parsed<SyncPipeline>;
  readonly parsedInstance: (object: Live<CanalInstanceResource>) => Parsed<CanalInstance>;
  readonly claims: Claims;
  readonly ledger: ServerIdLedger;
}

/** All pipelines that write or want to, among them those of which only a configuration is left. */
export function contenders({ pipelines, claims, ...tools }: ContenderTools): Contender[] {
  const living = pipelines.cache.list().map((object): Contender => {
    const key = keyOf(object);
    const wanted = wantedOf(object, tools);
    const seen = claims.of(key);
    // Whose ensemble cannot be asked writes what its object says was published.
    const held = seen.length === 0 && wanted !== null && saysPublished(object) && !isRead(object, tools.ledger) ? [wanted] : seen;
    return { key, creationTimestamp: object.metadata.creationTimestamp, wanted, held };
  });
  const keys = new Set<ObjectKey>(living.map(({ key }) => key));
  const orphans = [...claims.keys()].filter((key) => !keys.has(key));
  return [...living, ...orphans.map((key) => ({ key, creationTimestamp: '', wanted: null, held: claims.of(key) }))];
}

/** Pipelines that may have something in force which neither their ensemble nor their object tells at present. */
export function unread({ pipelines, claims, ledger, ...tools }: ContenderTools): Stranger[] {
  return pipelines.cache.list().flatMap((object): Stranger[] => {
    const { namespace, instance, server } = referencesOf(object);
    const wasPublished = hasFinalizer(object, pipelineFinalizer);
    if (!wasPublished || server === null || isRead(object, ledger) || claims.of(keyOf(object)).length > 0) return [];
    const hasWorkers = tools.instances.cache.get(keyOf({ namespace, name: instance ?? '' })) !== undefined;
    if (!hasWorkers || (saysPublished(object) && wantedOf(object, tools) !== null)) return [];
    return [{ kind: 'unread', key: keyOf(object), target: server }];
  });
}

type Specs = Pick<ContenderTools, 'instances' | 'parsed' | 'parsedInstance'>;

function wantedOf(object: Live<SyncPipelineResource>, { instances, parsed, parsedInstance }: Specs): Subject | null {
  const pipeline = parsed(object);
  if (!('value' in pipeline)) return null;
  const { metadata, spec } = pipeline.value;
  const found = instances.cache.get(keyOf({ namespace: metadata.namespace, name: spec.canalInstanceRef.name }));
  const instance = found === undefined ? null : parsedInstance(found);
  return instance !== null && 'value' in instance ? { pipeline: pipeline.value, instance: instance.value } : null;
}

function saysPublished({ metadata, status }: Live<SyncPipelineResource>): boolean {
  const published = findCondition(status?.conditions, 'Published');
  return published?.status === 'True' && published.observedGeneration === metadata.generation;
}

function isRead(object: Live<SyncPipelineResource>, ledger: ServerIdLedger): boolean {
  const { namespace, instance } = referencesOf(object);
  return instance !== null && ledger.knows({ namespace, instance });
}
