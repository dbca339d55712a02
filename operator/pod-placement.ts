import type { PodFields } from '../crds/pod-fields.ts';
import type { Pod } from './kube/index.ts';

type PodSpec = NonNullable<Pod['spec']>;

/**
 * On which nodes a pod may be: those of its region and of the user's choice. Where the user gives no affinity, those that
 * `selector` matches spread over nodes and zones as well as it goes: a region may have one node only.
 */
export function placement(
  { nodeSelector, tolerations, affinity }: PodFields,
  region: string,
  selector: Readonly<Record<string, string>>,
): Pick<PodSpec, 'nodeSelector' | 'tolerations' | 'affinity' | 'topologySpreadConstraints'> {
  const spread = ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
    topologyKey,
    maxSkew: 1,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: selector },
  }));
  return {
    nodeSelector: { ...nodeSelector, 'topology.kubernetes.io/region': region },
    ...(tolerations.length === 0 ? {} : { tolerations: tolerations as NonNullable<PodSpec['tolerations']> }),
    ...(affinity === null ? { topologySpreadConstraints: spread } : { affinity }),
  };
}
