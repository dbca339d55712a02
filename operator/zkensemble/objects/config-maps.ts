import { readFileSync } from 'node:fs';
import type { ConfigMap, Live } from '../../kube/index.ts';
import { connectStrings } from '../connect-strings.ts';
import { parseMemberConfig } from '../members.ts';
import type { Published } from '../plan/view.ts';
import type { Names, Server, ZkSpec } from '../servers.ts';
import { startingLists } from '../starting-servers.ts';
import { renderZooConfig } from '../zoo-config.ts';
import { ownedMeta } from './labels.ts';

/** For the operator, not for servers. */
const HOLDERS = 'pods-with-data';

function script(name: string): string {
  return readFileSync(new URL(`../scripts/${name}`, import.meta.url), 'utf8');
}

const scripts = { 'start.sh': script('start.sh'), 'health.sh': script('health.sh') };

/** A restarted server has another address, which others should learn in seconds; by default Java believes in the old one for 30 s. */
const javaSecurity = 'networkaddress.cache.ttl=5\nnetworkaddress.cache.negative.ttl=1\n';

/** Settings and scripts. A change of zoo.cfg restarts servers; one of the scripts is taken up by the next start. */
export function configMap(owner: Live, names: Names, spec: ZkSpec): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMeta(owner, names, names.config),
    data: { 'zoo.cfg': renderZooConfig(spec), 'java.security': javaSecurity, ...scripts },
  };
}

/**
 * What starting servers must know. Nobody is restarted for it.
 * @param holders uids of pods that keep data in themselves, and were seen serving
 */
export function membersMap(
  owner: Live,
  names: Names,
  published: Published,
  servers: readonly Server[],
  holders: readonly string[],
): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMeta(owner, names, names.members),
    data: {
      ...startingLists(published, servers),
      ...(holders.length === 0 ? {} : { [HOLDERS]: [...holders].sort().join('\n') }),
    },
  };
}

/** For clients that are no reconcilers: the connect string of each region under its name, to be mounted or taken as a variable. */
export function discoveryMap(owner: Live, names: Names, spec: ZkSpec, servers: readonly Server[]): ConfigMap {
  const strings = connectStrings(spec, servers).map((entry) => [entry.region, entry.servers]);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMeta(owner, names, names.discovery),
    data: Object.fromEntries(strings) as Record<string, string>,
  };
}

/** What `membersMap` says; null where it is missing or was spoilt. */
export function publishedIn(map: ConfigMap | undefined): Published | null {
  const { members, 'may-vote': mayVote } = map?.data ?? {};
  if (members === undefined || mayVote === undefined) return null;
  try {
    const ids = mayVote
      .split('\n')
      .filter((line) => line !== '')
      .map(Number);
    return ids.every(Number.isInteger) ? { members: parseMemberConfig(members).members, mayVote: ids } : null;
  } catch {
    return null;
  }
}

export function holdersIn(map: ConfigMap | undefined): string[] {
  return (map?.data?.[HOLDERS] ?? '').split('\n').filter((uid) => uid !== '');
}
