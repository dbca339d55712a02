import { instanceConfigPath, pipelinesPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import { childrenOf, readZnode } from '../../common/zookeeper/znode.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { caKey } from '../../crds/index.ts';
import { credentialKeys as accountKeys } from '../../crds/secret.ts';
import type { Coordination } from '../coordination/view.ts';
import {
  findCondition,
  isTrue,
  keyOf,
  matchesLabels,
  Postponed,
  systemClock,
  type CanalInstanceResource,
  type Clock,
  type Deployment,
  type Informer,
  type Live,
  type Pod,
  type ReconcileContext,
  type SyncPipelineResource,
  type ZkEnsembleResource,
} from '../kube/index.ts';
import type { SecretKeys } from '../syncpipeline/secret-keys.ts';
import { parseEnsemble } from '../zkensemble/parse-ensemble.ts';
import { Names } from '../zkensemble/servers.ts';
import type { CredentialsHashes } from './credentials-hash.ts';
import { inTime } from '../coordination/in-time.ts';
import { credentialsHashOf } from './objects/deployment.ts';
import { workerSelector } from './objects/labels.ts';
import type { EnsembleFacts, NamedSecret, Observed, Told } from './observed.ts';
import type { InstanceSpec } from './parse-instance.ts';
import { regionWorkers } from './region-workers.ts';
import { instanceNameOf } from './secret-names.ts';
import { sourcesOf, type Replica } from './server-ids.ts';

export interface InstanceCaches {
  readonly instances: Informer<CanalInstanceResource>;
  readonly ensembles: Informer<ZkEnsembleResource>;
  readonly pipelines: Informer<SyncPipelineResource>;
  readonly deployments: Informer<Deployment>;
  readonly pods: Informer<Pod>;
}

export interface ObserverTools {
  readonly caches: InstanceCaches;
  readonly coordination: Coordination;
  readonly secrets: SecretKeys;
  readonly credentials: CredentialsHashes;
  readonly clusterDomain?: string | undefined;
  readonly clock?: Clock | undefined;
}

interface Written {
  readonly config: string | null | undefined;
  readonly pipelines: readonly string[];
}

const unreadable: Written = { config: undefined, pipelines: [] };

/** Status tells numbers at most so often, since each telling is a write. */
const NUMBERS_MS = 10_000;

/** Reads everything that the plan depends on. */
export class InstanceObserver {
  readonly #tools: ObserverTools;
  readonly #clock: Clock;
  /** When an instance's numbers were last shown, by its uid. */
  readonly #shownAt = new Map<string, number>();

  constructor(tools: ObserverTools) {
    this.#tools = tools;
    this.#clock = tools.clock ?? systemClock;
  }

  async observe(object: Live<CanalInstanceResource>, spec: InstanceSpec, { signal }: ReconcileContext): Promise<Observed> {
    const ref = instanceRef(object);
    const [ensemble, secrets] = await Promise.all([this.#ensemble(object, spec, signal), this.#secrets(ref, spec, signal)]);
    const told = ensemble.kind === 'usable' ? ensemble.told : null;
    const { config, pipelines: known } = await this.#written(ref, told, signal);
    const pipelines = this.#pipelinesOf(object);
    const registered = told?.known === true ? told.workers : null;
    const { deployments, pods } = this.#tools.caches;
    const own = pods.cache
      .list(ref.namespace)
      .filter(({ metadata }) => matchesLabels(metadata.labels, workerSelector(object.metadata.name)));
    const now = this.#clock.now();
    return {
      ensemble,
      secrets,
      pipelines,
      others: this.#others(object),
      deployments: new Map(deployments.cache.ownedBy(object.metadata.uid).map((each) => [each.metadata.name, each])),
      workers: regionWorkers(spec, own, registered, object.status?.workers),
      config,
      strays: known.filter((name) => !pipelines.some(({ metadata }) => metadata.name === name)).sort(),
      numbersIn: this.#numbersIn(object, now),
      now,
    };
  }

  forget(uid: string): void {
    this.#shownAt.delete(uid);
  }

  async #ensemble(object: Live<CanalInstanceResource>, spec: InstanceSpec, signal: AbortSignal): Promise<EnsembleFacts> {
    const { caches, coordination, credentials, clusterDomain } = this.#tools;
    const ref = instanceRef(object);
    const found = caches.ensembles.cache.get(keyOf({ namespace: ref.namespace, name: spec.zkEnsembleRef.name }));
    if (found === undefined) return { kind: 'missing' };
    const parsed = parseEnsemble(found);
    if ('problems' in parsed) return { kind: 'unusable', why: 'its spec is not valid' };
    const names = new Names(ref.namespace, found.metadata.name, clusterDomain);
    const secret = { namespace: ref.namespace, name: names.auth };
    const believed = await credentials.of(secret, signal);
    const deployed = caches.deployments.cache.ownedBy(object.metadata.uid).map(credentialsHashOf);
    // Nobody is restarted for what a cache says.
    const credentialsHash = deployed.every((hash) => hash === believed) ? believed : await credentials.ofNow(secret, signal);
    const view = await coordination.view(found, ref);
    if (view === null || credentialsHash === null) return { kind: 'unusable', why: 'its passwords are yet to be made' };
    const { known, trouble, source, session } = view;
    const told = { known, trouble, source, session, workers: new Set(view.workers.keys()) };
    return { kind: 'usable', spec: parsed.spec, names, notReady: notReady(found), credentialsHash, told };
  }

  #secrets({ namespace }: InstanceRef, spec: InstanceSpec, signal: AbortSignal): Promise<NamedSecret[]> {
    const named = [
      { field: 'spec.credentialsSecretRef.name', name: spec.credentialsSecretRef.name, keys: accountKeys },
      ...(spec.tls.caSecretRef === null
        ? []
        : [{ field: 'spec.tls.caSecretRef.name', name: spec.tls.caSecretRef.name, keys: [caKey] }]),
    ];
    return Promise.all(
      named.map(async (each) => ({ ...each, found: await this.#tools.secrets.of({ namespace, name: each.name }, signal) })),
    );
  }

  /** What ZooKeeper holds; nothing is known of it while it cannot be reached. */
  async #written(ref: InstanceRef, told: Told | null, signal: AbortSignal): Promise<Written> {
    if (told === null || told.trouble !== null) return unreadable;
    const { session } = told;
    const read = async (): Promise<Written> => ({
      config: await readZnode(session, instanceConfigPath(ref)),
      pipelines: await childrenOf(session, pipelinesPath(ref)),
    });
    try {
      return await inTime(read, this.#clock, signal);
    } catch (error) {
      if (error instanceof Postponed || isZkError(error, 'connection-loss', 'session-expired', 'closed')) return unreadable;
      throw error;
    }
  }

  #pipelinesOf(object: Live<CanalInstanceResource>): Live<SyncPipelineResource>[] {
    const { pipelines } = this.#tools.caches;
    return pipelines.cache
      .list(object.metadata.namespace)
      .filter((pipeline) => instanceNameOf(pipeline) === object.metadata.name)
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  /** Other instances of the same source, in whatever namespace. */
  #others(object: Live<CanalInstanceResource>): Replica[] {
    const sources = sourcesOf(object);
    return this.#tools.caches.instances.cache
      .list()
      .filter((other) => other.metadata.uid !== object.metadata.uid && sourcesOf(other).some((key) => sources.includes(key)))
      .map((instance) => ({ instance, pipelines: this.#pipelinesOf(instance).length }));
  }

  /** What an operator before this one has shown is taken for fresh. */
  #numbersIn({ metadata, status }: Live<CanalInstanceResource>, now: number): number {
    const shownAt = this.#shownAt.get(metadata.uid) ?? (status?.workers === undefined ? -Infinity : now);
    const left = Math.max(0, shownAt + NUMBERS_MS - now);
    this.#shownAt.set(metadata.uid, left === 0 ? now : shownAt);
    return left;
  }
}

export function instanceRef({ metadata }: Live<CanalInstanceResource>): InstanceRef {
  return { namespace: metadata.namespace ?? 'default', instance: metadata.name };
}

function notReady(ensemble: Live<ZkEnsembleResource>): string | null {
  if (isTrue(ensemble, 'Ready')) return null;
  const ready = findCondition(ensemble.status?.conditions, 'Ready');
  return ready === undefined || ready.status === 'True'
    ? 'its spec was changed a moment ago'
    : `${ready.reason}: ${ready.message}`;
}
