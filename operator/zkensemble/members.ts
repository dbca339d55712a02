import { LockkeeperError } from '../../common/errors.ts';

export type Role = 'voter' | 'observer';

/** A server as it stands in the ensemble's configuration. */
export interface Member {
  /** Its myid, 1 to 255. */
  readonly id: number;
  readonly host: string;
  readonly quorumPort: number;
  readonly electionPort: number;
  /** Where it listens for clients, such as `0.0.0.0:2181`. */
  readonly clientAddress: string;
  readonly role: Role;
}

/** What /zookeeper/config says. */
export interface MemberConfig {
  /** Hex. */
  readonly version: string;
  /** By id. */
  readonly members: readonly Member[];
}

/** As in a dynamic configuration file: `server.1=host:2888:3888:participant;0.0.0.0:2181`. */
export function formatMember(member: Member): string {
  return `server.${member.id}=${addressOf(member)}:${zkRole(member.role)};${member.clientAddress}`;
}

/** `host:quorumPort:electionPort` */
export function addressOf({ host, quorumPort, electionPort }: Member): string {
  return `${host.includes(':') ? `[${host}]` : host}:${quorumPort}:${electionPort}`;
}

export function zkRole(role: Role): 'participant' | 'observer' {
  return role === 'voter' ? 'participant' : 'observer';
}

const memberLine =
  /^server\.(\d+)=(?:\[([^\]]+)\]|([^:|]+)):(\d+):(\d+)(?::(participant|observer))?;(?:(\[[^\]]+\]|[^:]*):)?(\d+)$/;

/**
 * Reads the data of /zookeeper/config, or a list of members without a version (then `0`).
 * @throws LockkeeperError LK1802 for a line that is none of ours, such as a server with several addresses or a weight
 */
export function parseMemberConfig(text: string): MemberConfig {
  let version = '0';
  const members: Member[] = [];
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '') continue;
    if (line.startsWith('version=')) {
      version = line.slice('version='.length);
      continue;
    }
    const match = memberLine.exec(line);
    if (match === null) {
      throw new LockkeeperError('LK1802', undefined, { found: line });
    }
    const [, id, v6, host, quorumPort, electionPort, role, clientHost, clientPort] = match;
    members.push({
      id: Number(id),
      host: v6 ?? host ?? '',
      quorumPort: Number(quorumPort),
      electionPort: Number(electionPort),
      clientAddress: `${clientHost === undefined || clientHost === '' ? '0.0.0.0' : clientHost}:${clientPort}`,
      role: role === 'observer' ? 'observer' : 'voter',
    });
  }
  return { version, members: members.sort((a, b) => a.id - b.id) };
}

export function sameMember(a: Member, b: Member): boolean {
  return formatMember(a) === formatMember(b);
}

/** In whatever order. */
export function sameMembers(a: readonly Member[], b: readonly Member[]): boolean {
  const lines = (members: readonly Member[]) => members.map(formatMember).sort().join('\n');
  return lines(a) === lines(b);
}

export function votersOf(members: readonly Member[]): Member[] {
  return members.filter(({ role }) => role === 'voter');
}

/** How many of so many voters are a quorum. */
export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}
