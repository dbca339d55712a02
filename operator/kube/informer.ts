import type { Logger } from '../../common/log.ts';
import { ObjectCache, type CacheReader, type Change, type IndexFunction } from './cache.ts';
import { NamespacedCaches } from './caches.ts';
import type { KubeClient } from './client.ts';
import { systemClock, type Clock } from './clock.ts';
import { KubeError } from './errors.ts';
import { selectorText } from './labels.ts';
import type { KubeMetrics } from './metrics.ts';
import { describe, type KubeObject } from './objects.ts';
import type { Resource } from './resources.ts';
import { watchCollection } from './watch.ts';

export interface InformerQuery<T extends KubeObject> {
  /** The only namespaces that are looked at; absent: all. */
  readonly namespaces?: readonly string[] | undefined;
  /** Only objects that have all of these. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Only metadata is asked for and kept: to hear of changes of Secrets without holding what is in them. */
  readonly metadataOnly?: boolean | undefined;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>> | undefined;
}

export interface InformerTools {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly metrics?: KubeMetrics | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

/** What one watch brings. */
interface Watched<T extends KubeObject> {
  /** Absent: all. */
  readonly namespace: string | undefined;
  readonly cache: ObjectCache<T>;
  heardAt: number;
}

/** Keeps a cache of a collection up to date, by a watch for each namespace, and tells of each change after it is in the cache. */
export class Informer<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly cache: CacheReader<T>;
  readonly #watched: readonly Watched<T>[];
  readonly #query: InformerQuery<T>;
  readonly #tools: InformerTools;
  readonly #clock: Clock;
  readonly #listeners = new Set<(change: Change<T>) => void>();
  readonly #synced = Promise.withResolvers<void>();

  constructor(resource: Resource<T>, query: InformerQuery<T>, tools: InformerTools) {
    this.resource = resource;
    this.#query = query;
    this.#tools = tools;
    this.#clock = tools.clock ?? systemClock;
    const { namespaces, labels } = query;
    const options = { labels, indexes: this.#guarded(query.indexes ?? {}) };
    const onChange = (change: Change<T>) => this.#tell(change);
    const heardAt = this.#clock.monotonic();
    if (namespaces === undefined) {
      const cache = new ObjectCache(options, onChange);
      this.cache = cache;
      this.#watched = [{ namespace: undefined, cache, heardAt }];
    } else {
      const caches = new NamespacedCaches(namespaces, options, onChange);
      this.cache = caches;
      this.#watched = Array.from(caches.byNamespace, ([namespace, cache]) => ({ namespace, cache, heardAt }));
    }
  }

  /** Resolves when the first list of each namespace is in the cache. */
  get whenSynced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Milliseconds since the quietest watch last heard anything; well above a minute, changes may be missing. */
  get silentMs(): number {
    return this.#clock.monotonic() - Math.min(...this.#watched.map(({ heardAt }) => heardAt));
  }

  /** For listeners that only note a key: they run inside the watch and must not wait. The answer unsubscribes. */
  onChange(listener: (change: Change<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#watched.map((watched) => this.#follow(watched, signal)));
  }

  async #follow(watched: Watched<T>, signal: AbortSignal): Promise<void> {
    const { client, log, metrics, clock, random } = this.#tools;
    const { labels, metadataOnly } = this.#query;
    const { namespace, cache } = watched;
    const options = {
      namespace,
      metadataOnly,
      ...(labels === undefined ? {} : { labelSelector: selectorText(labels) }),
      ...(clock === undefined ? {} : { clock }),
      ...(random === undefined ? {} : { random }),
      onFailure: (error: Error, failures: number) => {
        const reason = error instanceof KubeError ? error.reason : error.name;
        metrics?.watchRestarts.inc({ kind: this.resource.kind, reason });
        log[failures === 1 ? 'debug' : 'warn'](
          { kind: this.resource.kind, namespace, failures, err: error },
          'a watch failed and begins anew',
        );
      },
    };
    for await (const event of watchCollection(client, this.resource, options, signal)) {
      watched.heardAt = this.#clock.monotonic();
      cache.take(event);
      if (event.kind === 'listed' && this.cache.synced) this.#synced.resolve();
    }
  }

  /** A listener that throws, on an object that nobody thought of, must not end the watch for all others. */
  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#complain(error, 'a listener failed on a change');
      }
    }
  }

  #guarded(indexes: Readonly<Record<string, IndexFunction<T>>>): Record<string, IndexFunction<T>> {
    const guarded = (valuesOf: IndexFunction<T>): IndexFunction<T> => {
      return (object) => {
        try {
          return valuesOf(object);
        } catch (error) {
          this.#complain(error, `an index failed on ${describe(object)}`);
          return [];
        }
      };
    };
    return Object.fromEntries(Object.entries(indexes).map(([name, valuesOf]) => [name, guarded(valuesOf)]));
  }

  #complain(error: unknown, what: string): void {
    this.#tools.log.error({ kind: this.resource.kind, err: error }, what);
  }
}
