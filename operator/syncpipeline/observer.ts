import { LockkeeperError, messageOf } from '../../common/errors.ts';
import { configPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { readZnode } from '../../common/zookeeper/znode.ts';
import { encodeConfig } from '../../crds/config-codec.ts';
import { serverIdRange, serverKey, type CanalInstance, type SyncPipeline } from '../../crds/index.ts';
import { compilePipeline } from '../../crds/pipeline-config.ts';
import { refuseUnavailable, withoutDefaults } from '../../crds/unavailable.ts';
import type { Coordination, InstanceView } from '../coordination/view.ts';
import { ensembleNameOf } from '../ensemble-name.ts';
import {
  keyOf,
  type CanalInstanceResource,
  type Informer,
  type Live,
  type SyncPipelineResource,
  type ZkEnsembleResource,
} from '../kube/index.ts';
import type { Channel, InstanceFact, MissingSecret, Neighbour, Observed, Published, Wanted } from './observed.ts';
import type { ClaimKeeper } from './claim-keeper.ts';
import type { OverlapJudge } from './overlaps.ts';
import type { Parsed } from './parse.ts';
import { referencesOf, type References } from './references.ts';
import { isOpen, type ReportTracker } from './report-tracker.ts';
import type { SecretKeys } from './secret-keys.ts';
import { readPublished, type ServerIdLedger } from './server-id-ledger.ts';

export interface ObserverTools {
  readonly coordination: Coordination;
  readonly pipelines: Informer<SyncPipelineResource>;
  readonly instances: Informer<CanalInstanceResource>;
  readonly ensembles: Informer<ZkEnsembleResource>;
  readonly parsedInstance: (object: Live<CanalInstanceResource>) => Parsed<CanalInstance>;
  readonly references: References;
  readonly secrets: SecretKeys;
  readonly keeper: ClaimKeeper;
  readonly overlaps: OverlapJudge;
  readonly ledger: ServerIdLedger;
  readonly tracker: ReportTracker;
}

/** What is in ZooKeeper. */
type Seen = Pick<Observed, 'channel' | 'published' | 'wanted' | 'report' | 'leads' | 'isSilent'>;

const nothingSeen = { published: null, wanted: { kind: 'unknown' }, report: null, leads: false, isSilent: false } as const;

/** Reads everything that a pipeline depends on. */
export class PipelineObserver {
  readonly #tools: ObserverTools;

  constructor(tools: ObserverTools) {
    this.#tools = tools;
  }

  async observe(pipeline: SyncPipeline, object: Live<SyncPipelineResource>, signal: AbortSignal): Promise<Observed> {
    const { ensembles, keeper, overlaps, pipelines, tracker } = this.#tools;
    const { namespace } = pipeline.metadata;
    const instance = this.#instance(pipeline);
    const name = this.#ensembleName(pipeline);
    const ensemble = name === null ? undefined : ensembles.cache.get(keyOf({ namespace, name }));
    const leaving = ensemble?.metadata.deletionTimestamp !== undefined;
    const secrets = await this.#secrets(object, signal);
    const seen = await this.#look(pipeline, instance, ensemble);
    await keeper.lookAround();
    return {
      instance,
      ensemble: { name, kind: ensemble === undefined ? 'missing' : leaving ? 'leaving' : 'found' },
      unavailable: refuseUnavailable({ spec: withoutDefaults(object.spec) }),
      secrets,
      overlaps: overlaps.against(keyOf(object)),
      neighbours: instance.kind === 'found' ? this.#neighbours(instance.value) : [],
      ...seen,
      showsNumbers: tracker.mayShowNumbers(object.metadata.uid, pipelines.cache.size, object.status?.lag !== undefined),
    };
  }

  #instance({ metadata: { namespace }, spec }: SyncPipeline): InstanceFact {
    const found = this.#tools.instances.cache.get(keyOf({ namespace, name: spec.canalInstanceRef.name }));
    if (found === undefined) return { kind: 'missing' };
    if (found.metadata.deletionTimestamp !== undefined) return { kind: 'leaving' };
    const parsed = this.#tools.parsedInstance(found);
    return 'value' in parsed ? { kind: 'found', value: parsed.value } : { kind: 'invalid', problems: parsed.problems };
  }

  /** Also of an instance that is of no use: its pipelines may run on. */
  #ensembleName({ metadata: { namespace }, spec }: SyncPipeline): string | null {
    const found = this.#tools.instances.cache.get(keyOf({ namespace, name: spec.canalInstanceRef.name }));
    return ensembleNameOf(found);
  }

  async #secrets(object: Live<SyncPipelineResource>, signal: AbortSignal): Promise<MissingSecret[]> {
    const { namespace, secrets } = referencesOf(object);
    const missing: MissingSecret[] = [];
    for (const need of secrets) {
      const keys = await this.#tools.secrets.of({ namespace, name: need.name }, signal);
      if (keys === null) missing.push({ ...need, namespace, missing: null });
      else if (!need.keys.every((key) => keys.has(key)))
        missing.push({ ...need, namespace, missing: need.keys.filter((key) => !keys.has(key)) });
    }
    return missing;
  }

  async #look(pipeline: SyncPipeline, instance: InstanceFact, ensemble: Live<ZkEnsembleResource> | undefined): Promise<Seen> {
    if (ensemble === undefined) return { ...nothingSeen, channel: { kind: 'none' } };
    const { coordination, keeper, tracker } = this.#tools;
    const { namespace, name } = pipeline.metadata;
    const ref: InstanceRef = { namespace, instance: pipeline.spec.canalInstanceRef.name };
    const view = await coordination.view(ensemble, ref);
    if (view === null) return { ...nothingSeen, channel: { kind: 'unformed' } };
    tracker.follows(ref, view);
    const report = view.reports.get(name) ?? null;
    const away = (why: string | null): Seen => {
      return { ...nothingSeen, channel: { kind: 'away', why }, report, leads: report !== null };
    };
    // Nobody waits here for a connection: one ensemble that is away must not hold up the pipelines of others.
    if (!isOpen(view)) return away(view.trouble);
    try {
      const configuration = await this.#configuration(view, ref, pipeline, instance);
      keeper.saw(view, ref, name, configuration.published);
      return {
        channel: openChannel(view),
        ...configuration,
        report,
        ...lifeOf(report === null ? 'gone' : tracker.lifeOf(ref, report, view)),
      };
    } catch (error) {
      if (!isZkError(error)) throw error;
      return away(isZkError(error, 'connection-loss', 'session-expired', 'closed') ? null : messageOf(error));
    }
  }

  /** What is published, and what should be. @throws ZkError */
  async #configuration(
    view: InstanceView,
    ref: InstanceRef,
    pipeline: SyncPipeline,
    instance: InstanceFact,
  ): Promise<{ published: Published | null; wanted: Wanted }> {
    const { name } = pipeline.metadata;
    const text = await readZnode(view.session, configPath(ref, name));
    const read = readPublished(text);
    const published =
      text === null ? null : { text, generation: read?.generation ?? null, instanceGeneration: read?.instanceGeneration ?? null };
    if (instance.kind !== 'found') return { published, wanted: { kind: 'unknown' } };
    const base = instance.value.spec.serverId;
    const serverId = await this.#tools.ledger.idFor(view.session, ref, name, base, read?.serverId ?? null);
    return { published, wanted: serverId === null ? { kind: 'noServerId' } : compiled(instance.value, pipeline, serverId) };
  }

  #neighbours(instance: CanalInstance): Neighbour[] {
    const sources = sourcesOf(instance);
    const own = keyOf(instance.metadata);
    return this.#tools.instances.cache.list().flatMap((object): Neighbour[] => {
      if (keyOf(object) === own) return [];
      const parsed = this.#tools.parsedInstance(object);
      if (!('value' in parsed)) return [];
      const source = sourcesOf(parsed.value).find((each) => sources.includes(each));
      if (source === undefined) return [];
      const { namespace, name } = parsed.value.metadata;
      const { first, last } = serverIdRange(parsed.value, this.#tools.references.toInstance(namespace, name).length);
      // Ids outlive other pipelines of their instance, so they may lie beyond what so many would take anew.
      const highest = this.#tools.ledger.highest({ namespace, instance: name }) ?? 0;
      return [{ instance: `${namespace}/${name}`, source, first, last: Math.max(last, highest) }];
    });
  }
}

function lifeOf(life: 'leads' | 'silent' | 'gone'): Pick<Seen, 'leads' | 'isSilent'> {
  return { leads: life === 'leads', isSilent: life === 'silent' };
}

function openChannel(view: InstanceView): Channel {
  return { kind: 'open', session: view.session, known: view.known, workers: view.workers.size };
}

function compiled(instance: CanalInstance, pipeline: SyncPipeline, serverId: number): Wanted {
  try {
    const config = compilePipeline(instance, pipeline, serverId - instance.spec.serverId);
    return { kind: 'text', text: encodeConfig(config), serverId };
  } catch (error) {
    if (!(error instanceof LockkeeperError)) throw error;
    return { kind: 'refused', error };
  }
}

function sourcesOf({ spec: { master, standby } }: CanalInstance): string[] {
  return [master, ...(standby === null ? [] : [standby])].map(serverKey);
}
