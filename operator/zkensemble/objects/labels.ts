import { commonLabels, ownerReference, selectorLabels, type Live, type ObjectMeta } from '../../kube/index.ts';
import type { Role } from '../members.ts';
import { observersGroup, type Group, type Names } from '../servers.ts';

export const REGION = 'lockkeeper.io/region';
/** On a volume: its server was seen serving. */
export const HOLDS_DATA = 'lockkeeper.io/holds-data';
/** On a volume: the myid of the server whose data it holds. */
export const MEMBER_ID = 'lockkeeper.io/member-id';
/** On the ensemble: which myid belongs to which server. */
export const MEMBER_IDS = 'lockkeeper.io/zookeeper-ids';
/** On the ensemble, set by a person: go on though a majority of the voters has lost its data. */
export const ACCEPT_DATA_LOSS = 'lockkeeper.io/accept-data-loss';

const NAME = 'zookeeper';

/** Selects all servers of the ensemble. */
export function ensembleSelector(names: Names): Record<string, string> {
  return selectorLabels({ instance: names.ensemble, name: NAME });
}

/** Selects the servers of a role, in all regions. */
export function roleSelector(names: Names, role: Role): Record<string, string> {
  return selectorLabels({ instance: names.ensemble, name: NAME, component: role });
}

/** Selects the servers in a region, of both roles. */
export function regionSelector(names: Names, region: string): Record<string, string> {
  return { ...ensembleSelector(names), [REGION]: region };
}

/** Selects the servers of one group: its role and region are no other group's. */
export function groupSelector(names: Names, group: Pick<Group, 'role' | 'region'>): Record<string, string> {
  return { ...roleSelector(names, group.role), [REGION]: group.region };
}

export function groupLabels(names: Names, group: Pick<Group, 'role' | 'region'>): Record<string, string> {
  return { ...ensembleLabels(names), ...groupSelector(names, group) };
}

export function ensembleLabels(names: Names): Record<string, string> {
  return commonLabels({ instance: names.ensemble, name: NAME });
}

/** The group that an object's labels name; null where it is of no group. */
export function groupOfLabels(labels: Readonly<Record<string, string>> | undefined): Omit<Group, 'replicas'> | null {
  const role = labels?.['app.kubernetes.io/component'];
  const region = labels?.[REGION];
  if (region === undefined) return null;
  if (role === 'voter') return { name: 'voters', role, region };
  return role === 'observer' ? { name: observersGroup(region), role, region } : null;
}

/** Metadata of an object that goes when the ensemble goes. */
export function ownedMeta(
  owner: Live,
  names: Names,
  name: string,
  labels: Record<string, string> = ensembleLabels(names),
): ObjectMeta {
  return { name, namespace: names.namespace, labels, ownerReferences: [ownerReference(owner)] };
}
