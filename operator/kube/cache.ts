import type { KubeObject, Live, ObjectKey } from './objects.ts';
import { keyOf } from './objects.ts';
import { KeyIndex } from './key-index.ts';
import { matchesLabels } from './labels.ts';
import { controllerOf } from './ownership.ts';
import { compareRevisions } from './revision.ts';
import type { CollectionEvent } from './watch.ts';

export type Change<T extends KubeObject> =
  | { readonly kind: 'added'; readonly now: Live<T> }
  | { readonly kind: 'updated'; readonly before: Live<T>; readonly now: Live<T> }
  | { readonly kind: 'deleted'; readonly before: Live<T> };

/** Values under which an object is found in an index. */
export type IndexFunction<T extends KubeObject> = (object: Live<T>) => readonly string[];

export interface CacheOptions<T extends KubeObject> {
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>> | undefined;
  /** Only objects with these belong in here; for `learn`. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly namespace?: string | undefined;
}

/**
 * What reconcilers read: frozen objects without managedFields and last-applied annotations. It runs behind the API server by a
 * watch's delay, but never behind what this process itself wrote (`learn`).
 */
export interface CacheReader<T extends KubeObject> {
  /** Whether a list was taken in. Reading before is a mistake: nothing is there. */
  readonly synced: boolean;
  readonly size: number;
  get(key: ObjectKey): Live<T> | undefined;
  list(namespace?: string): readonly Live<T>[];
  /** Objects whose controller has this uid. */
  ownedBy(uid: string): readonly Live<T>[];
  /** By an index that was given a name when the informer was made. */
  byIndex(index: string, value: string): readonly Live<T>[];
  /** Takes in an answer to a write, unless something newer is known. */
  learn(object: Live<T>): void;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const OWNER = ' owner';
const NAMESPACE = ' namespace';

/**
 * The state of a collection as its events tell it. An object is its uid: deleted and made again under the same name in between two
 * events, it is reported as deleted and added.
 */
export class ObjectCache<T extends KubeObject> implements CacheReader<T> {
  readonly #objects = new Map<ObjectKey, Live<T>>();
  readonly #indexes: ReadonlyMap<string, { readonly index: KeyIndex; readonly valuesOf: IndexFunction<T> }>;
  readonly #belongs: (object: Live<T>) => boolean;
  readonly #onChange: (change: Change<T>) => void;
  /** Everything up to this revision is in here; '' before the first list. */
  #version = '';

  /** `onChange` is called after the change is in place, and must not throw. */
  constructor(options: CacheOptions<T> = {}, onChange: (change: Change<T>) => void = () => undefined) {
    this.#onChange = onChange;
    this.#belongs = ({ metadata }) =>
      matchesLabels(metadata.labels, options.labels ?? {}) &&
      (options.namespace === undefined || metadata.namespace === options.namespace);
    const functions: Record<string, IndexFunction<T>> = {
      ...options.indexes,
      [OWNER]: (object) => [controllerOf(object)?.uid ?? ''],
      [NAMESPACE]: (object) => [object.metadata.namespace ?? ''],
    };
    this.#indexes = new Map(Object.entries(functions).map(([name, valuesOf]) => [name, { index: new KeyIndex(), valuesOf }]));
  }

  get synced(): boolean {
    return this.#version !== '';
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): Live<T> | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string): readonly Live<T>[] {
    return namespace === undefined ? [...this.#objects.values()] : this.byIndex(NAMESPACE, namespace);
  }

  ownedBy(uid: string): readonly Live<T>[] {
    return this.byIndex(OWNER, uid);
  }

  byIndex(name: string, value: string): readonly Live<T>[] {
    const found = this.#indexes.get(name);
    if (found === undefined) throw new Error(`there is no index '${name}'`);
    return found.index.keys(value).map((key) => this.#objects.get(key)!);
  }

  learn(object: Live<T>): void {
    // Up to its version the cache has had all events: what is not in it then is deleted, not unknown.
    if (!this.synced || compareRevisions(object.metadata.resourceVersion, this.#version) <= 0) return;
    if (this.#belongs(object)) this.#put(object);
  }

  take(event: CollectionEvent<T>): void {
    switch (event.kind) {
      case 'listed':
        this.#takeList(event.objects, event.resourceVersion);
        break;
      case 'changed':
        this.#version = event.object.metadata.resourceVersion;
        this.#put(event.object);
        break;
      case 'deleted':
        this.#version = event.object.metadata.resourceVersion;
        this.#remove(event.object);
        break;
      case 'alive':
        this.#version = event.resourceVersion;
        break;
      default:
        event satisfies never;
    }
  }

  #takeList(objects: readonly Live<T>[], version: string): void {
    const listed = new Set(objects.map((object) => object.metadata.uid));
    for (const object of [...this.#objects.values()]) {
      // What was learned is perhaps newer than the list; the watch that follows tells of it, and of its end.
      const newer = compareRevisions(object.metadata.resourceVersion, version) > 0;
      if (!listed.has(object.metadata.uid) && !newer) this.#remove(object);
    }
    this.#version = version;
    for (const object of objects) this.#put(object);
  }

  #put(object: Live<T>): void {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    if (before !== undefined) {
      const older = compareRevisions(object.metadata.resourceVersion, before.metadata.resourceVersion);
      if (before.metadata.uid !== object.metadata.uid) {
        // A list can still hold what was deleted before the object that was learned since.
        if (older < 0) return;
        this.#remove(before);
      } else if (older <= 0) {
        return;
      }
    }
    const now = freeze(trim(object));
    const old = this.#objects.get(key);
    this.#objects.set(key, now);
    for (const { index, valuesOf } of this.#indexes.values())
      index.move(key, old === undefined ? [] : valuesOf(old), valuesOf(now));
    this.#onChange(old === undefined ? { kind: 'added', now } : { kind: 'updated', before: old, now });
  }

  #remove({ metadata }: Live<T>): void {
    const key = keyOf(metadata);
    const before = this.#objects.get(key);
    // Another object of the same name, made since, stays.
    if (before === undefined || before.metadata.uid !== metadata.uid) return;
    this.#objects.delete(key);
    for (const { index, valuesOf } of this.#indexes.values()) index.move(key, valuesOf(before), []);
    this.#onChange({ kind: 'deleted', before });
  }
}

/** Drops what nobody reads and what is often larger than the rest. */
function trim<T extends KubeObject>(object: Live<T>): Live<T> {
  const { managedFields: _managedFields, annotations, ...metadata } = object.metadata;
  if (annotations === undefined) return { ...object, metadata };
  const { [LAST_APPLIED]: _lastApplied, ...kept } = annotations;
  return { ...object, metadata: { ...metadata, annotations: kept } };
}

/** Whoever changes an object out of the cache would change it for all: that throws. */
function freeze<V>(value: V): V {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) freeze(each);
  }
  return value;
}
