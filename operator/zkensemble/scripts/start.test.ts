import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const scripts = import.meta.dirname;
let dir: string;
let data: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'start-'));
  data = join(dir, 'data');
  mkdirSync(join(dir, 'config'));
  mkdirSync(join(dir, 'bin'));
  writeFileSync(join(dir, 'bin/zkServer.sh'), '#!/bin/sh\necho "started $*"; env | grep SUPER\nexit 0\n', { mode: 0o755 });
  publish({ members: [1, 2, 3] });
});
afterEach(() => rmSync(dir, { recursive: true }));

const line = (id: number, role = 'participant') => `server.${id}=h${id}:2888:3888:${role};0.0.0.0:2181`;

function publish({ members, mayVote = [] }: { members: number[]; mayVote?: number[] }): void {
  const write = (name: string, lines: (string | number)[]) =>
    writeFileSync(join(dir, 'config', name), lines.map((each) => `${each}\n`).join(''));
  write(
    'members',
    members.map((id) => line(id)),
  );
  write('may-vote', mayVote);
  write(
    'servers',
    [1, 2, 3, 4, 12].map((id) => `pod-${id} ${id} h${id}:2888:3888 0.0.0.0:2181`),
  );
  write('zoo.cfg', ['tickTime=500']);
}

function start(pod: string, env: Record<string, string> = {}) {
  return spawnSync('sh', [join(scripts, 'start.sh')], {
    encoding: 'utf8',
    env: {
      PATH: `${join(dir, 'bin')}:${process.env['PATH']}`,
      ...{ POD_NAME: pod, ZK_CONFIG_DIR: join(dir, 'config'), ZK_DATA_DIR: data, ZK_SUPER_DIGEST: 'super:h4sh=', ...env },
    },
  });
}

const read = (name: string) => readFileSync(join(data, name), 'utf8');
const settings = (): Record<string, string> =>
  Object.fromEntries(
    read('conf/zoo.cfg')
      .trim()
      .split('\n')
      .map((each): [string, string] => [each.split('=', 1)[0]!, each.slice(each.indexOf('=') + 1)]),
  );
const known = () => readFileSync(settings()['dynamicConfigFile']!, 'utf8').trim().split('\n');

/** As ZooKeeper does when the members change. */
function zookeeperLearns(version: string, lines: string[]): void {
  const file = join(data, `conf/zoo.cfg.dynamic.${version}`);
  writeFileSync(file, lines.join('\n'));
  writeFileSync(join(data, 'conf/zoo.cfg'), `tickTime=500\ndynamicConfigFile=${file}\n`);
}

describe('start.sh', () => {
  test('begins as a voter without data only where the operator says so', () => {
    publish({ members: [1, 2, 3], mayVote: [1, 2, 3] });
    const { status, stdout } = start('pod-2');
    expect([status, stdout]).toEqual([
      0,
      `start.sh: server 2 begins as participant\nstarted start-foreground ${data}/conf/zoo.cfg\n`,
    ]);
    expect(known()).toEqual([line(1), line(3), line(2)]);
    expect(read('myid')).toBe('2\n');
    expect(existsSync(join(data, 'initialize'))).toBe(true);
    expect(settings()).toEqual({
      ...{ tickTime: '500', dataDir: data, 'DigestAuthenticationProvider.superDigest': 'super:h4sh=' },
      dynamicConfigFile: `${data}/conf/zoo.cfg.dynamic`,
    });
  });

  test('else begins as an observer of those it is told of, a server that joins as well as one that lost its disk', () => {
    for (const [id, others] of [
      [4, [1, 2, 3]],
      [2, [1, 3]],
    ] as const) {
      expect(start(`pod-${id}`).stdout).toContain(`server ${id} begins as observer`);
      expect(known()).toEqual([...others.map((other) => line(other)), line(id, 'observer')]);
      expect(existsSync(join(data, 'initialize'))).toBe(false);
      rmSync(data, { recursive: true });
    }
  });

  test('goes on with what ZooKeeper learnt last', () => {
    start('pod-2');
    zookeeperLearns('100000009', [line(1), line(2)]);
    expect(start('pod-2').stdout).toContain('goes on with the members of');
    expect(known()).toEqual([line(1), line(2)]);
  });

  test.each([
    ['does not name it', [1, 2, 3], [line(1), line(3)]],
    ['is of a time when it was a member, which it is no more', [1, 3], [line(1), line(2), line(3)]],
  ])('does not go on with what %s', (_what, members, learnt) => {
    start('pod-2');
    zookeeperLearns('100000009', learnt);
    writeFileSync(join(data, 'conf/zoo.cfg.dynamic.next'), 'server.9=x');
    publish({ members });
    expect(start('pod-2').stdout).toContain('server 2 begins as observer');
    expect(known()).toEqual([line(1), line(3), line(2, 'observer')]);
    expect(readdirSync(join(data, 'conf')).sort()).toEqual(['zoo.cfg', 'zoo.cfg.dynamic']);
  });

  test('lets one that has waited without data begin anew as a voter, but none that has data', () => {
    start('pod-2');
    publish({ members: [1, 2, 3], mayVote: [2] });
    expect(start('pod-2').stdout).toContain('server 2 begins as participant');
    mkdirSync(join(data, 'version-2'));
    writeFileSync(join(data, 'version-2/currentEpoch'), '0');
    expect(start('pod-2').stdout).toContain('goes on with the members of');
  });

  test('tells server 1 from server 12', () => {
    publish({ members: [12], mayVote: [12] });
    expect(start('pod-1').stdout).toContain('server 1 begins as observer');
    expect(known()).toEqual([line(12), line(1, 'observer')]);
  });

  test('throws away what a server without data has made while it waited', () => {
    mkdirSync(join(data, 'version-2'), { recursive: true });
    writeFileSync(join(data, 'version-2/currentEpoch'), '-1');
    start('pod-2');
    expect(existsSync(join(data, 'version-2'))).toBe(false);
    mkdirSync(join(data, 'version-2'));
    writeFileSync(join(data, 'version-2/currentEpoch'), '3');
    start('pod-2');
    expect(existsSync(join(data, 'version-2/currentEpoch'))).toBe(true);
  });

  test('has the log and the word that it may begin elsewhere where there is a volume for it', () => {
    publish({ members: [1, 2, 3], mayVote: [2] });
    const logs = join(dir, 'logs');
    mkdirSync(logs);
    start('pod-2', { ZK_DATA_LOG_DIR: logs });
    expect(settings()['dataLogDir']).toBe(logs);
    expect(existsSync(join(logs, 'initialize'))).toBe(true);
  });

  test('begins anew where the volume of its log was lost: its snapshots alone lack what it has acknowledged', () => {
    const logs = join(dir, 'logs');
    mkdirSync(logs);
    const own = [join(data, 'version-2'), join(logs, 'version-2')];
    start('pod-2', { ZK_DATA_LOG_DIR: logs });
    for (const folder of own) mkdirSync(folder, { recursive: true });
    writeFileSync(join(data, 'version-2/currentEpoch'), '3');
    zookeeperLearns('100000000', [line(1), line(2), line(3)]);
    expect(start('pod-2', { ZK_DATA_LOG_DIR: logs }).stdout).toMatch(/server 2 goes on/);
    expect(existsSync(own[0]!)).toBe(true);
    rmSync(own[1]!, { recursive: true });
    start('pod-2', { ZK_DATA_LOG_DIR: logs });
    expect([existsSync(own[0]!), read('version-2.torn/currentEpoch')]).toEqual([false, '3']);
    publish({ members: [1, 2, 3], mayVote: [2] });
    expect(start('pod-2', { ZK_DATA_LOG_DIR: logs }).stdout).toMatch(/server 2 begins as participant/);
    // While it waits for somebody to copy from, that is kept; and no longer.
    for (const folder of own) mkdirSync(folder, { recursive: true });
    writeFileSync(join(data, 'version-2/currentEpoch'), '-1');
    start('pod-2', { ZK_DATA_LOG_DIR: logs });
    expect(read('version-2.torn/currentEpoch')).toBe('3');
    for (const folder of own) mkdirSync(folder, { recursive: true });
    writeFileSync(join(data, 'version-2/currentEpoch'), '4');
    start('pod-2', { ZK_DATA_LOG_DIR: logs });
    expect([existsSync(own[0]!), existsSync(`${own[0]}.torn`)]).toEqual([true, false]);
  });

  test('does not hand the hash on, and lets nobody else read it', () => {
    expect(start('pod-2').stdout).not.toContain('SUPER');
    expect(execFileSync('stat', ['-c', '%a', join(data, 'conf/zoo.cfg')], { encoding: 'utf8' }).trim()).toBe('600');
  });

  test('refuses another server’s volume, and a pod without an id', () => {
    start('pod-2');
    const other = start('pod-3');
    expect([other.status, other.stderr]).toEqual([
      1,
      expect.stringContaining('the volume is that of server 2, but this is server 3'),
    ]);
    expect(start('pod-99')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('no server is known under the name pod-99'),
    });
  });
});

describe('health.sh', () => {
  let server: Server;
  let answers: Record<string, string>;

  beforeEach(async () => {
    answers = { ruok: 'imok', srvr: 'Zxid: 0x1\nMode: follower\nNode count: 3\n' };
    server = createServer((socket) => socket.once('data', (word) => socket.end(answers[String(word)] ?? '')));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    writeFileSync(join(dir, 'config/servers'), `pod-2 2 h2:2888:3888 127.0.0.1:${port}\n`);
    mkdirSync(join(data, 'conf'), { recursive: true });
  });
  afterEach(() => server.close());

  async function health(probe: string): Promise<number | null> {
    const { spawn } = await import('node:child_process');
    const env = { ...process.env, POD_NAME: 'pod-2', ZK_CONFIG_DIR: join(dir, 'config'), ZK_DATA_DIR: data };
    const child = spawn('bash', [join(scripts, 'health.sh'), probe], { env, stdio: 'ignore' });
    return new Promise((resolve) => child.on('exit', resolve));
  }

  test('is content with a server that serves', async () => {
    expect([await health('ready'), await health('live')]).toEqual([0, 0]);
  });

  test('lets one live that has no quorum', async () => {
    answers['srvr'] = 'This ZooKeeper instance is not currently serving requests\n';
    expect([await health('ready'), await health('live')]).toEqual([1, 0]);
  });

  test('lets one begin anew that waits without data and may vote now', async () => {
    answers['srvr'] = 'This ZooKeeper instance is not currently serving requests\n';
    mkdirSync(join(data, 'version-2'));
    writeFileSync(join(data, 'version-2/currentEpoch'), '-1');
    expect(await health('live')).toBe(0);
    writeFileSync(join(dir, 'config/may-vote'), '2\n');
    expect(await health('live')).toBe(1);
    answers['srvr'] = 'Zxid: 0x1\nMode: follower\n';
    expect(await health('live')).toBe(0);
  });

  test('is not content with one that does not answer', async () => {
    answers = {};
    expect([await health('ready'), await health('live')]).toEqual([1, 1]);
    server.close();
    expect([await health('ready'), await health('live')]).toEqual([1, 1]);
  });
});
