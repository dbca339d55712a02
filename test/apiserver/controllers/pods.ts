import { createHash } from 'node:crypto';
import type { Live, Pod } from '../../../operator/kube/objects.ts';

export type LivePod = Live<Pod>;

export function isReady(pod: LivePod): boolean {
  return pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}

export function isLeaving(pod: LivePod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

const hashes = new WeakMap<object, string>();

/** Ten letters that stand for a pod template. */
export function templateHash(template: object): string {
  const hash = hashes.get(template) ?? createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);
  hashes.set(template, hash);
  return hash;
}
