import { commonLabels, ownerReference, selectorLabels, type Live, type ObjectMeta } from '../../kube/index.ts';
import { REGION } from '../../zkensemble/objects/labels.ts';
import { bounded } from '../../zkensemble/servers.ts';

/** What the chart's PodMonitor looks for, too. */
const NAME = 'worker';
/** So that pods' names, with two hashes of 10 and 5 letters behind, fit into a label. */
const LONGEST_DEPLOYMENT = 46;

/** Name of the Deployment of a region's workers. */
export function deploymentName(instance: string, region: string): string {
  return bounded(`${instance}-worker-${region}`, LONGEST_DEPLOYMENT);
}

/** Name of what all workers of the instance have in common. */
export function workersName(instance: string): string {
  return `${instance}-workers`;
}

/** Selects the workers of all regions. */
export function workerSelector(instance: string): Record<string, string> {
  return selectorLabels({ instance, name: NAME });
}

/** Selects the workers of one region. */
export function regionSelector(instance: string, region: string): Record<string, string> {
  return { ...workerSelector(instance), [REGION]: region };
}

export function workerLabels(instance: string): Record<string, string> {
  return commonLabels({ instance, name: NAME });
}

export function regionLabels(instance: string, region: string): Record<string, string> {
  return { ...workerLabels(instance), [REGION]: region };
}

export function regionOf({ metadata }: Live): string | undefined {
  return metadata.labels?.[REGION];
}

/** Metadata of an object that goes when the instance goes. */
export function ownedMeta(owner: Live, name: string, labels: Record<string, string>): ObjectMeta {
  return { name, namespace: owner.metadata.namespace!, labels, ownerReferences: [ownerReference(owner)] };
}
