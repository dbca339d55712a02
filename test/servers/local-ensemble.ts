import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestId } from '../../common/zookeeper/acl.ts';
import { superAuth, type Credentials } from '../../operator/zkensemble/credentials.ts';
import type { EnsembleAccess } from '../../operator/zkensemble/ensemble-access.ts';
import { assignIds, emptyIdRecord, type IdRecord } from '../../operator/zkensemble/member-ids.ts';
import { collectServers, type GroupFacts, type OrdinalFacts } from '../../operator/zkensemble/plan/collect-servers.ts';
import type { EnsembleStep, Published, ServerSays, View, Wanted } from '../../operator/zkensemble/plan/view.ts';
import { formerGroup, groupsOf, idRequest, type Group, type Server, type ZkSpec } from '../../operator/zkensemble/servers.ts';
import { startingLists } from '../../operator/zkensemble/starting-servers.ts';
import { renderZooConfig } from '../../operator/zkensemble/zoo-config.ts';
import { findTool, runFolder, ServerProcess } from './process.ts';

const scripts = join(import.meta.dirname, '../../operator/zkensemble/scripts');

/** One server's "pod": the process that start.sh became, and its "volume", a folder. */
export class LocalServer {
  readonly server: Server;
  readonly #dir: string;
  readonly #env: Record<string, string>;
  readonly #started: Record<string, string> = {};
  #process: ServerProcess | undefined;
  #ending: Promise<void> | undefined;
  #startedAt = -Infinity;
  /** Noted by the operator: it holds data. */
  used = false;
  /** When it was last seen serving. */
  servedAt = -Infinity;

  constructor(server: Server, dir: string, env: Record<string, string>) {
    this.server = server;
    this.#dir = dir;
    this.#env = env;
  }

  get pod(): OrdinalFacts['pod'] {
    if (this.#ending !== undefined) return 'ending';
    if (this.#process === undefined) return 'absent';
    return this.#process.hasEnded ? 'starting' : 'running';
  }

  get young(): boolean {
    return performance.now() - this.#startedAt < 30_000;
  }

  get stuck(): boolean {
    return performance.now() - Math.max(this.#startedAt, this.servedAt) > 5_000;
  }

  get dataDir(): string {
    return join(this.#dir, 'data');
  }

  get hasVolume(): boolean {
    return existsSync(this.dataDir);
  }

  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  /** What it was started with; a difference to what it would be started with now is a reason to restart. */
  get startedWith(): Readonly<Record<string, string>> {
    return this.#started;
  }

  start(settings: Record<string, string>): void {
    if (this.#process !== undefined && !this.#process.hasEnded) return;
    mkdirSync(this.dataDir, { recursive: true });
    Object.assign(this.#started, settings);
    this.#startedAt = performance.now();
    const env = { ...this.#env, POD_NAME: this.server.pod, ZK_DATA_DIR: this.dataDir };
    this.#process = new ServerProcess('sh', [join(scripts, 'start.sh')], this.logFile, env);
  }

  /** As a pod is deleted: told to end, and then gone. */
  async stop(): Promise<void> {
    this.#ending ??= (async () => {
      await this.#process?.terminate();
      this.#process = undefined;
      this.#ending = undefined;
    })();
    await this.#ending;
  }

  async kill9(): Promise<void> {
    await this.#process?.kill9();
  }

  /** The disk is lost. */
  async wipe(): Promise<void> {
    await this.kill9();
    rmSync(this.dataDir, { recursive: true, force: true });
    this.used = false;
  }

  /** Runs health.sh; true if it is content. */
  async health(probe: 'live' | 'ready'): Promise<boolean> {
    const env = { ...this.#env, POD_NAME: this.server.pod, ZK_DATA_DIR: this.dataDir };
    const process = new ServerProcess('bash', [join(scripts, 'health.sh'), probe], join(this.#dir, 'health.log'), env);
    return (await process.ended) === 0;
  }

  get logFile(): string {
    return join(this.#dir, 'server.log');
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }
}

/**
 * What a cluster does for an ensemble, with processes in place of pods: sets of servers of a size, of which those missing are
 * started and those beyond it are stopped, folders in place of volumes, and the lists that starting servers read. The operator's
 * planner runs against it as it does against Kubernetes.
 */
export class LocalEnsemble {
  readonly dir = runFolder('ensemble');
  #credentials: Credentials;
  /** A network of its own on the loopback interface, so that each server has the usual ports at its own address. */
  readonly #network = `127.${1 + Math.floor(Math.random() * 250)}.${1 + Math.floor(Math.random() * 250)}`;
  readonly #configDir = join(this.dir, 'config');
  readonly #servers = new Map<string, LocalServer>();
  readonly #sets = new Map<string, { group: Group; size: number }>();
  readonly #env: Record<string, string>;
  #ids: IdRecord = emptyIdRecord;
  #published: Published | null = null;
  #spec: ZkSpec;
  /** Changing it asks for a restart of every server. */
  generation = 1;
  #stopped = false;

  constructor(spec: ZkSpec, credentials: Credentials) {
    this.#credentials = credentials;
    this.#spec = spec;
    const bin = join(this.dir, 'bin');
    mkdirSync(bin);
    mkdirSync(this.#configDir);
    writeFileSync(join(bin, 'zkServer.sh'), zkServer(), { mode: 0o755 });
    this.#env = {
      PATH: `${bin}:${process.env['PATH']}`,
      ZK_CONFIG_DIR: this.#configDir,
      ZK_SUPER_DIGEST: digestId(superAuth(credentials)),
    };
    void this.#supervise();
  }

  get credentials(): Credentials {
    return this.#credentials;
  }

  /** As after a change of the Secret. */
  useCredentials(credentials: Credentials): void {
    this.#credentials = credentials;
    this.#env['ZK_SUPER_DIGEST'] = digestId(superAuth(credentials));
  }

  get spec(): ZkSpec {
    return this.#spec;
  }

  set spec(spec: ZkSpec) {
    this.#spec = spec;
  }

  get servers(): readonly LocalServer[] {
    return [...this.#servers.values()];
  }

  byId(id: number): LocalServer {
    return this.servers.find(({ server }) => server.id === id)!;
  }

  /** Addresses of servers that exist or may come to, by id. */
  address(id: number): string {
    return `${this.#network}.${id}:2181`;
  }

  /** As somebody's `kubectl scale`. */
  setSize(group: string, size: number): void {
    const set = this.#sets.get(group);
    if (set !== undefined) this.#sets.set(group, { ...set, size });
  }

  /** As when the ensemble is deleted and its volumes are kept: nothing else is left, but for what they themselves tell. */
  async forget(): Promise<void> {
    this.#sets.clear();
    this.#published = null;
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  wanted(): Wanted {
    const groups = groupsOf(this.#spec);
    for (const name of this.#sets.keys()) {
      if (!groups.some((group) => group.name === name)) groups.push(formerGroup(name)!);
    }
    this.#ids = assignIds(this.#ids, idRequest(this.#spec)).record;
    const ids = this.#ids;
    return {
      groups,
      externals: [],
      formerExternals: [],
      server: (group, ordinal) => this.#server(ids, group, ordinal),
      owns: ({ host }) => host.startsWith(`${this.#network}.`),
      dropVolumes: this.#spec.storage.reclaimPolicy === 'Delete',
      ephemeral: this.#spec.storage.ephemeral,
      acceptLoss: this.#spec.storage.ephemeral,
    };
  }

  async observe(access: EnsembleAccess): Promise<{ wanted: Wanted; view: View }> {
    const wanted = this.wanted();
    const running = this.servers.filter(({ pod }) => pod === 'running');
    const says = new Map<number, ServerSays>();
    await Promise.all(
      running.map(async (local) => {
        const answer = await access.ask(local.server);
        if (answer === null) return;
        says.set(local.server.id, answer);
        local.servedAt = performance.now();
      }),
    );
    const serving = running.map(({ server }) => server).filter(({ id }) => says.has(id));
    const config = await access.config(serving);
    const sets = new Map([...this.#sets].map(([name, { size }]) => [name, size]));
    const servers = collectServers(wanted, sets, this.#facts(), config).map(({ server, facts }) => {
      return { server, ...facts, says: says.get(server.id) ?? null };
    });
    const view: View = { config, published: this.#published, sets, servers, externals: new Map() };
    return { wanted, view };
  }

  /** Does a step as the operator does it in Kubernetes. */
  async take(step: EnsembleStep, access: EnsembleAccess): Promise<void> {
    const serving = this.servers.filter(({ pod }) => pod === 'running').map(({ server }) => server);
    switch (step.kind) {
      case 'publish':
        this.#published = step.published;
        return this.#writeLists();
      case 'resize':
        if (step.from !== null && step.size < step.from) await access.writeBarrier(serving);
        this.#sets.set(step.group.name, { group: step.group, size: step.size });
        this.#writeLists();
        return this.#reconcileSets();
      case 'removeSet':
        this.#sets.delete(step.group.name);
        return;
      case 'reconfig':
        return access.reconfigure(serving, step);
      case 'restart':
        await this.#servers.get(step.server.pod)?.stop();
        return this.#reconcileSets();
      case 'remember':
        for (const server of step.servers) this.#servers.get(server.pod)!.used = true;
        return;
      case 'dropVolume':
        await this.#servers.get(step.server.pod)?.wipe();
        this.#servers.delete(step.server.pod);
        return;
      case 'wait':
        return sleep(200);
      case 'none':
        return;
      default:
        step satisfies never;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.servers.map((server) => server.kill9()));
  }

  #server(ids: IdRecord, group: Group, ordinal: number): Server | null {
    const id = ids.groups[group.name]?.[ordinal];
    if (id === undefined) return null;
    const host = `${this.#network}.${id}`;
    return {
      ...{ id, host, quorumPort: 2888, electionPort: 3888, clientAddress: `${host}:2181`, role: group.role },
      ...{ group: group.name, ordinal, region: group.region, pod: `${group.name}-${ordinal}` },
    };
  }

  #facts(): Map<string, GroupFacts> {
    const facts = new Map<string, Map<number, OrdinalFacts>>();
    for (const local of this.servers) {
      const { group, ordinal } = local.server;
      const ofGroup = facts.get(group) ?? new Map<number, OrdinalFacts>();
      facts.set(group, ofGroup);
      const volume = local.used ? 'used' : local.hasVolume ? 'fresh' : 'none';
      if (local.pod === 'absent' && volume === 'none') continue;
      const restart = Object.entries(this.#settings())
        .filter(([key, value]) => local.pod !== 'absent' && local.startedWith[key] !== value)
        .map(([key]) => `${key} changed`);
      ofGroup.set(ordinal, { pod: local.pod, young: local.young, listed: true, stuck: local.stuck, restart, volume });
    }
    return facts;
  }

  #settings(): Record<string, string> {
    return { 'zoo.cfg': renderZooConfig(this.#spec), generation: String(this.generation), digest: this.#env['ZK_SUPER_DIGEST']! };
  }

  #writeLists(): void {
    const known = this.wanted();
    const servers = known.groups.flatMap((group) => {
      const size = Math.max(group.replicas, this.#sets.get(group.name)?.size ?? 0);
      return Array.from({ length: size }, (_, ordinal) => known.server(group, ordinal)).filter((server) => server !== null);
    });
    const lists = startingLists(this.#published ?? { members: [], mayVote: [] }, servers);
    for (const [name, text] of Object.entries(lists)) writeFileSync(join(this.#configDir, name), text);
  }

  /** What a StatefulSet does: missing servers are started, those beyond its size are stopped. */
  #reconcileSets(): void {
    const wanted = this.wanted();
    for (const { group, size } of this.#sets.values()) {
      for (let ordinal = 0; ordinal < size; ordinal++) {
        const server = wanted.server(group, ordinal);
        if (server !== null) this.#start(server);
      }
      for (const local of this.servers) {
        const { server } = local;
        if (server.group === group.name && server.ordinal >= size && local.pod !== 'absent') void local.stop();
      }
    }
  }

  #start(server: Server): void {
    let local = this.#servers.get(server.pod);
    if (local === undefined) {
      const dir = join(this.dir, server.pod);
      mkdirSync(dir, { recursive: true });
      local = new LocalServer(server, dir, this.#env);
      this.#servers.set(server.pod, local);
    }
    if (local.pod === 'ending' || local.pod === 'running') return;
    writeFileSync(join(this.#configDir, 'zoo.cfg'), renderZooConfig(this.#spec));
    local.start(this.#settings());
  }

  /** What the kubelet does: a container that ends is started again. */
  async #supervise(): Promise<void> {
    while (!this.#stopped) {
      await sleep(500);
      if (!this.#stopped) this.#reconcileSets();
    }
  }
}

/** What the image has under this name, for jars in a folder. */
function zkServer(): string {
  const logback = join(import.meta.dirname, '../tools/zookeeper/logback.xml');
  return `#!/bin/sh
# zkServer.sh start-foreground FILE
exec ${findTool('java')} -Xmx128m -Xss256k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto \\
  -Dlogback.configurationFile=${logback} -Dzookeeper.forceSync=no \\
  -cp '${findTool('zookeeper')}/*' org.apache.zookeeper.server.quorum.QuorumPeerMain "$2"
`;
}
