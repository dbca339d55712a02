import type { Logger } from '../../common/log.ts';
import { ObjectCache, type CacheReader, type Change, type IndexFunction } from './cache.ts';
import type { KubeClient } from './client.ts';
import { systemClock, type Clock } from './clock.ts';
import { KubeError } from './errors.ts';
import { selectorText } from './labels.ts';
import type { KubeMetrics } from './metrics.ts';
import { describe, type KubeObject } from './objects.ts';
import type { Resource } from './resources.ts';
import { watchCollection } from './watch.ts';

export interface InformerQuery<T extends KubeObject> {
  readonly namespace?: string | undefined;
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

/** Keeps a cache of a collection up to date, and tells of each change after it is in the cache. */
export class Informer<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly cache: CacheReader<T>;
  readonly #cache: ObjectCache<T>;
  readonly #query: InformerQuery<T>;
  readonly #tools: InformerTools;
  readonly #clock: Clock;
  readonly #listeners = new Set<(change: Change<T>) => void>();
  readonly #synced = Promise.withResolvers<void>();
  #heardAt: number;

  constructor(resource: Resource<T>, query: InformerQuery<T>, tools: InformerTools) {
    this.resource = resource;
    this.#query = query;
    this.#tools = tools;
    this.#clock = tools.clock ?? systemClock;
    this.#heardAt = this.#clock.monotonic();
    this.#cache = new ObjectCache({ ...query, indexes: this.#guarded(query.indexes ?? {}) }, (change) => this.#tell(change));
    this.cache = this.#cache;
  }

  /** Resolves when the first list is in the cache. */
  get whenSynced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Milliseconds since the server last said anything; well above a minute, changes may be missing. */
  get silentMs(): number {
    return this.#clock.monotonic() - this.#heardAt;
  }

  /** For listeners that only note a key: they run inside the watch and must not wait. The answer unsubscribes. */
  onChange(listener: (change: Change<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, log, metrics, clock, random } = this.#tools;
    const { namespace, labels, metadataOnly } = this.#query;
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
          { kind: this.resource.kind, failures, err: error },
          'a watch failed and begins anew',
        );
      },
    };
    for await (const event of watchCollection(client, this.resource, options, signal)) {
      this.#heardAt = this.#clock.monotonic();
      this.#cache.take(event);
      if (event.kind === 'listed') this.#synced.resolve();
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
