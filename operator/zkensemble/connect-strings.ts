import type { Member } from './members.ts';
import { assignIds, emptyIdRecord } from './member-ids.ts';
import { clientHost, externalsOf, groupsOf, idRequest, serverOf, type Names, type Server, type ZkSpec } from './servers.ts';

/**
 * What clients of each region connect to, nearest first: the region's observers, its voters, the other voters, and last, for when
 * no voter can be reached, the other regions' observers. Made of the spec alone, so that it changes only with it.
 * @param servers those that the spec asks for
 */
export function connectStrings(spec: ZkSpec, servers: readonly Server[]): { region: string; servers: string }[] {
  const regions = [...new Set(groupsOf(spec).map(({ region }) => region))].sort();
  const externals = externalsOf(spec).map((member) => ({ ...member, region: null }));
  const all = [...servers, ...externals];
  return regions.map((region) => {
    const near = all.filter((server) => server.region === region);
    const far = all.filter((server) => server.region !== region);
    const order = [...byRole(near, 'observer'), ...byRole(near, 'voter'), ...byRole(far, 'voter'), ...byRole(far, 'observer')];
    return { region, servers: order.map(clientHost).join(',') };
  });
}

/** What the operator itself connects to: the same as clients in the voters' region. */
export function operatorConnectString(names: Names, spec: ZkSpec): string {
  const { record } = assignIds(emptyIdRecord, idRequest(spec)); // any ids do, since addresses do not depend on them
  const servers = groupsOf(spec).flatMap((group) =>
    Array.from({ length: group.replicas }, (_, ordinal) => serverOf(names, record, group, ordinal)).filter(
      (server) => server !== null,
    ),
  );
  return connectStrings(spec, servers).find(({ region }) => region === spec.voters.region)!.servers;
}

function byRole<T extends Member>(members: readonly T[], role: Member['role']): T[] {
  return members.filter((member) => member.role === role);
}
