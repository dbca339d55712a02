import type { Live, Pod } from '../kube/index.ts';
import { waitsFor } from '../zkensemble/pod-facts.ts';
import { regionOf } from './objects/labels.ts';
import type { InstanceSpec } from './parse-instance.ts';

/** The workers of a region as they are. */
export interface RegionWorkers {
  readonly region: string;
  readonly desired: number;
  /** Pods that are ready and registered in ZooKeeper. */
  readonly ready: number;
  /** Why one of the others does not come up by itself; null if nothing is known to be wrong. */
  readonly stuck: { readonly pod: string; readonly reason: string; readonly message: string } | null;
}

/**
 * @param pods of the instance
 * @param registered ids of the workers in ZooKeeper, which are the names of their pods; null: not known, then `before` still holds
 */
export function regionWorkers(
  spec: InstanceSpec,
  pods: readonly Live<Pod>[],
  registered: ReadonlySet<string> | null,
  before: readonly { readonly region: string; readonly ready: number }[] = [],
): RegionWorkers[] {
  return spec.workers.map(({ region, replicas }) => {
    const own = pods.filter((pod) => regionOf(pod) === region && pod.metadata.deletionTimestamp === undefined);
    const ready = own.filter((pod) => isReady(pod) && registered?.has(pod.metadata.name)).length;
    const stuck = own.map((pod) => ({ pod: pod.metadata.name, why: waitsFor(pod) })).find(({ why }) => why !== null);
    return {
      region,
      desired: replicas,
      ready: registered === null ? (before.find((each) => each.region === region)?.ready ?? 0) : ready,
      stuck: stuck === undefined ? null : { pod: stuck.pod, ...stuck.why! },
    };
  });
}

export function isReady({ status }: Live<Pod>): boolean {
  return status?.conditions?.some(({ type, status: judged }) => type === 'Ready' && judged === 'True') ?? false;
}
