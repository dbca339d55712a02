import type { MemberConfig } from '../members.ts';
import type { Group, Server } from '../servers.ts';
import type { ServerView, Wanted } from './view.ts';

/** What is known of one ordinal of a group's set. */
export type OrdinalFacts = Pick<ServerView, 'pod' | 'young' | 'listed' | 'stuck' | 'restart' | 'volume'>;

/** By ordinal. */
export type GroupFacts = ReadonlyMap<number, OrdinalFacts>;

const nothing: OrdinalFacts = { pod: 'absent', young: false, listed: false, stuck: false, restart: [], volume: 'none' };

/**
 * The servers that the spec, a set, a pod, a volume or the ensemble's configuration speaks of, by group and ordinal. One that has
 * no id cannot be a server; it is left out.
 */
export function collectServers(
  wanted: Wanted,
  sets: ReadonlyMap<string, number>,
  facts: ReadonlyMap<string, GroupFacts>,
  config: MemberConfig | null,
): { readonly server: Server; readonly facts: OrdinalFacts }[] {
  const members = new Set(config?.members.map(({ id }) => id) ?? []);
  return wanted.groups.flatMap((group) => {
    const known = facts.get(group.name) ?? new Map<number, OrdinalFacts>();
    const found: { server: Server; facts: OrdinalFacts }[] = [];
    for (const [ordinal, server] of identified(wanted, group)) {
      const spokenOf =
        ordinal < Math.max(group.replicas, sets.get(group.name) ?? 0) || known.has(ordinal) || members.has(server.id);
      if (spokenOf) found.push({ server, facts: known.get(ordinal) ?? nothing });
    }
    return found;
  });
}

/** All servers of the group that have an id, also former ones. */
function* identified(wanted: Wanted, group: Group): Generator<[number, Server]> {
  for (let ordinal = 0; ; ordinal++) {
    const server = wanted.server(group, ordinal);
    if (server === null) return;
    yield [ordinal, server];
  }
}
