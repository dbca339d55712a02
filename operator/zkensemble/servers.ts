import { createHash } from 'node:crypto';
import type { ZkEnsemble } from '../../crds/index.ts';
import type { IdRecord, IdRequest } from './member-ids.ts';
import type { Member, Role } from './members.ts';

export type ZkSpec = ZkEnsemble['spec'];

/** Servers of one role in one region: a StatefulSet. */
export interface Group {
  /** Unique in the ensemble: `voters`, `observers-east`. */
  readonly name: string;
  readonly role: Role;
  readonly region: string;
  /** How many servers the spec asks for; 0 for a group that is to go. */
  readonly replicas: number;
}

/** A server that this operator runs. */
export interface Server extends Member {
  readonly group: string;
  readonly ordinal: number;
  readonly region: string;
  /** Name of its pod. */
  readonly pod: string;
}

export const ports = { client: 2181, quorum: 2888, election: 3888 } as const;

const VOTERS = 'voters';
const OBSERVERS = 'observers-';

export function observersGroup(region: string): string {
  return `${OBSERVERS}${region}`;
}

/** What the spec asks for, voters first. */
export function groupsOf(spec: ZkSpec): Group[] {
  const { region, replicas } = spec.voters;
  return [
    { name: VOTERS, role: 'voter', region, replicas },
    ...spec.observers.map((entry) => ({ name: observersGroup(entry.region), role: 'observer' as const, ...entry })),
  ];
}

/** A group that exists and that the spec does not name any more; null for a name that is no group's. */
export function formerGroup(name: string): Group | null {
  if (!name.startsWith(OBSERVERS)) return null;
  return { name, role: 'observer', region: name.slice(OBSERVERS.length), replicas: 0 };
}

export function idRequest(spec: ZkSpec): IdRequest {
  return {
    groups: groupsOf(spec).map(({ name, replicas }) => ({ name, size: replicas })),
    externals: spec.externalMembers.map(({ id }) => id),
  };
}

export function externalsOf(spec: ZkSpec): Member[] {
  return spec.externalMembers.map(({ id, host, quorumPort, electionPort, clientPort, role }) => ({
    id,
    host,
    quorumPort,
    electionPort,
    clientAddress: `0.0.0.0:${clientPort}`,
    role,
  }));
}

/** Names of an ensemble's objects. */
export class Names {
  readonly ensemble: string;
  readonly namespace: string;
  readonly #clusterDomain: string;

  constructor(namespace: string, ensemble: string, clusterDomain = 'cluster.local') {
    this.namespace = namespace;
    this.ensemble = ensemble;
    this.#clusterDomain = clusterDomain;
  }

  /** StatefulSet of a group. With the revision's hash, 11 characters, it must fit into a label. */
  set(group: string): string {
    return bounded(`${this.ensemble}-${group}`, 52);
  }

  pod(group: string, ordinal: number): string {
    return `${this.set(group)}-${ordinal}`;
  }

  /** The headless Service that gives each server its name. */
  get servers(): string {
    return `${this.ensemble}-servers`;
  }

  /** The Service for clients in a region: a server of the region, whichever. */
  clients(region: string): string {
    return `${this.ensemble}-${region}-client`;
  }

  /** ConfigMap with settings and scripts. */
  get config(): string {
    return `${this.ensemble}-zookeeper`;
  }

  /** ConfigMap with what a starting server must know about the ensemble. */
  get members(): string {
    return `${this.ensemble}-members`;
  }

  /** ConfigMap with what clients in each region connect to. */
  get discovery(): string {
    return `${this.ensemble}-connect`;
  }

  /** Secret with the credentials. */
  get auth(): string {
    return `${this.ensemble}-zookeeper-auth`;
  }

  /** As other servers and clients reach it. */
  host(group: string, ordinal: number): string {
    return `${this.pod(group, ordinal)}.${this.#hostSuffix}`;
  }

  /** Whether this is, or once was, one of this ensemble's own servers. */
  ownsHost(host: string): boolean {
    return host.endsWith(`.${this.servers}.${this.namespace}.svc`) || host.includes(`.${this.servers}.${this.namespace}.svc.`);
  }

  get #hostSuffix(): string {
    return `${this.servers}.${this.namespace}.svc.${this.#clusterDomain}`;
  }
}

/** Null where the record has no id for it yet. */
export function serverOf(names: Names, ids: IdRecord, group: Group, ordinal: number): Server | null {
  const id = ids.groups[group.name]?.[ordinal];
  if (id === undefined) return null;
  return {
    id,
    host: names.host(group.name, ordinal),
    quorumPort: ports.quorum,
    electionPort: ports.election,
    clientAddress: `0.0.0.0:${ports.client}`,
    role: group.role,
    group: group.name,
    ordinal,
    region: group.region,
    pod: names.pod(group.name, ordinal),
  };
}

/** Where clients reach a member. */
export function clientHost(member: Member): string {
  const port = Number(member.clientAddress.slice(member.clientAddress.lastIndexOf(':') + 1));
  return `${member.host.includes(':') ? `[${member.host}]` : member.host}:${port}`;
}

/** The name itself, or cut and told apart by a hash. */
export function bounded(name: string, length: number): string {
  if (name.length <= length) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 6);
  return `${name.slice(0, length - 7).replace(/-+$/, '')}-${hash}`;
}
