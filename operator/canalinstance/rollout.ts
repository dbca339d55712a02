import type { Deployment, Live } from '../kube/index.ts';

/** Whether its pods are being exchanged, and it is not known that they will not come up. */
export function isRolling({ metadata, status }: Live<Deployment>): boolean {
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) return true;
  const progressing = status?.conditions?.find(({ type }) => type === 'Progressing');
  return progressing?.status !== 'False' && progressing?.reason !== 'NewReplicaSetAvailable';
}

export interface Change {
  readonly name: string;
  /** How many workers there are now. */
  readonly size: number;
  /** Whether pods are exchanged for it. */
  readonly restarts: boolean;
  /** Whether they are being exchanged already. */
  readonly rolling: boolean;
}

/**
 * Names of the Deployments whose change waits. A Deployment of several workers keeps all but one; one of a single worker has none while it
 * is exchanged, so of these only one is at a time, or an instance with a worker in each region would be without any.
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
