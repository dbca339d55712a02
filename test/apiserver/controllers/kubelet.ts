import { isoSeconds } from '../../../operator/kube/clock.ts';
import { matchesLabels } from '../../../operator/kube/labels.ts';
import { resources } from '../../../operator/kube/resources.ts';
import type { ApiServer } from '../api-server.ts';
import { Actor } from './actor.ts';
import { isLeaving, isReady, type LivePod } from './pods.ts';
import type { Controller } from './simulation.ts';

export interface KubeletOptions {
  readonly nodes?: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[];
  /** Whether a pod's containers pass their probes at this moment. */
  readonly healthy?: (pod: LivePod) => boolean;
}

/** Scheduler and kubelets: pods find a node, run, become ready or not, and end when they are deleted. */
export class Kubelet implements Controller {
  readonly #actor: Actor;
  readonly #nodes: NonNullable<KubeletOptions['nodes']>;
  healthy: (pod: LivePod) => boolean;
  #addresses = 0;

  constructor(server: ApiServer, options: KubeletOptions = {}) {
    this.#actor = new Actor(server, 'kubelet');
    this.#nodes = options.nodes ?? [{ name: 'node', labels: {} }];
    this.healthy = options.healthy ?? (() => true);
  }

  step(): boolean {
    return this.#actor.list(resources.Pod).some((pod) => this.#stepOf(pod));
  }

  #stepOf(pod: LivePod): boolean {
    if (isLeaving(pod)) {
      if ((pod.metadata.finalizers ?? []).length > 0) return false;
      this.#actor.delete(resources.Pod, pod, 0);
      return true;
    }
    if (pod.spec!.nodeName === undefined) return this.#schedule(pod);
    return this.#run(pod);
  }

  #schedule(pod: LivePod): boolean {
    const node = this.#nodes.find(({ labels }) => matchesLabels(labels, pod.spec!.nodeSelector ?? {}));
    if (node === undefined || !this.#volumesBound(pod)) {
      if (pod.status?.conditions?.some(({ reason }) => reason === 'Unschedulable') === true) return false;
      const message =
        node === undefined
          ? `0/${this.#nodes.length} nodes match the pod's node selector`
          : 'pod has unbound PersistentVolumeClaims';
      const condition = {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message,
        lastTransitionTime: this.#time(),
      };
      this.#actor.patch(resources.Pod, pod.metadata, { status: { conditions: [condition] } }, 'status');
      return true;
    }
    this.#actor.patch(resources.Pod, pod.metadata, { spec: { nodeName: node.name } });
    return true;
  }

  #volumesBound(pod: LivePod): boolean {
    return (pod.spec!.volumes ?? []).every(({ persistentVolumeClaim: claim }) => {
      if (claim === undefined) return true;
      const found = this.#actor.find(resources.PersistentVolumeClaim, {
        namespace: pod.metadata.namespace,
        name: claim.claimName,
      });
      return found?.status?.phase === 'Bound';
    });
  }

  #run(pod: LivePod): boolean {
    const healthy = this.healthy(pod);
    if (pod.status?.phase === 'Running' && isReady(pod) === healthy) return false;
    const address = pod.status?.podIP ?? `10.244.0.${++this.#addresses}`;
    const time = this.#time();
    const judged = (type: string, status: boolean) => ({ type, status: status ? 'True' : 'False', lastTransitionTime: time });
    const conditions = [
      judged('PodScheduled', true),
      judged('Initialized', true),
      judged('ContainersReady', healthy),
      judged('Ready', healthy),
    ];
    const containerStatuses = pod.spec!.containers.map(({ name, image }) => ({
      name,
      image,
      imageID: '',
      ready: healthy,
      restartCount: 0,
      started: true,
      state: { running: { startedAt: pod.status?.startTime ?? time } },
    }));
    const status = {
      phase: 'Running',
      conditions,
      containerStatuses,
      podIP: address,
      podIPs: [{ ip: address }],
      startTime: pod.status?.startTime ?? time,
    };
    this.#actor.patch(resources.Pod, pod.metadata, { status }, 'status');
    return true;
  }

  #time(): string {
    return isoSeconds(this.#actor.now);
  }
}
