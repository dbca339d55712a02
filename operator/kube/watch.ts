import type { KubeObject, Live } from './objects.ts';

/** What happens to a collection, in order; after each `listed` the state is exactly what the events say. */
export type CollectionEvent<T extends KubeObject> =
  /** Everything there is: what is not among it is gone. The first event, and again when the watch had to begin anew. */
  | { readonly kind: 'listed'; readonly objects: readonly Live<T>[]; readonly resourceVersion: string }
  | { readonly kind: 'changed'; readonly object: Live<T> }
  | { readonly kind: 'deleted'; readonly object: Live<T> }
  /** Nothing else has happened up to this revision. */
  | { readonly kind: 'alive'; readonly resourceVersion: string };
