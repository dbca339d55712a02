import { ObjectCache, type CacheOptions, type CacheReader, type Change } from './cache.ts';
import { refOf, type KubeObject, type Live, type ObjectKey } from './objects.ts';

/**
 * The caches of a kind that is watched in some namespaces only, as one. Each is synced and knows its version for itself, as its own
 * watch tells them.
 */
export class NamespacedCaches<T extends KubeObject> implements CacheReader<T> {
  readonly byNamespace: ReadonlyMap<string, ObjectCache<T>>;

  constructor(namespaces: readonly string[], options: CacheOptions<T>, onChange: (change: Change<T>) => void) {
    this.byNamespace = new Map(
      namespaces.map((namespace) => [namespace, new ObjectCache<T>({ ...options, namespace }, onChange)]),
    );
  }

  get synced(): boolean {
    return this.#all.every(({ synced }) => synced);
  }

  get size(): number {
    return this.#all.reduce((sum, { size }) => sum + size, 0);
  }

  get(key: ObjectKey): Live<T> | undefined {
    return this.byNamespace.get(refOf(key).namespace ?? '')?.get(key);
  }

  list(namespace?: string): readonly Live<T>[] {
    return namespace === undefined
      ? this.#all.flatMap((cache) => cache.list())
      : (this.byNamespace.get(namespace)?.list(namespace) ?? []);
  }

  ownedBy(uid: string): readonly Live<T>[] {
    return this.#all.flatMap((cache) => cache.ownedBy(uid));
  }

  byIndex(index: string, value: string): readonly Live<T>[] {
    return this.#all.flatMap((cache) => cache.byIndex(index, value));
  }

  learn(object: Live<T>): void {
    this.byNamespace.get(object.metadata.namespace ?? '')?.learn(object);
  }

  get #all(): readonly ObjectCache<T>[] {
    return [...this.byNamespace.values()];
  }
}
