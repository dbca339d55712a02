import { isDeepStrictEqual } from 'node:util';
import { isoSeconds } from '../../../operator/kube/clock.ts';
import type { Deployment, Live, Pod } from '../../../operator/kube/objects.ts';
import { ownerReference } from '../../../operator/kube/ownership.ts';
import { resources } from '../../../operator/kube/resources.ts';
import type { ApiServer } from '../api-server.ts';
import { Actor } from './actor.ts';
import { isLeaving, isReady, templateHash, type LivePod } from './pods.ts';
import type { Controller } from './simulation.ts';

const HASH = 'pod-template-hash';

/** Pods of Deployments. The Deployment owns them itself: the ReplicaSets in between are nothing that anybody here looks at. */
export class DeploymentController implements Controller {
  readonly #actor: Actor;
  #made = 0;

  constructor(server: ApiServer) {
    this.#actor = new Actor(server, 'kube-controller-manager');
  }

  step(): boolean {
    return this.#actor.list(resources.Deployment).some((deployment) => this.#stepOf(deployment));
  }

  #stepOf(deployment: Live<Deployment>): boolean {
    if (deployment.metadata.deletionTimestamp !== undefined) return false;
    const hash = templateHash(deployment.spec!.template);
    const pods = this.#actor
      .list(resources.Pod)
      .filter((pod) => pod.metadata.ownerReferences?.[0]?.uid === deployment.metadata.uid);
    return this.#change(deployment, pods, hash) || this.#report(deployment, pods, hash);
  }

  #change(deployment: Live<Deployment>, pods: readonly LivePod[], hash: string): boolean {
    const { replicas = 1, strategy } = deployment.spec!;
    const recreate = strategy?.type === 'Recreate';
    const surge = recreate ? 0 : amount(strategy?.rollingUpdate?.maxSurge, replicas, Math.ceil);
    const unavailable = recreate ? replicas : amount(strategy?.rollingUpdate?.maxUnavailable, replicas, Math.floor);
    const staying = pods.filter((pod) => !isLeaving(pod));
    const fresh = staying.filter((pod) => pod.metadata.labels?.[HASH] === hash);
    const old = staying.filter((pod) => pod.metadata.labels?.[HASH] !== hash);
    const waits = recreate && pods.length > fresh.length;
    if (
      fresh.length < replicas &&
      staying.length < replicas + surge &&
      !(waits && old.length === 0) &&
      !(recreate && old.length > 0)
    ) {
      this.#actor.create(resources.Pod, this.#pod(deployment, hash));
      return true;
    }
    const surplus = fresh.length > replicas ? fresh.toSorted(readyLast)[0] : undefined;
    const ready = staying.filter(isReady).length;
    const spare = old
      .toSorted(readyLast)
      .find((pod) => !isReady(pod) || ready > replicas - Math.max(unavailable, surge === 0 ? 1 : 0));
    const leaves = surplus ?? spare;
    if (leaves === undefined) return false;
    this.#actor.delete(resources.Pod, leaves);
    return true;
  }

  #pod(deployment: Live<Deployment>, hash: string): Pod {
    const { template } = deployment.spec!;
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `${deployment.metadata.name}-${hash}-${(++this.#made).toString(36).padStart(5, 'a')}`,
        namespace: deployment.metadata.namespace!,
        labels: { ...template.metadata?.labels, [HASH]: hash },
        annotations: template.metadata?.annotations ?? {},
        ownerReferences: [ownerReference(deployment)],
      },
      spec: template.spec!,
    };
  }

  #report(deployment: Live<Deployment>, pods: readonly LivePod[], hash: string): boolean {
    const { replicas = 1 } = deployment.spec!;
    const staying = pods.filter((pod) => !isLeaving(pod));
    const ready = staying.filter(isReady).length;
    const updated = staying.filter((pod) => pod.metadata.labels?.[HASH] === hash).length;
    const judged = (type: string, status: boolean, reason: string) => {
      const before = deployment.status?.conditions?.find((condition) => condition.type === type);
      const value = status ? 'True' : 'False';
      const time = before?.status === value ? before.lastTransitionTime! : isoSeconds(this.#actor.now);
      return { type, status: value, reason, message: '', lastTransitionTime: time, lastUpdateTime: time };
    };
    const status = {
      observedGeneration: deployment.metadata.generation,
      replicas: staying.length,
      updatedReplicas: updated,
      readyReplicas: ready,
      availableReplicas: ready,
      unavailableReplicas: Math.max(0, replicas - ready),
      conditions: [
        judged('Available', ready >= replicas, ready >= replicas ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable'),
        judged('Progressing', true, updated === replicas && ready === replicas ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated'),
      ],
    };
    if (isDeepStrictEqual(status, deployment.status)) return false;
    this.#actor.patch(resources.Deployment, deployment.metadata, { status }, 'status');
    return true;
  }
}

/** Pods that are not ready come first: they are given up first. */
function readyLast(a: LivePod, b: LivePod): number {
  return Number(isReady(a)) - Number(isReady(b)) || (a.metadata.name < b.metadata.name ? -1 : 1);
}

function amount(value: number | string | undefined, replicas: number, round: (x: number) => number): number {
  if (typeof value === 'number') return value;
  return round((Number((value ?? '25%').replace('%', '')) / 100) * replicas);
}
