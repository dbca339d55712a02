import type { Informer, KubeObject, Live } from '../kube/index.ts';

/** What follows from an object's spec, made once for each generation. */
export class ByGeneration<T extends KubeObject, V> {
  readonly #make: (object: Live<T>) => V;
  /** By uid. */
  readonly #made = new Map<string, { readonly generation: number | undefined; readonly value: V }>();

  constructor(informer: Informer<T>, make: (object: Live<T>) => V) {
    this.#make = make;
    informer.onChange((change) => {
      if (change.kind === 'deleted') this.#made.delete(change.before.metadata.uid);
    });
  }

  of(object: Live<T>): V {
    const { uid, generation } = object.metadata;
    const known = this.#made.get(uid);
    if (known !== undefined && known.generation === generation) return known.value;
    const value = this.#make(object);
    this.#made.set(uid, { generation, value });
    return value;
  }
}
