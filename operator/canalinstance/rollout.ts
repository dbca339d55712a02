import type { Deployment, Live } from '../kube/index.ts';

/** Whether its pods are yet to be what its template says, and ready. Afterwards a pod may fail: that is no exchange. */
export function isRolling({ metadata, status }: Live<Deployment>): boolean {
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) return true;
  return progressOf(status)?.reason !== 'NewReplicaSetAvailable';
}

/** Whether Kubernetes has given up waiting for its new pods. */
export function isStalled({ status }: Live<Deployment>): boolean {
  return progressOf(status)?.status === 'False';
}

function progressOf(status: Deployment['status']) {
  return status?.conditions?.find(({ type }) => type === 'Progressing');
}

export interface Change {
  readonly name: string;
  /** How many workers there are now. */
  readonly size: number;
  /** Whether pods are exchanged for it. */
  readonly restarts: boolean;
  /** Whether they are being exchanged already, and have a place to be. */
  readonly rolling: boolean;
}

/**
 * Names of the Deployments whose change waits. A Deployment of several workers keeps all but one; one of a single worker has none while it
 * is exchanged, so of these only one is at a time, or an instance with a worker in each region would be without any. A change whose
 * new worker does not come up goes no further.
 */
export function waitingChanges(changes: readonly Change[]): Set<string> {
  const waiting = new Set<string>();
  let busy = changes.some(({ size, rolling }) => size === 1 && rolling);
  for (const { name, size, restarts, rolling } of changes) {
    if (size !== 1 || !restarts || rolling) continue;
    if (busy) waiting.add(name);
    busy = true;
  }
  return waiting;
}
