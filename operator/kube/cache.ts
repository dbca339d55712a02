import type { KubeObject, Live, ObjectKey } from './objects.ts';

export type Change<T extends KubeObject> =
  | { readonly kind: 'added'; readonly now: Live<T> }
  | { readonly kind: 'updated'; readonly before: Live<T>; readonly now: Live<T> }
  | { readonly kind: 'deleted'; readonly before: Live<T> };

/** Values under which an object is found in an index. */
export type IndexFunction<T extends KubeObject> = (object: Live<T>) => readonly string[];

/**
 * What reconcilers read: frozen objects without managedFields and last-applied annotations. It runs behind the API server by a
 * watch's delay, but never behind what this process itself wrote (`learn`).
 */
export interface CacheReader<T extends KubeObject> {
  /** Whether a list was taken in. Reading before is a mistake: nothing is there. */
  readonly synced: boolean;
  get(key: ObjectKey): Live<T> | undefined;
  list(namespace?: string): readonly Live<T>[];
  /** Objects whose controller has this uid. */
  ownedBy(uid: string): readonly Live<T>[];
  /** By an index that was given a name when the informer was made. */
  byIndex(index: string, value: string): readonly Live<T>[];
  /** Takes in an answer to a write, unless something newer is known. */
  learn(object: Live<T>): void;
}
