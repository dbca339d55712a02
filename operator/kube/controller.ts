import type { Logger } from '../../common/log.ts';
import type { KubeObject, Live, ObjectKey } from './objects.ts';

export interface ReconcileContext {
  readonly key: ObjectKey;
  /** Aborts when the process stops or leadership is lost. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

export interface ReconcileResult {
  /** Look again after this even if nothing changes. */
  readonly requeueAfterMs?: number | undefined;
}

/**
 * Brings the world of one object to what its spec says, from whatever state it is in; the key tells which, never what happened. Runs for one key at a time.
 * A throw is logged, counted and tried again with growing delays, without stopping other keys.
 */
export type Reconcile = (key: ObjectKey, context: ReconcileContext) => Promise<ReconcileResult>;

/** Where keys come from: each change of an object asks for the keys of both its old and its new state. */
export interface Source<T extends KubeObject = KubeObject> {
  readonly informer: unknown;
  readonly keys: (object: Live<T>) => readonly ObjectKey[];
}
