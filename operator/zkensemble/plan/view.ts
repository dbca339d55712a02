import type { Member, MemberConfig } from '../members.ts';
import type { Group, Server } from '../servers.ts';

/** What the spec asks for, as far as servers come and go for it. */
export interface Wanted {
  /** Voters first; groups that are to go have no replicas. */
  readonly groups: readonly Group[];
  readonly externals: readonly Member[];
  /** Ids of members outside this cluster that the spec once named and names no more. */
  readonly formerExternals: readonly number[];
  /** Null for a server that has no id yet: an ordinal that the spec does not ask for. */
  readonly server: (group: Group, ordinal: number) => Server | null;
  /** Whether a member of the ensemble is one of our own servers, by its host. */
  readonly owns: (member: Member) => boolean;
  /** Whether volumes of servers that are gone are removed. */
  readonly dropVolumes: boolean;
  /** Whether a server that is restarted loses its data. */
  readonly ephemeral: boolean;
  /** Whether to go on with what is left after a majority of the voters has lost its data. */
  readonly acceptLoss: boolean;
}

/** What a server says of itself while it serves clients. */
export interface ServerSays {
  readonly mode: 'leader' | 'follower' | 'observer';
  /** Hex, as in srvr. */
  readonly zxid: string;
  /** Of a leader: how many voters follow it and are up to date, where it says so. */
  readonly syncedFollowers?: number | undefined;
}

export interface ServerView {
  readonly server: Server;
  /** `ending`: it was told to stop and is not gone yet. */
  readonly pod: 'absent' | 'starting' | 'running' | 'ending';
  /** Null while it serves no clients. */
  readonly says: ServerSays | null;
  /** Whether it was started so lately that it may well serve soon. */
  readonly young: boolean;
  /** Whether Services lead clients to it. */
  readonly listed: boolean;
  /** Whether it has served nobody for so long that it is no mere election. */
  readonly stuck: boolean;
  /** Why it must be restarted; empty if it runs as it should. */
  readonly restart: readonly string[];
  /**
   * `used`: it was seen serving, so it holds data. `torn`: it was, but of its volumes one is lost or new: it holds none, and is
   * proof that there was some. `leaving`: it is deleted and not gone yet.
   */
  readonly volume: 'none' | 'fresh' | 'torn' | 'used' | 'leaving';
}

/** What a starting server is told; it cannot ask anybody. */
export interface Published {
  /** The ensemble's members, so that a new server finds them. */
  readonly members: readonly Member[];
  /** Ids of servers that may begin without data as voters: otherwise they could elect each other and know nothing. */
  readonly mayVote: readonly number[];
}

/** What was observed. */
export interface View {
  /** Null while no server serves. */
  readonly config: MemberConfig | null;
  readonly published: Published | null;
  /** Size that each group's set is told to have; no entry where there is no set. */
  readonly sets: ReadonlyMap<string, number>;
  /** Own servers: all that a set, a pod, a volume, the configuration or the spec speaks of. By group and ordinal. */
  readonly servers: readonly ServerView[];
  /** What external members say, by id. */
  readonly externals: ReadonlyMap<number, ServerSays>;
}

/** A single step, after which the world is observed again. */
export type EnsembleStep =
  /** Tells starting servers something else. */
  | { readonly kind: 'publish'; readonly published: Published; readonly why: string }
  /** Makes a group's set of this size, from `from`; from null: there is none. Downwards never by more than one. */
  | { readonly kind: 'resize'; readonly group: Group; readonly from: number | null; readonly size: number; readonly why: string }
  | { readonly kind: 'removeSet'; readonly group: Group }
  | {
      readonly kind: 'reconfig';
      readonly joining: readonly Member[];
      readonly leaving: readonly number[];
      readonly fromVersion: string;
      readonly why: string;
    }
  | { readonly kind: 'restart'; readonly server: Server; readonly reasons: readonly string[] }
  /** Notes that these servers' volumes hold data. */
  | { readonly kind: 'remember'; readonly servers: readonly Server[] }
  | { readonly kind: 'dropVolume'; readonly server: Server }
  /** Nothing can be done before these have changed. */
  | { readonly kind: 'wait'; readonly waiting: readonly Waiting[] }
  | { readonly kind: 'none' };

export interface Waiting {
  readonly reason:
    | 'NoQuorum'
    | 'ServerNotReady'
    | 'ServerStopping'
    | 'VolumeLeaving'
    | 'MajorityLost'
    | 'LeaderUnknown'
    | 'ExternalMemberAbsent';
  /** For people. */
  readonly message: string;
  readonly server?: Server | undefined;
}

/** Whether it takes part in the quorum. */
export function votes(view: ServerView): boolean {
  return view.says !== null && view.says.mode !== 'observer';
}

export function serversOf(view: View, group: Group): ServerView[] {
  return view.servers.filter(({ server }) => server.group === group.name);
}

/** The servers that the spec asks for, as far as they have ids. */
export function wantedServers(wanted: Wanted): Server[] {
  return wanted.groups.flatMap((group) =>
    Array.from({ length: group.replicas }, (_, ordinal) => wanted.server(group, ordinal)).filter((server) => server !== null),
  );
}
