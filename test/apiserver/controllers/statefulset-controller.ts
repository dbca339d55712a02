import { isDeepStrictEqual } from 'node:util';
import { matchesLabels } from '../../../operator/kube/labels.ts';
import type { Live, PersistentVolumeClaim, Pod, StatefulSet } from '../../../operator/kube/objects.ts';
import { ownerReference } from '../../../operator/kube/ownership.ts';
import { resources } from '../../../operator/kube/resources.ts';
import type { ApiServer } from '../api-server.ts';
import { Actor } from './actor.ts';
import { isLeaving, isReady, templateHash, type LivePod } from './pods.ts';
import type { Controller } from './simulation.ts';

type Template = NonNullable<NonNullable<StatefulSet['spec']>['template']>;
const REVISION = 'controller-revision-hash';

/** Pods of StatefulSets, in the order that the real controller makes, replaces and removes them. */
export class StatefulSetController implements Controller {
  readonly #actor: Actor;
  /** Templates by revision: the real one keeps them as objects. */
  readonly #templates = new Map<string, Template>();

  constructor(server: ApiServer) {
    this.#actor = new Actor(server, 'kube-controller-manager');
  }

  step(): boolean {
    return this.#actor.list(resources.StatefulSet).some((set) => this.#stepOf(set));
  }

  #stepOf(set: Live<StatefulSet>): boolean {
    if (set.metadata.deletionTimestamp !== undefined) return false;
    const spec = set.spec!;
    const updateRevision = `${set.metadata.name}-${templateHash(spec.template)}`;
    this.#templates.set(updateRevision, spec.template);
    const currentRevision = set.status?.currentRevision ?? updateRevision;
    if (this.#adopt(set)) return true;
    const pods = new Map(
      this.#actor
        .list(resources.Pod)
        .filter((pod) => pod.metadata.ownerReferences?.[0]?.uid === set.metadata.uid)
        .map((pod) => [ordinalOf(pod), pod]),
    );
    return (
      this.#change(set, pods, currentRevision, updateRevision) ||
      this.#report(set, [...pods.values()], currentRevision, updateRevision)
    );
  }

  /** Pods of its name that match and that nobody owns, as after the set was deleted without them. */
  #adopt(set: Live<StatefulSet>): boolean {
    const { name, namespace } = set.metadata;
    const orphan = this.#actor.list(resources.Pod).find(({ metadata }) => {
      const isOfSet = metadata.namespace === namespace && new RegExp(`^${name}-\\d+$`).test(metadata.name);
      const isFree = (metadata.ownerReferences ?? []).length === 0 && metadata.deletionTimestamp === undefined;
      return isOfSet && isFree && matchesLabels(metadata.labels, set.spec!.selector.matchLabels ?? {});
    });
    if (orphan === undefined) return false;
    this.#actor.patch(resources.Pod, orphan.metadata, { metadata: { ownerReferences: [ownerReference(set)] } });
    return true;
  }

  #change(set: Live<StatefulSet>, pods: ReadonlyMap<number, LivePod>, currentRevision: string, updateRevision: string): boolean {
    const { replicas = 1, podManagementPolicy, updateStrategy } = set.spec!;
    const ordered = podManagementPolicy !== 'Parallel';
    const partition = updateStrategy?.rollingUpdate?.partition ?? 0;
    for (let ordinal = 0; ordinal < replicas; ordinal++) {
      const pod = pods.get(ordinal);
      if (pod === undefined) {
        // Of an earlier set, and yet to be collected; the real one fails and tries again.
        if (this.#actor.find(resources.Pod, { ...set.metadata, name: `${set.metadata.name}-${ordinal}` }) !== undefined) continue;
        const updated = updateStrategy?.type === 'OnDelete' || ordinal >= partition;
        return this.#make(set, ordinal, updated ? updateRevision : currentRevision);
      }
      if (ordered && (isLeaving(pod) || !isReady(pod))) return false;
    }
    const condemned = Math.max(-1, ...[...pods.keys()].filter((ordinal) => ordinal >= replicas));
    if (condemned >= 0) {
      if (isLeaving(pods.get(condemned)!)) return false;
      this.#actor.delete(resources.Pod, pods.get(condemned)!);
      return true;
    }
    if (updateStrategy?.type !== 'RollingUpdate') return false;
    for (let ordinal = replicas - 1; ordinal >= partition; ordinal--) {
      const pod = pods.get(ordinal)!;
      if (isLeaving(pod)) return false;
      if (pod.metadata.labels?.[REVISION] !== updateRevision) {
        this.#actor.delete(resources.Pod, pod);
        return true;
      }
      if (!isReady(pod)) return false;
    }
    return false;
  }

  /** The claims first, and then the pod. */
  #make(set: Live<StatefulSet>, ordinal: number, revision: string): boolean {
    const { namespace, name } = set.metadata;
    const template = this.#templates.get(revision) ?? set.spec!.template;
    const podName = `${name}-${ordinal}`;
    const templates = (set.spec!.volumeClaimTemplates ?? []) as readonly PersistentVolumeClaim[];
    const claims = templates.map((claim) => ({ volume: claim.metadata.name, claim, name: `${claim.metadata.name}-${podName}` }));
    for (const { claim, name: claimName } of claims) {
      const found = this.#actor.find(resources.PersistentVolumeClaim, { namespace, name: claimName });
      if (found?.metadata.deletionTimestamp !== undefined) return false; // "pvc is being deleted"
      if (found !== undefined) continue;
      const labels = { ...claim.metadata.labels, ...set.spec!.selector.matchLabels };
      this.#actor.create(resources.PersistentVolumeClaim, {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { ...claim.metadata, name: claimName, namespace: namespace!, labels },
        spec: claim.spec!,
      });
      return true;
    }
    const volumes = claims.map(({ volume, name: claimName }) => ({ name: volume, persistentVolumeClaim: { claimName } }));
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: podName,
        namespace: namespace!,
        labels: {
          ...template.metadata?.labels,
          [REVISION]: revision,
          'statefulset.kubernetes.io/pod-name': podName,
          'apps.kubernetes.io/pod-index': String(ordinal),
        },
        annotations: template.metadata?.annotations ?? {},
        ownerReferences: [ownerReference(set)],
      },
      spec: {
        ...template.spec!,
        hostname: podName,
        ...(set.spec!.serviceName === undefined ? {} : { subdomain: set.spec!.serviceName }),
        volumes: [...(template.spec!.volumes ?? []), ...volumes],
      },
    };
    this.#actor.create(resources.Pod, pod);
    return true;
  }

  #report(set: Live<StatefulSet>, pods: readonly LivePod[], currentRevision: string, updateRevision: string): boolean {
    const staying = pods.filter((pod) => !isLeaving(pod));
    const ready = staying.filter(isReady).length;
    const updated = staying.filter((pod) => pod.metadata.labels?.[REVISION] === updateRevision);
    const complete = updated.length === set.spec!.replicas && pods.length === updated.length && updated.every(isReady);
    const current = complete ? updateRevision : currentRevision;
    const status = {
      observedGeneration: set.metadata.generation,
      replicas: pods.length,
      readyReplicas: ready,
      availableReplicas: ready,
      currentReplicas: staying.filter((pod) => pod.metadata.labels?.[REVISION] === current).length,
      updatedReplicas: updated.length,
      currentRevision: current,
      updateRevision,
      collisionCount: 0,
    };
    if (isDeepStrictEqual(status, set.status)) return false;
    this.#actor.patch(resources.StatefulSet, set.metadata, { status }, 'status');
    return true;
  }
}

function ordinalOf(pod: LivePod): number {
  return Number(pod.metadata.name.slice(pod.metadata.name.lastIndexOf('-') + 1));
}
