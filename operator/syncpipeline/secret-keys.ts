import {
  keyOf,
  resources,
  type Informer,
  type KubeClient,
  type KubeSecret,
  type ObjectKey,
  type ObjectRef,
} from '../kube/index.ts';

/**
 * Which keys Secrets have. A cache of metadata tells when one changes, and then it is read and all but the names of its keys is
 * dropped: no content of any Secret stays in memory.
 */
export class SecretKeys {
  readonly #secrets: Informer<KubeSecret>;
  readonly #client: KubeClient;
  readonly #keys = new Map<ObjectKey, { readonly version: string; readonly keys: ReadonlySet<string> }>();

  /** `secrets`: of metadata only. */
  constructor(secrets: Informer<KubeSecret>, client: KubeClient) {
    this.#secrets = secrets;
    this.#client = client;
    secrets.onChange((change) => {
      if (change.kind === 'deleted') this.#keys.delete(keyOf(change.before));
    });
  }

  /** Keys with a value; null where there is no such Secret. */
  async of(ref: ObjectRef, signal: AbortSignal): Promise<ReadonlySet<string> | null> {
    const key = keyOf(ref);
    const cached = this.#secrets.cache.get(key);
    if (cached === undefined) return null;
    const known = this.#keys.get(key);
    if (known?.version === cached.metadata.resourceVersion) return known.keys;
    const found = await this.#client.find(resources.Secret, ref, { signal });
    if (found === undefined) return null;
    const keys = new Set(Object.keys(found.data ?? {}).filter((name) => found.data![name] !== ''));
    this.#keys.set(key, { version: found.metadata.resourceVersion, keys });
    return keys;
  }
}
