import { digestId } from '../../common/zookeeper/acl.ts';
import { ZkError } from '../../common/zookeeper/zk-error.ts';
import type { Live, Pod } from '../../operator/kube/index.ts';
import { superAuth, type Credentials } from '../../operator/zkensemble/credentials.ts';
import type { EnsembleAccess } from '../../operator/zkensemble/ensemble-access.ts';
import {
  formatMember,
  majority,
  parseMemberConfig,
  votersOf,
  type Member,
  type MemberConfig,
} from '../../operator/zkensemble/members.ts';
import type { ServerSays } from '../../operator/zkensemble/plan/view.ts';
import type { ApiServer } from '../apiserver/index.ts';

/** What a server keeps on its volume. */
interface Volume {
  myid: number | null;
  /** The configuration it knows last; null: it begins anew. */
  known: MemberConfig | null;
  /** Whether it may vote without data. */
  initialized: boolean;
  /** Number of the last write it has; -1 without data. */
  log: number;
}

interface Running {
  readonly pod: string;
  readonly uid: string;
  readonly id: number;
  readonly volume: Volume;
  readonly superDigest: string;
  /** In its own list of members while it has joined nobody yet. */
  readonly host: string;
  serves: boolean;
}

/**
 * An ensemble as its servers behave, without servers: pods of the API server run what start.sh does, elect, follow and copy as
 * ZooKeeper does, with writes that reach just a majority. It notes whatever must never happen. That it does as real servers do is
 * seen in test/faults/zookeeper-ensemble.test.ts, whose scenarios both go through.
 */
export class SimulatedEnsemble {
  readonly #server: ApiServer;
  /** By claim, or by pod's uid where data is kept in the pod. */
  readonly #volumes = new Map<string, Volume>();
  readonly #running = new Map<string, Running>();
  #leader: Running | null = null;
  #version = 0;
  /** The committed configuration. */
  #config: MemberConfig | null = null;
  #acknowledged = 0;
  #secured: string | null = null;
  /** What must never happen, and did. */
  readonly violations: string[] = [];
  /** Whether a pod runs and will never serve. */
  isBroken: (pod: Live<Pod>) => boolean = () => false;
  /** Asked before each change of the members; a throw is what the operator gets. */
  fault: (when: 'before' | 'after') => void = () => undefined;
  reconfigurations = 0;

  constructor(server: ApiServer) {
    this.#server = server;
  }

  get config(): MemberConfig | null {
    return this.#config;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get leader(): number | null {
    return this.#leader?.id ?? null;
  }

  /** Whether clients can write. */
  get hasQuorum(): boolean {
    return this.#leader !== null;
  }

  serves(pod: Live<Pod>): boolean {
    return this.#running.get(pod.metadata.name)?.serves === true;
  }

  access(credentials: Credentials): EnsembleAccess {
    const digest = digestId(superAuth(credentials));
    const find = (member: Member) => [...this.#running.values()].find(({ host }) => host === member.host);
    const through = (servers: readonly Member[]) =>
      servers.map(find).find((each) => each?.serves === true && this.#isAlive(each));
    const connected = (servers: readonly Member[], path: string): Running => {
      const found = through(servers);
      if (found === undefined || this.#leader === null) throw new ZkError('connection-loss', 'connect', path);
      return found;
    };
    const asSuper = (servers: readonly Member[], path: string): void => {
      if (connected(servers, path).superDigest !== digest) throw new ZkError('not-allowed', 'write', path);
    };
    return {
      ask: (member) => Promise.resolve(this.#says(find(member))),
      config: (servers) => Promise.resolve(through(servers) === undefined || this.#leader === null ? null : this.#config),
      isSecured: (servers) =>
        Promise.resolve(
          through(servers) === undefined || this.#leader === null ? null : this.#secured === credentials.workerPassword,
        ),
      secure: async (servers) => {
        await Promise.resolve();
        asSuper(servers, '/lockkeeper');
        const done = this.#secured !== credentials.workerPassword;
        this.#secured = credentials.workerPassword;
        return done;
      },
      reconfigure: async (servers, change) => {
        await Promise.resolve();
        this.fault('before');
        asSuper(servers, '/zookeeper/config');
        this.#reconfigure(change);
        this.fault('after');
      },
      writeBarrier: async (servers) => {
        await Promise.resolve();
        connected(servers, '/lockkeeper');
        this.write();
      },
      close: () => Promise.resolve(),
    };
  }

  /** Servers come and go with their pods, and elect; a client writes. */
  tick(): void {
    this.#followPods();
    this.#elect();
    this.#sync();
    this.write();
  }

  /** One acknowledged write, on just so many voters as it takes. */
  write(): void {
    const leader = this.#leader;
    if (leader === null || this.#config === null) return;
    const voters = votersOf(this.#config.members);
    const followers = [...this.#running.values()].filter(
      (each) => each !== leader && each.serves && voters.some(({ id }) => id === each.id),
    );
    const needed = majority(voters.length) - 1;
    if (followers.length < needed) return;
    this.#acknowledged++;
    for (const each of [leader, ...followers.slice(0, needed)]) each.volume.log = this.#acknowledged;
  }

  #says(server: Running | undefined): ServerSays | null {
    if (server === undefined || !server.serves || this.#leader === null || !this.#isAlive(server)) return null;
    const role = this.#config?.members.find(({ id }) => id === server.id)?.role;
    const zxid = server.volume.log.toString(16);
    if (server === this.#leader) {
      const voters = votersOf(this.#config?.members ?? []);
      const synced = [...this.#running.values()].filter(
        (each) => each.serves && each !== server && voters.some(({ id }) => id === each.id),
      );
      return { mode: 'leader', zxid, syncedFollowers: synced.length };
    }
    // One that joins follows, and counts for nothing.
    return { mode: role === 'observer' ? 'observer' : 'follower', zxid };
  }

  #isAlive({ pod, uid }: Running): boolean {
    const found = this.#pods().find(({ metadata }) => metadata.name === pod);
    return found?.metadata.uid === uid && isRunning(found);
  }

  #pods(): readonly Live<Pod>[] {
    return (this.#server.store.list('v1/pods') as readonly Live<Pod>[]).filter(
      ({ metadata }) => metadata.labels?.['app.kubernetes.io/name'] === 'zookeeper',
    );
  }

  #followPods(): void {
    const pods = this.#pods().filter(isRunning);
    for (const [name, each] of [...this.#running]) {
      if (!pods.some(({ metadata }) => metadata.name === name && metadata.uid === each.uid)) this.#running.delete(name);
    }
    // What the liveness probe does for a server that waits without data and may vote now.
    for (const [name, each] of [...this.#running]) if (each.volume.log < 0 && this.#mayVote(each)) this.#running.delete(name);
    for (const pod of pods) {
      if (!this.#running.has(pod.metadata.name) && !this.isBroken(pod)) this.#start(pod);
    }
  }

  #mayVote({ pod, id }: Running): boolean {
    const found = this.#pods().find(({ metadata }) => metadata.name === pod)!;
    const ensemble = found.metadata.labels!['app.kubernetes.io/instance']!;
    const lists = this.#read('v1/configmaps', `${found.metadata.namespace}/${ensemble}-members`) as
      { data?: Record<string, string> } | undefined;
    return (lists?.data?.['may-vote'] ?? '').split('\n').includes(String(id));
  }

  /** What start.sh does. */
  #start(pod: Live<Pod>): void {
    const { namespace, name, uid } = pod.metadata;
    const container = pod.spec!.containers[0]!;
    const ensemble = pod.metadata.labels!['app.kubernetes.io/instance']!;
    const lists = this.#read('v1/configmaps', `${namespace}/${ensemble}-members`) as
      { data?: Record<string, string> } | undefined;
    const secretName = container.env!.find(({ name: key }) => key === 'ZK_SUPER_DIGEST')!.valueFrom!.secretKeyRef!.name!;
    const secret = this.#read('v1/secrets', `${namespace}/${secretName}`) as { data?: Record<string, string> } | undefined;
    const line = (lists?.data?.['servers'] ?? '').split('\n').find((each) => each.startsWith(`${name} `));
    if (lists?.data === undefined || line === undefined || secret?.data?.['super-digest'] === undefined) return;
    const [, idText, address] = line.split(' ');
    const id = Number(idText);
    const claim = pod.spec!.volumes?.find((volume) => volume.name === 'data')?.persistentVolumeClaim?.claimName;
    const key = claim === undefined ? uid : this.#claimUid(`${namespace}/${claim}`);
    const volume = this.#volumes.get(key) ?? { myid: null, known: null, initialized: false, log: -1 };
    this.#volumes.set(key, volume);
    if (volume.myid !== null && volume.myid !== id) {
      this.violations.push(`${name} was given the id ${id}, but its volume is that of server ${volume.myid}`);
      return;
    }
    volume.myid = id;
    const mayVote = (lists.data['may-vote'] ?? '').split('\n').includes(String(id));
    volume.initialized = mayVote;
    const members = parseMemberConfig(lists.data['members'] ?? '').members;
    const names = (config: MemberConfig | null) => config?.members.some((member) => member.id === id) ?? false;
    if ((mayVote && volume.log < 0) || !names(volume.known) || !members.some((member) => member.id === id)) {
      const own: Member = {
        ...parseMemberConfig(`server.${id}=${address}:participant;0.0.0.0:2181`).members[0]!,
        role: mayVote ? 'voter' : 'observer',
      };
      volume.known = {
        version: '0',
        members: [...members.filter((member) => member.id !== id), own].sort((a, b) => a.id - b.id),
      };
    }
    if (mayVote && volume.log < 0) volume.log = 0;
    const superDigest = Buffer.from(secret.data['super-digest'], 'base64').toString();
    this.#running.set(name, { pod: name, uid, id, volume, superDigest, host: address!.split(':')[0]!, serves: false });
  }

  #read(collection: string, key: string): unknown {
    return this.#server.store.get(collection, key);
  }

  #claimUid(key: string): string {
    return (this.#read('v1/persistentvolumeclaims', key) as Live).metadata.uid;
  }

  #elect(): void {
    if (this.#leader !== null && this.#followsQuorum(this.#leader)) return;
    this.#leader = null;
    for (const each of this.#running.values()) each.serves = false;
    const looking = [...this.#running.values()];
    // The newest configuration spreads among those that look for a leader.
    const newest = looking
      .map(({ volume }) => volume.known!)
      .sort(byVersion)
      .at(-1);
    if (newest === undefined) return;
    if (versionOf(newest) > 0) for (const each of looking) each.volume.known = newest;
    for (const config of [newest, ...looking.map(({ volume }) => volume.known!)]) {
      const voters = votersOf(config.members);
      const able = looking.filter((each) => {
        return each.volume.log >= 0 && sameConfig(each.volume.known!, config) && voters.some(({ id }) => id === each.id);
      });
      if (able.length < majority(voters.length)) continue;
      const leader = able.sort((a, b) => a.volume.log - b.volume.log || a.id - b.id).at(-1)!;
      return this.#lead(leader, config);
    }
  }

  #lead(leader: Running, config: MemberConfig): void {
    if (leader.volume.log < this.#acknowledged) {
      this.violations.push(`server ${leader.id} leads with ${leader.volume.log} of ${this.#acknowledged} acknowledged writes`);
      this.#acknowledged = leader.volume.log;
    }
    if (this.#config !== null && versionOf(config) < versionOf(this.#config) && this.#acknowledged > 0) {
      this.violations.push(`server ${leader.id} leads an older ensemble of ${config.members.map(({ id }) => id).join(', ')}`);
    }
    this.#leader = leader;
    this.#config = versionOf(config) === 0 ? { ...config, version: (++this.#version).toString(16) } : config;
    this.#version = Math.max(this.#version, versionOf(this.#config));
  }

  #followsQuorum(leader: Running): boolean {
    const voters = votersOf(this.#config?.members ?? []);
    const able = voters.filter(({ id }) =>
      [...this.#running.values()].some((each) => each.id === id && (each.serves || each === leader)),
    );
    return (
      this.#running.get(leader.pod) === leader &&
      voters.some(({ id }) => id === leader.id) &&
      able.length >= majority(voters.length)
    );
  }

  /** Everybody who can reach the leader copies from it. */
  #sync(): void {
    const leader = this.#leader;
    if (leader === null) return;
    for (const each of this.#running.values()) {
      each.volume.log = leader.volume.log;
      each.volume.known = this.#config;
      each.serves = true;
    }
  }

  #reconfigure({
    joining,
    leaving,
    fromVersion,
  }: {
    joining: readonly Member[];
    leaving: readonly number[];
    fromVersion: string;
  }): void {
    const config = this.#config!;
    if (fromVersion !== config.version) throw new ZkError('bad-version', 'reconfig', '/zookeeper/config');
    const kept = config.members.filter(({ id }) => !leaving.includes(id) && !joining.some((member) => member.id === id));
    // As ZooKeeper stores them.
    const members = [...kept, ...joining.flatMap((member) => parseMemberConfig(formatMember(member)).members)].sort(
      (a, b) => a.id - b.id,
    );
    const voters = votersOf(members);
    const synced = voters.filter(({ id }) => [...this.#running.values()].some((each) => each.id === id && each.serves));
    if (voters.length === 0 || synced.length < majority(voters.length))
      throw new ZkError('no-new-quorum', 'reconfig', '/zookeeper/config');
    this.reconfigurations++;
    const changes = joining.length + leaving.length;
    if (changes !== 1) this.violations.push(`${changes} servers were changed at once`);
    this.#config = { version: (++this.#version).toString(16), members };
    for (const each of this.#running.values()) if (each.serves) each.volume.known = this.#config;
    if (!voters.some(({ id }) => id === this.#leader!.id)) {
      this.#elect();
      this.#sync();
      throw new ZkError('connection-loss', 'reconfig', '/zookeeper/config', { uncertain: true });
    }
  }
}

function isRunning(pod: Live<Pod>): boolean {
  return pod.status?.phase === 'Running' && pod.metadata.deletionTimestamp === undefined;
}

function versionOf(config: MemberConfig): number {
  return parseInt(config.version, 16);
}

function byVersion(a: MemberConfig, b: MemberConfig): number {
  return versionOf(a) - versionOf(b);
}

function sameConfig(a: MemberConfig, b: MemberConfig): boolean {
  const text = ({ members }: MemberConfig) => members.map(formatMember).join('\n');
  return versionOf(a) === versionOf(b) && text(a) === text(b);
}
