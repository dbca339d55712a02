import type { Live, ObjectKey } from '../../operator/kube/objects.ts';
import { keyOf } from '../../operator/kube/objects.ts';
import { expired } from './status.ts';

export interface Commit {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** The plural and apiVersion of its resource. */
  readonly collection: string;
  /** The object after the change; a deleted one in its last state, with the revision of the deletion. */
  readonly object: Live;
  readonly before: Live | undefined;
}

/**
 * Objects and the history that led to them, as in etcd: each change has the next revision, and is kept until it is compacted away.
 * What is stored is frozen, so it is handed out as it is.
 */
export class Store {
  readonly #collections = new Map<string, Map<ObjectKey, Live>>();
  /** Objects of a collection in order, until it changes. */
  readonly #sorted = new Map<string, readonly Live[]>();
  readonly #commits = new Map<string, Commit[]>();
  /** History up to this revision is gone. */
  #floor = 0;
  #revision = 1;
  readonly #listeners = new Set<(commit: Commit) => void>();

  get revision(): number {
    return this.#revision;
  }

  get(collection: string, key: ObjectKey): Live | undefined {
    return this.#collections.get(collection)?.get(key);
  }

  /** In order of keys. @throws Refusal Expired when `revision` is compacted */
  list(collection: string, revision: number = this.#revision): readonly Live[] {
    if (revision < this.#revision) return sorted(this.#at(collection, revision));
    const known = this.#sorted.get(collection) ?? sorted(this.#at(collection, revision));
    this.#sorted.set(collection, known);
    return known;
  }

  /** As `get`, at an earlier revision. @throws Refusal Expired */
  getAt(collection: string, key: ObjectKey, revision: number): Live | undefined {
    return this.#at(collection, revision).get(key);
  }

  /** All objects there are. */
  *all(): Generator<Live> {
    for (const objects of this.#collections.values()) yield* objects.values();
  }

  /** Stores under the next revision; the object as stored. */
  put(collection: string, object: Live): Live {
    const before = this.get(collection, keyOf(object));
    const stored = this.#stamped(object);
    const objects = this.#collections.get(collection) ?? new Map<ObjectKey, Live>();
    this.#collections.set(collection, objects);
    objects.set(keyOf(stored), stored);
    this.#record({
      revision: this.#revision,
      type: before === undefined ? 'ADDED' : 'MODIFIED',
      collection,
      object: stored,
      before,
    });
    return stored;
  }

  delete(collection: string, object: Live): Live {
    const before = this.get(collection, keyOf(object));
    this.#collections.get(collection)?.delete(keyOf(object));
    const last = this.#stamped(object);
    this.#record({ revision: this.#revision, type: 'DELETED', collection, object: last, before });
    return last;
  }

  /** What happened to a collection after `revision`, in order. @throws Refusal Expired when part of it is compacted */
  since(collection: string, revision: number): readonly Commit[] {
    if (revision < this.#floor) throw expired(`too old resource version: ${revision} (${this.#floor})`);
    const commits = this.#commits.get(collection) ?? [];
    return commits.slice(firstAfter(commits, revision));
  }

  /** Forgets the history up to `revision`; the objects stay. */
  compact(revision: number = this.#revision): void {
    this.#floor = Math.max(this.#floor, Math.min(revision, this.#revision));
    for (const commits of this.#commits.values()) commits.splice(0, firstAfter(commits, this.#floor));
  }

  /** Called after each change; the answer unsubscribes. */
  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #at(collection: string, revision: number): ReadonlyMap<ObjectKey, Live> {
    const now = this.#collections.get(collection) ?? new Map<ObjectKey, Live>();
    if (revision >= this.#revision) return now;
    if (revision < this.#floor) throw expired('The provided continue parameter is too old to display a consistent list result.');
    const then = new Map(now);
    for (const commit of this.since(collection, revision).toReversed()) {
      if (commit.before === undefined) then.delete(keyOf(commit.object));
      else then.set(keyOf(commit.object), commit.before);
    }
    return then;
  }

  #stamped(object: Live): Live {
    this.#revision++;
    return deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } });
  }

  #record(commit: Commit): void {
    this.#sorted.delete(commit.collection);
    const commits = this.#commits.get(commit.collection);
    if (commits === undefined) this.#commits.set(commit.collection, [commit]);
    else commits.push(commit);
    for (const listener of [...this.#listeners]) listener(commit);
  }
}

function sorted(objects: ReadonlyMap<ObjectKey, Live>): readonly Live[] {
  return [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}

/** Index of the first commit after `revision`. */
function firstAfter(commits: readonly Commit[], revision: number): number {
  let [low, high] = [0, commits.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (commits[middle]!.revision > revision) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) deepFreeze(each);
  }
  return value;
}
