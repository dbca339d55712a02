import { createHash } from 'node:crypto';
import {
  keyOf,
  resources,
  type Informer,
  type KubeClient,
  type KubeSecret,
  type ObjectKey,
  type ObjectRef,
} from '../kube/index.ts';
import { credentialKeys } from '../zkensemble/credentials.ts';

/** Tells when the credentials that workers present to ZooKeeper change, by a hash: a worker reads them only when it starts. */
export class CredentialsHashes {
  readonly #secrets: Informer<KubeSecret>;
  readonly #client: KubeClient;
  readonly #known = new Map<ObjectKey, { readonly version: string; readonly hash: string | null }>();

  /** `secrets`: of metadata only. */
  constructor(secrets: Informer<KubeSecret>, client: KubeClient) {
    this.#secrets = secrets;
    this.#client = client;
    secrets.onChange((change) => {
      if (change.kind === 'deleted') this.#known.delete(keyOf(change.before));
    });
  }

  /** Of an ensemble's Secret; null where there is none, or no credentials in it. */
  async of(ref: ObjectRef, signal: AbortSignal): Promise<string | null> {
    const cached = this.#secrets.cache.get(keyOf(ref));
    const known = this.#known.get(keyOf(ref));
    const isKnown = cached !== undefined && known?.version === cached.metadata.resourceVersion;
    return isKnown ? known.hash : this.ofNow(ref, signal);
  }

  /** As it is at this moment. */
  async ofNow(ref: ObjectRef, signal: AbortSignal): Promise<string | null> {
    const found = await this.#client.find(resources.Secret, ref, { signal });
    if (found === undefined) return null;
    const value = found.data?.[credentialKeys.workerAuth] ?? '';
    const hash = value === '' ? null : createHash('sha256').update(value).digest('hex').slice(0, 16);
    this.#known.set(keyOf(ref), { version: found.metadata.resourceVersion, hash });
    return hash;
  }
}
