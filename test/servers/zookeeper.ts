import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findTool, freePort, runFolder, ServerProcess, waitUntilReady } from './process.ts';

export interface ZkOptions {
  /** Default 3. */
  voters?: number;
  /** Default 0. */
  observers?: number;
  /** Milliseconds; a session's timeout is between 2 and 20 ticks. Default 1000. */
  tickTime?: number;
  /** Further lines of zoo.cfg. */
  config?: Record<string, string | number | boolean>;
}

export type ZkMode = 'leader' | 'follower' | 'observer' | 'none';

/** `digest` credentials that may do everything, reconfig included. */
export const zkSuperAuth = 'super:super';
const superDigest = `super:${createHash('sha1').update(zkSuperAuth).digest('base64')}`;

/** One ZooKeeper server: a process of this machine, on ports and a data folder of its own. */
export class ZkMember {
  readonly id: number;
  readonly role: 'voter' | 'observer';
  readonly host = '127.0.0.1';
  /** The client port. */
  readonly port: number;
  readonly dir: string;
  readonly #logFile: string;
  #process: ServerProcess | undefined;

  constructor(id: number, role: 'voter' | 'observer', port: number, dir: string) {
    this.id = id;
    this.role = role;
    this.port = port;
    this.dir = dir;
    this.#logFile = join(dir, 'server.log');
  }

  get pid(): number {
    return this.#running().pid;
  }

  /** Starts the process without waiting for it. */
  launch(): ServerProcess {
    if (this.#process && !this.#process.hasEnded) throw new Error(`ZooKeeper ${this.id} is running`);
    const logback = join(import.meta.dirname, '../tools/zookeeper/logback.xml');
    this.#process = new ServerProcess(
      findTool('java'),
      [
        ...['-Xmx128m', '-Xss256k', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'],
        `-Dlogback.configurationFile=${logback}`,
        '-Dzookeeper.forceSync=no', // fsync guards against power cuts, which tests do not have
        `-Dzookeeper.DigestAuthenticationProvider.superDigest=${superDigest}`,
        ...['-cp', join(findTool('zookeeper'), '*')],
        'org.apache.zookeeper.server.quorum.QuorumPeerMain',
        join(this.dir, 'zoo.cfg'),
      ],
      this.#logFile,
    );
    return this.#process;
  }

  /** Waits until the member serves as leader, follower or observer, which takes a quorum. */
  async ready(): Promise<void> {
    const serving = async () => (await this.mode()) !== 'none';
    await waitUntilReady(`ZooKeeper ${this.id}`, this.#running(), this.#logFile, serving);
  }

  /** Starts the member again after `stop` or `kill9` and waits until it serves. */
  async start(): Promise<void> {
    this.launch();
    await this.ready();
  }

  async stop(): Promise<void> {
    await this.#process?.terminate();
  }

  async kill9(): Promise<void> {
    await this.#process?.kill9();
  }

  sigstop(): void {
    this.#running().signal('SIGSTOP');
  }

  sigcont(): void {
    this.#running().signal('SIGCONT');
  }

  /** What the member says it is; `none` while it is down, stopped or without a quorum. */
  async mode(): Promise<ZkMode> {
    const answer = await this.fourLetterWord('srvr').catch(() => '');
    return (/^Mode: (leader|follower|observer)$/m.exec(answer)?.[1] as ZkMode | undefined) ?? 'none';
  }

  /** Sends a four-letter word (`srvr`, `mntr`, `cons`...) and returns the answer. */
  fourLetterWord(word: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, this.host, () => socket.write(word));
      let answer = '';
      socket.setEncoding('utf8');
      socket.setTimeout(2_000, () => socket.destroy(new Error(`ZooKeeper ${this.id} did not answer ${word} in 2 s`)));
      socket.on('data', (part) => (answer += String(part)));
      socket.on('error', reject);
      socket.on('close', () => resolve(answer));
    });
  }

  log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  #running(): ServerProcess {
    if (!this.#process || this.#process.hasEnded) throw new Error(`ZooKeeper ${this.id} is not running`);
    return this.#process;
  }
}

/** A running ensemble. */
export class ZkCluster {
  readonly members: readonly ZkMember[];

  constructor(members: readonly ZkMember[]) {
    this.members = members;
  }

  /** Every member, voters first: `127.0.0.1:21811,127.0.0.1:21812`. */
  get connectString(): string {
    return this.members.map(({ host, port }) => `${host}:${port}`).join(',');
  }

  /** The member that leads now; throws where none does. */
  async leader(): Promise<ZkMember> {
    for (const member of this.members) if ((await member.mode()) === 'leader') return member;
    throw new Error('no ZooKeeper member leads');
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
  }

  /** The quick end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill9()));
  }
}

/** Starts an ensemble of local processes and waits until every member serves. */
export async function startZookeeper(options: ZkOptions = {}): Promise<ZkCluster> {
  const voters = options.voters ?? 3;
  const size = voters + (options.observers ?? 0);
  const members: ZkMember[] = [];
  const servers: Record<string, string> = {};
  for (let id = 1; id <= size; id++) {
    const role = id <= voters ? 'voter' : 'observer';
    const member = new ZkMember(id, role, await freePort(), runFolder(`zookeeper-${id}`));
    members.push(member);
    const zkRole = role === 'voter' ? 'participant' : 'observer';
    servers[`server.${id}`] = `127.0.0.1:${await freePort()}:${await freePort()}:${zkRole};127.0.0.1:${member.port}`;
  }
  for (const member of members) {
    const config = {
      tickTime: options.tickTime ?? 1000,
      initLimit: 10,
      syncLimit: 5,
      dataDir: join(member.dir, 'data'),
      standaloneEnabled: false,
      reconfigEnabled: true,
      '4lw.commands.whitelist': '*',
      'admin.enableServer': false,
      ...options.config,
      ...servers,
    };
    mkdirSync(config.dataDir);
    writeFileSync(join(config.dataDir, 'myid'), String(member.id));
    const lines = Object.entries(config).map(([key, value]) => `${key}=${value}`);
    writeFileSync(join(member.dir, 'zoo.cfg'), `${lines.join('\n')}\n`);
    member.launch();
  }
  const cluster = new ZkCluster(members);
  try {
    await Promise.all(members.map((member) => member.ready()));
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return cluster;
}
