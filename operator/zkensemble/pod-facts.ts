import type { Live, PersistentVolumeClaim, Pod, StatefulSet } from '../kube/index.ts';
import { CONFIG_HASH, CONTAINER, CREDENTIALS_HASH } from './objects/stateful-set.ts';
import type { ServerView } from './plan/view.ts';

/** So long a server may take from its start until it serves. */
const YOUNG_MS = 120_000;
/** So long a server that runs may serve nobody before a restart may help. */
const STUCK_MS = 30_000;
/** A container in one of these does not come up by itself. */
const HOPELESS = new Set([
  'CrashLoopBackOff',
  'CreateContainerConfigError',
  'CreateContainerError',
  'ErrImageNeverPull',
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'RunContainerError',
]);

export function podState(pod: Live<Pod> | undefined): ServerView['pod'] {
  if (pod === undefined) return 'absent';
  if (pod.metadata.deletionTimestamp !== undefined) return 'ending';
  const running = pod.status?.containerStatuses?.every(({ state }) => state?.running !== undefined) ?? false;
  return pod.status?.phase === 'Running' && running ? 'running' : 'starting';
}

/** `now` in milliseconds since 1970. */
export function isYoung(pod: Live<Pod>, now: number): boolean {
  return waitsFor(pod) === null && now - Date.parse(pod.metadata.creationTimestamp) < YOUNG_MS;
}

export function isReady(pod: Live<Pod>): boolean {
  return readiness(pod)?.status === 'True';
}

function readiness(pod: Live<Pod>) {
  return pod.status?.conditions?.find(({ type }) => type === 'Ready');
}

export function isStuck(pod: Live<Pod>, now: number): boolean {
  if (waitsFor(pod) !== null) return true;
  const ready = readiness(pod);
  const since = ready?.status === 'True' ? now : Date.parse(ready?.lastTransitionTime ?? pod.metadata.creationTimestamp);
  return now - since >= STUCK_MS;
}

/** Why the pod does not get on by itself; null if nothing is known to be wrong. */
export function waitsFor(pod: Live<Pod>): { readonly reason: string; readonly message: string } | null {
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    return { reason: scheduled.reason ?? 'Unschedulable', message: scheduled.message ?? 'no node takes the pod' };
  }
  for (const { state } of pod.status?.containerStatuses ?? []) {
    const reason = state?.waiting?.reason;
    if (reason !== undefined && HOPELESS.has(reason)) return { reason, message: state?.waiting?.message ?? reason };
  }
  return null;
}

/** What of the set's template the pod does not have yet; empty while that cannot be known. */
export function restartReasons(
  pod: Live<Pod>,
  set: Live<StatefulSet> | undefined,
  claims: readonly Live<PersistentVolumeClaim>[],
): string[] {
  const reasons: string[] = [];
  const pending = claims.find(({ status }) => status?.conditions?.some(({ type }) => type === 'FileSystemResizePending'));
  if (pending !== undefined) reasons.push(`the file system of ${pending.metadata.name} grows at the next start`);
  if (set === undefined || set.status?.observedGeneration !== set.metadata.generation) return reasons;
  const revision = pod.metadata.labels?.['controller-revision-hash'];
  if (revision === undefined || revision === set.status?.updateRevision) return reasons;
  return [...reasons, ...differences(pod, set)];
}

function differences(pod: Live<Pod>, set: Live<StatefulSet>): string[] {
  const { template } = set.spec!;
  const reasons: string[] = [];
  const annotation = (key: string) => [pod.metadata.annotations?.[key], template.metadata?.annotations?.[key]] as const;
  const changed = (key: string) => annotation(key)[0] !== annotation(key)[1];
  const image = (containers: readonly { readonly name: string; readonly image?: string }[] | undefined) =>
    containers?.find(({ name }) => name === CONTAINER)?.image;
  const [before, after] = [image(pod.spec?.containers), image(template.spec?.containers)];
  if (before !== after) reasons.push(`image ${before} becomes ${after}`);
  if (changed(CONFIG_HASH)) reasons.push('zoo.cfg changed');
  if (changed(CREDENTIALS_HASH)) reasons.push('the credentials changed');
  const restartedAt = annotation('kubectl.kubernetes.io/restartedAt')[1];
  if (changed('kubectl.kubernetes.io/restartedAt')) reasons.push(`a restart was asked for at ${restartedAt}`);
  return reasons.length > 0 ? reasons : ['the pod template changed'];
}
