import { LockkeeperError } from '../../common/errors.ts';
import {
  isForbidden,
  resources,
  systemClock,
  type Clock,
  type KubeClient,
  type KubeSecret,
  type Live,
  type ReconcileContext,
  type ZkEnsembleResource,
} from '../kube/index.ts';
import type { AccessPool } from './access-pool.ts';
import { cachedFacts, liveFacts, type ClusterCaches, type ClusterFacts } from './cluster-facts.ts';
import { credentialsFrom, secretData } from './credentials.ts';
import type { EnsembleAccess } from './ensemble-access.ts';
import { hashOf } from './objects/stateful-set.ts';
import { observedFrom, type Answers, type Observed, type SecretFacts, type Sources } from './observed.ts';
import { Names, type ZkSpec } from './servers.ts';
import { growingClaims } from './volume-steps.ts';

export interface ObserverTools {
  readonly client: KubeClient;
  readonly caches: ClusterCaches;
  readonly access: AccessPool;
  readonly clusterDomain?: string | undefined;
  readonly clock?: Clock | undefined;
}

/** Status tells how far servers are at most so often, since each telling is a write. */
const ZXIDS_MS = 60_000;

const unanswered: Answers = { serving: [], says: new Map(), config: null, configError: null, secured: null };

/** Reads everything that the next step depends on. */
export class EnsembleObserver {
  readonly #tools: ObserverTools;
  readonly #clock: Clock;
  /** When an ensemble's zxids were last shown, by its uid. */
  readonly #shownAt = new Map<string, number>();

  constructor(tools: ObserverTools) {
    this.#tools = tools;
    this.#clock = tools.clock ?? systemClock;
  }

  async observe(object: Live<ZkEnsembleResource>, spec: ZkSpec, { signal }: ReconcileContext): Promise<Observed> {
    const names = this.namesOf(object);
    const secret = await this.#secret(names, signal);
    const now = this.#clock.now();
    const showsZxids = this.#showsZxids(object, now);
    const look = (facts: ClusterFacts, answers: Answers, expandable: Sources['expandable'] = new Map()) =>
      observedFrom(object, spec, { names, facts, secret, expandable, showsZxids, now }, answers);

    const first = look(cachedFacts(this.#tools.caches, names), unanswered);
    const answers = await this.#ask(object, first);
    let observed = look(cachedFacts(this.#tools.caches, names), answers);
    // Whatever is done is done on the ground of what is, not of what a cache still says; without a quorum all the more.
    if (answers.config === null || (observed.step.kind !== 'none' && observed.step.kind !== 'wait')) {
      observed = look(await liveFacts(this.#tools.client, names, signal), answers);
    }
    const classes = new Set(growingClaims(spec, observed).map(({ claim }) => claim.spec?.storageClassName ?? ''));
    if (classes.size === 0) return observed;
    return { ...observed, expandable: await this.#expandable(classes, signal) };
  }

  /** Once in a while; what an operator before this one has shown is taken for fresh. */
  #showsZxids({ metadata, status }: Live<ZkEnsembleResource>, now: number): boolean {
    const shownAt = this.#shownAt.get(metadata.uid) ?? (status?.members === undefined ? -Infinity : now);
    const isTime = now - shownAt >= ZXIDS_MS;
    this.#shownAt.set(metadata.uid, isTime ? now : shownAt);
    return isTime;
  }

  namesOf({ metadata }: Live<ZkEnsembleResource>): Names {
    return new Names(metadata.namespace ?? 'default', metadata.name, this.#tools.clusterDomain);
  }

  /** Null while the credentials are missing. */
  accessTo(object: Live<ZkEnsembleResource>, secret: SecretFacts): EnsembleAccess | null {
    if (secret.credentials === null) return null;
    return this.#tools.access.of(object.metadata.uid, secret.credentials, secret.hash);
  }

  /** Read live: it may be one that a person made, which no cache of our objects holds. */
  async #secret(names: Names, signal: AbortSignal): Promise<SecretFacts> {
    const found = await this.#tools.client.find(resources.Secret, { name: names.auth, namespace: names.namespace }, { signal });
    if (found === undefined) {
      return { exists: false, resourceVersion: undefined, credentials: null, complete: false, hash: '' };
    }
    const data = decoded(found);
    const credentials = credentialsFrom(data);
    const complete = credentials !== null && Object.entries(secretData(credentials)).every(([key, value]) => data[key] === value);
    const hash = credentials === null ? '' : hashOf(JSON.stringify(secretData(credentials)));
    return { exists: true, resourceVersion: found.metadata.resourceVersion, credentials, complete, hash };
  }

  async #ask(object: Live<ZkEnsembleResource>, { view, wanted, secret }: Observed): Promise<Answers> {
    const access = this.accessTo(object, secret);
    if (access === null) return unanswered;
    const candidates = [
      ...view.servers.filter(({ pod }) => pod === 'running' || pod === 'starting').map(({ server }) => server),
      ...wanted.externals,
    ];
    const asked = await Promise.all(candidates.map(async (server) => ({ server, says: await access.ask(server) })));
    const serving = asked.flatMap(({ server, says }) => (says === null ? [] : [{ server, says }]));
    // The leader last: it is the one that goes away in a hand-over.
    const servers = serving
      .toSorted((a, b) => Number(a.says.mode === 'leader') - Number(b.says.mode === 'leader') || a.server.id - b.server.id)
      .map(({ server }) => server);
    const says = new Map(serving.map(({ server, says }) => [server.id, says]));
    try {
      const config = await access.config(servers);
      return {
        serving: servers,
        says,
        config,
        configError: null,
        secured: config === null ? null : await access.isSecured(servers),
      };
    } catch (error) {
      if (!(error instanceof LockkeeperError) || error.code !== 'LK1802') throw error;
      return {
        serving: servers,
        says,
        config: null,
        configError: `${error.message}: ${error.found}. ${error.remedy}`,
        secured: null,
      };
    }
  }

  /** Of which storage classes the volumes may grow; one that cannot be read is tried. */
  async #expandable(classes: ReadonlySet<string>, signal: AbortSignal): Promise<Map<string, boolean>> {
    const result = new Map<string, boolean>();
    for (const name of classes) {
      if (name === '') continue;
      try {
        const found = await this.#tools.client.find(resources.StorageClass, { name }, { signal });
        if (found !== undefined) result.set(name, found.allowVolumeExpansion === true);
      } catch (error) {
        if (!isForbidden(error)) throw error;
      }
    }
    return result;
  }
}

function decoded({ data }: KubeSecret): Record<string, string> {
  return Object.fromEntries(Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}
