import { assignIds, emptyIdRecord } from './member-ids.ts';
import type { Member } from './members.ts';
import { clientHost, externalsOf, groupsOf, idRequest, serverOf, type Names, type Server, type ZkSpec } from './servers.ts';

/**
 * What clients of each region connect to, nearest first: the region's observers, its voters, the other voters, and last, for when
 * no voter can be reached, the other regions' observers. Made of the spec alone, so that it changes only with it.
 * @param servers those that the spec asks for
 */
export function connectStrings(spec: ZkSpec, servers: readonly Server[]): { region: string; servers: string }[] {
  const regions = [...new Set(groupsOf(spec).map(({ region }) => region))].sort();
  return regions.map((region) => ({ region, servers: connectString(spec, servers, region) }));
}

/** The same for clients in one region, whether or not the ensemble has servers there. */
export function connectStringFor(spec: ZkSpec, names: Names, region: string): string {
  // No id stands in a connect string.
  const { record } = assignIds(emptyIdRecord, idRequest(spec));
  const servers = groupsOf(spec).flatMap((group) =>
    Array.from({ length: group.replicas }, (_, ordinal) => serverOf(names, record, group, ordinal)).filter(
      (server) => server !== null,
    ),
  );
  return connectString(spec, servers, region);
}

function connectString(spec: ZkSpec, servers: readonly Server[], region: string): string {
  const externals = externalsOf(spec).map((member) => ({ ...member, region: null }));
  const all = [...servers, ...externals];
  const near = all.filter((server) => server.region === region);
  const far = all.filter((server) => server.region !== region);
  const order = [...byRole(near, 'observer'), ...byRole(near, 'voter'), ...byRole(far, 'voter'), ...byRole(far, 'observer')];
  return order.map(clientHost).join(',');
}

/** What the operator itself connects to: the same as clients in the voters' region. */
export function operatorConnectString(names: Names, spec: ZkSpec): string {
  return connectStringFor(spec, names, spec.voters.region);
}

function byRole<T extends Member>(members: readonly T[], role: Member['role']): T[] {
  return members.filter((member) => member.role === role);
}
