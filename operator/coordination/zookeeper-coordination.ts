import type { InstanceRef } from '../../common/zookeeper/paths.ts';
import {
  keyOf,
  resources,
  systemClock,
  type Clock,
  type KubeClient,
  type Live,
  type ObjectKey,
  type ZkEnsembleResource,
} from '../kube/index.ts';
import { operatorConnectString } from '../zkensemble/connect-strings.ts';
import { credentialsFrom, type Credentials } from '../zkensemble/credentials.ts';
import { parseEnsemble } from '../zkensemble/parse-ensemble.ts';
import { Names } from '../zkensemble/servers.ts';
import { EnsembleLink } from './ensemble-link.ts';
import { FollowedInstance } from './followed-instance.ts';
import type { Coordination, InstanceView } from './view.ts';

export interface CoordinationTools {
  readonly client: KubeClient;
  readonly clusterDomain?: string | undefined;
  readonly clock?: Clock | undefined;
  /** Where an ensemble is reached, in place of what its spec says; null: nowhere yet. */
  readonly serversOf?: ((ensemble: Live<ZkEnsembleResource>) => string | null) | undefined;
}

/** Passwords are looked at again after this while all is well. */
const LOOK_MS = 60_000;
const LOOK_AGAIN_MS = 2_000;

/** What is known of an ensemble, whether it can be reached or not. */
interface Known {
  /** When the Secret was last read, monotonic. */
  lookedAt: number;
  looking: Promise<void> | null;
  credentials: Credentials | null;
  /** Of the generation that was looked at last. */
  servers: { readonly generation: number | undefined; readonly text: string | null } | null;
  link: EnsembleLink | null;
}

type Listener = (ref: InstanceRef, pipeline: string | undefined) => void;

/** The ensembles' ZooKeepers: one connection for each ensemble that instances are followed in. */
export class ZookeeperCoordination implements Coordination {
  readonly #tools: CoordinationTools;
  readonly #clock: Clock;
  /** By uid. */
  readonly #ensembles = new Map<string, Known>();
  readonly #followed = new Map<ObjectKey, FollowedInstance>();
  readonly #listeners = new Set<Listener>();

  constructor(tools: CoordinationTools) {
    this.#tools = tools;
    this.#clock = tools.clock ?? systemClock;
  }

  async view(ensemble: Live<ZkEnsembleResource>, ref: InstanceRef): Promise<InstanceView | null> {
    const link = await this.#linkTo(ensemble);
    if (link === null) return null;
    const key = keyFor(ref);
    const followed = this.#followed.get(key);
    if (followed !== undefined) {
      followed.follow(link);
      return followed;
    }
    const fresh = new FollowedInstance(
      ref,
      link,
      (pipeline) => this.#tell(ref, pipeline),
      () => this.#clock.monotonic(),
    );
    this.#followed.set(key, fresh);
    return fresh;
  }

  forget(ref: InstanceRef): void {
    const key = keyFor(ref);
    this.#followed.get(key)?.stop();
    this.#followed.delete(key);
    const used = new Set([...this.#followed.values()].map(({ link }) => link));
    for (const [uid, { link }] of this.#ensembles) if (link !== null && !used.has(link)) this.#drop(uid);
  }

  onNews(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The ensemble is gone: whoever still asks for it has an old cache. */
  forgetEnsemble(uid: string): void {
    const link = this.#ensembles.get(uid)?.link;
    for (const [key, followed] of this.#followed) {
      if (followed.link !== link) continue;
      followed.stop();
      this.#followed.delete(key);
    }
    this.#drop(uid);
  }

  async close(): Promise<void> {
    for (const followed of this.#followed.values()) followed.stop();
    this.#followed.clear();
    const links = [...this.#ensembles.values()].flatMap(({ link }) => link ?? []);
    this.#ensembles.clear();
    await Promise.all(links.map((link) => link.close()));
  }

  async #linkTo(ensemble: Live<ZkEnsembleResource>): Promise<EnsembleLink | null> {
    const { uid } = ensemble.metadata;
    const known = this.#ensembles.get(uid) ?? {
      ...{ lookedAt: -Infinity, looking: null, credentials: null, servers: null, link: null },
    };
    this.#ensembles.set(uid, known);
    try {
      await this.#look(ensemble, known);
    } catch (error) {
      if (known.link === null) throw error; // else what was read before serves
    }
    if (this.#ensembles.get(uid) !== known) return null; // forgotten meanwhile
    const { credentials } = known;
    const servers = this.#serversOf(ensemble, known);
    if (credentials === null || servers === null) return known.link;
    if (known.link?.isFor(servers, credentials) === true && !known.link.refused) return known.link;
    const before = known.link;
    const link = new EnsembleLink(keyOf(ensemble), servers, credentials, this.#clock, () => this.#tellAllOf(link));
    known.link = link;
    if (before !== null) {
      for (const followed of this.#followed.values()) if (followed.link === before) followed.follow(link);
      await before.close();
    }
    return link;
  }

  /** Reads the passwords if they may have changed. Those who ask meanwhile wait for the same answer. */
  async #look(ensemble: Live<ZkEnsembleResource>, known: Known): Promise<void> {
    const isWell = known.link !== null && known.link.trouble === null;
    if (this.#clock.monotonic() - known.lookedAt < (isWell ? LOOK_MS : LOOK_AGAIN_MS)) return;
    known.looking ??= this.#read(ensemble).then(
      (credentials) => {
        // What is lost by mistake serves on: the servers know it still.
        known.credentials = credentials ?? known.credentials;
        known.lookedAt = this.#clock.monotonic();
        known.looking = null;
      },
      (error: unknown) => {
        known.looking = null;
        throw error;
      },
    );
    await known.looking;
  }

  async #read(ensemble: Live<ZkEnsembleResource>): Promise<Credentials | null> {
    const { name, namespace } = ensemble.metadata;
    const { auth } = new Names(namespace ?? 'default', name);
    const found = await this.#tools.client.find(resources.Secret, { name: auth, namespace });
    const data = Object.entries(found?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()] as const);
    return credentialsFrom(Object.fromEntries(data));
  }

  /** Null where the spec cannot be read. */
  #serversOf(ensemble: Live<ZkEnsembleResource>, known: Known): string | null {
    const { serversOf, clusterDomain } = this.#tools;
    if (serversOf !== undefined) return serversOf(ensemble);
    const { generation, name, namespace } = ensemble.metadata;
    if (known.servers === null || known.servers.generation !== generation) {
      const parsed = parseEnsemble(ensemble);
      const names = new Names(namespace ?? 'default', name, clusterDomain);
      known.servers = { generation, text: 'spec' in parsed ? operatorConnectString(names, parsed.spec) : null };
    }
    return known.servers.text;
  }

  #drop(uid: string): void {
    void this.#ensembles.get(uid)?.link?.close();
    this.#ensembles.delete(uid);
  }

  #tell(ref: InstanceRef, pipeline: string | undefined): void {
    for (const listener of [...this.#listeners]) listener(ref, pipeline);
  }

  #tellAllOf(link: EnsembleLink): void {
    for (const followed of this.#followed.values()) if (followed.link === link) this.#tell(followed.ref, undefined);
  }
}

function keyFor({ namespace, instance }: InstanceRef): ObjectKey {
  return keyOf({ namespace, name: instance });
}
