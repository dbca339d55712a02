import type { KubeObject, Live, ObjectRef } from './objects.ts';
import type { Resource } from './resources.ts';

/** One write. `reason` is CamelCase and `note` a sentence: when the step changed something, they become an Event on the custom resource. */
export type Step = ApplyStep | DeleteStep;

interface Announced {
  readonly reason?: string | undefined;
  readonly note?: string | undefined;
}

/**
 * Server-side apply. Left out when the live object has it all already; else the object is read live, and written only in that
 * version and if `unless` does not object.
 */
export interface ApplyStep<T extends KubeObject = KubeObject> extends Announced {
  readonly kind: 'apply';
  readonly object: T;
  /** Looks at the live object (undefined: none) and answers why the write must not be done now. */
  readonly unless?: ((live: Live<T> | undefined) => string | undefined) | undefined;
}

/** Reads the object live and deletes it in that version, if it is still the one with this uid. Gone already is well. */
export interface DeleteStep<T extends KubeObject = KubeObject> extends Announced {
  readonly kind: 'delete';
  readonly resource: Resource<T>;
  readonly ref: ObjectRef;
  readonly uid: string;
  readonly unless?: ((live: Live<T>) => string | undefined) | undefined;
}

/** Steps are done in order; the first that fails ends the reconcile. `Extra` are a reconciler's own steps, done by its `perform`. */
export interface Plan<Extra extends { readonly kind: string } = never> {
  readonly steps: readonly (Step | Extra)[];
  /** When to look again though nothing may have changed. */
  readonly requeueAfterMs?: number | undefined;
}

export type StepOutcome = 'created' | 'changed' | 'deleted' | 'unchanged';
