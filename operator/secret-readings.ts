import {
  keyOf,
  resources,
  type Informer,
  type KubeClient,
  type KubeSecret,
  type Live,
  type ObjectKey,
  type ObjectRef,
} from './kube/index.ts';

/**
 * What is told of Secrets. A cache of metadata tells when one changes, and then it is read and all but the reading is dropped: no
 * content of any Secret stays in memory.
 */
export class SecretReadings<T> {
  readonly #secrets: Informer<KubeSecret>;
  readonly #client: KubeClient;
  readonly #readingOf: (secret: Live<KubeSecret>) => T;
  readonly #known = new Map<ObjectKey, { readonly version: string; readonly reading: T }>();

  /** `secrets`: of metadata only. */
  constructor(secrets: Informer<KubeSecret>, client: KubeClient, readingOf: (secret: Live<KubeSecret>) => T) {
    this.#secrets = secrets;
    this.#client = client;
    this.#readingOf = readingOf;
    secrets.onChange((change) => {
      if (change.kind === 'deleted') this.#known.delete(keyOf(change.before));
    });
  }

  /** Whether the cache knows of the Secret. */
  has(ref: ObjectRef): boolean {
    return this.#secrets.cache.get(keyOf(ref)) !== undefined;
  }

  /** As the cache has it; a Secret that the cache does not know is looked for. Null where there is none. */
  async of(ref: ObjectRef, signal: AbortSignal): Promise<T | null> {
    const cached = this.#secrets.cache.get(keyOf(ref));
    const known = this.#known.get(keyOf(ref));
    const isKnown = cached !== undefined && known?.version === cached.metadata.resourceVersion;
    return isKnown ? known.reading : this.ofNow(ref, signal);
  }

  /** As it is at this moment. */
  async ofNow(ref: ObjectRef, signal: AbortSignal): Promise<T | null> {
    const found = await this.#client.find(resources.Secret, ref, { signal });
    if (found === undefined) return null;
    const reading = this.#readingOf(found);
    this.#known.set(keyOf(ref), { version: found.metadata.resourceVersion, reading });
    return reading;
  }
}
