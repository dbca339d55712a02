import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cacheFolder, runFolder } from '../servers/process.ts';
import type { Cluster } from './cluster.ts';
import { openExisting } from './existing.ts';
import { loadProductImage } from './images/product.ts';
import { findKind } from './kind.ts';
import { cgroupExists } from './local/cgroup.ts';
import { Layout, regions } from './local/layout.ts';
import { holderPid, inside } from './local/namespace.ts';
import { openLocal, removeLocal } from './local/open.ts';

const elsewhere = (await openExisting()) !== undefined || (await findKind());

/** A cluster of its own, beside one that other tests may use. */
const layout = new Layout(join(cacheFolder, `cluster/test-${process.pid}`));
const workloads = join(import.meta.dirname, 'cluster.test.yaml');

describe.skipIf(elsewhere)('a cluster made on this machine', { timeout: 600_000 }, () => {
  let cluster: Cluster;
  let before: string[];
  const kubectl = (...args: string[]) => cluster.kubectl(args, { timeoutSeconds: 300 });
  const get = async (...args: string[]) =>
    (JSON.parse(await kubectl('get', ...args, '--output=json')) as { items: Thing[] }).items;
  const shell = (pod: string, command: string) => kubectl('exec', '-n', 'proof', pod, '--', 'sh', '-c', command);

  beforeAll(async () => {
    for (const name of readdirSync(join(cacheFolder, 'cluster')).filter((entry) => /^test-\d+$/.test(entry)))
      if (!existsSync(`/proc/${name.slice(5)}`)) await removeLocal(new Layout(join(cacheFolder, 'cluster', name))); // of a run that was killed
    before = machineState();
    cluster = await openLocal(layout);
  }, 5_400_000); // the first time, all of Kubernetes is built

  afterAll(() => cluster?.down());

  test('has a ready node in each region', async () => {
    expect(cluster.nodes.map(({ region }) => region)).toEqual([...regions]);
    const nodes = await get('nodes');
    expect(nodes).toHaveLength(3);
    for (const { metadata, status } of nodes) {
      const region = cluster.nodes.find(({ name }) => name === metadata.name)?.region;
      expect(metadata.labels['topology.kubernetes.io/region']).toBe(region);
      expect(status.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
    }
  });

  test('runs a ZooKeeper ensemble over the regions, restricted, with volumes, found by DNS', async () => {
    await kubectl('apply', '-f', workloads);
    await kubectl('rollout', 'status', '-n', 'proof', 'statefulset/zk', '--timeout=240s');
    const pods = await get('pods', '-n', 'proof', '--selector=app=zk');
    expect(new Set(pods.map(({ spec }) => spec.nodeName)).size).toBe(3);
    const claims = await get('persistentvolumeclaims', '-n', 'proof');
    expect(claims.map(({ status }) => status.phase)).toEqual(['Bound', 'Bound', 'Bound']);

    // They elect only if each finds and reaches the others by the headless Service's names.
    const modes = await Promise.all(['zk-0', 'zk-1', 'zk-2'].map((pod) => shell(pod, 'zkServer.sh status')));
    expect(modes.map((mode) => mode.trim()).sort()).toEqual(['Mode: follower', 'Mode: follower', 'Mode: leader']);
    await shell('zk-0', 'zkCli.sh -server zk-0.zk:2181 create /proof one');
    expect(await shell('zk-2', 'zkCli.sh -server zk-2.zk.proof.svc.cluster.local:2181 get /proof')).toContain('one');
    expect(await kubectl('logs', '-n', 'proof', 'zk-0')).toContain('QuorumPeer');
  });

  test('a Service with an address of its own leads to every node, and back to the pod that asks', async () => {
    // nc waits to the end of its time, so they all ask at once. Without a newline: one that the server leaves unread resets the connection.
    const ask = 'for i in $(seq 12); do printf srvr | nc -q9 -w9 zk-client 2181 | grep Mode & done; wait';
    for (const answers of await Promise.all(['zk-0', 'zk-1', 'zk-2'].map((pod) => shell(pod, ask)))) {
      expect(answers.match(/Mode/g)).toHaveLength(12);
      expect(answers).toContain('leader');
      expect(answers).toContain('follower');
    }
  });

  test('builds an image from a Dockerfile, once for the same inputs, and runs it', async () => {
    const context = runFolder('product');
    writeFileSync(
      join(context, 'Dockerfile'),
      'ARG BASE\nFROM $BASE\nRUN npm --version >/npm\nCOPY hello.ts /\nUSER 1000\nCMD ["node", "/hello.ts"]\n',
    );
    writeFileSync(join(context, 'hello.ts'), 'const who: string = `Node ${process.versions.node}`;\nconsole.log(who);\n');
    const product = { name: 'localhost/hello', context, inputs: ['hello.ts'] };
    const image = await loadProductImage(cluster, product);
    expect(await loadProductImage(cluster, product)).toBe(image);
    const alone = ['--image-pull-policy=Never', '--restart=Never', '--rm', '--attach', '--quiet'];
    expect(await kubectl('run', 'hello', `--image=${image}`, ...alone)).toMatch(/^Node 24\./);
  });

  test('refuses a pod that may do more than restricted allows', async () => {
    const run = ['run', '-n', 'proof', 'rogue', '--image=localhost/debian:bookworm', '--privileged', '--', 'true'];
    await expect(kubectl(...run)).rejects.toThrow('violates PodSecurity');
  });

  test('runs MySQL', async () => {
    await kubectl('rollout', 'status', '-n', 'proof', 'deployment/mysql', '--timeout=240s');
    const client = 'mysql -uroot -p"$MYSQL_ROOT_PASSWORD" -h mysql -N -e';
    expect(
      await shell(
        'deployment/mysql',
        `${client} 'SELECT @@version, @@gtid_mode, SCHEMA_NAME FROM information_schema.schemata WHERE SCHEMA_NAME="shop"'`,
      ),
    ).toMatch(/^9\.\d+\.\d+\S*\tON\tshop$/m);
  });

  test('a line that is cut loses packets until it is healed', async () => {
    const pods = await get('pods', '-n', 'proof', '--selector=app=zk');
    const podIn = (region: string) => pods.find(({ spec }) => spec.nodeName === `node-${region}`)!.metadata.name;
    const ask = async (from: string, to: string) =>
      (await shell(podIn(from), `nc -z -w3 ${podIn(to)}.zk 2181 && echo reached || echo lost`)).trim();
    await cluster.faults!.cut('east', 'west');
    expect(await ask('east', 'west')).toBe('lost');
    expect(await ask('west', 'east')).toBe('lost');
    expect(await ask('home', 'east')).toBe('reached');
    await cluster.faults!.heal();
    expect(await ask('east', 'west')).toBe('reached');
    await cluster.faults!.isolate('east');
    expect(await ask('home', 'east')).toBe('lost');
    await cluster.faults!.reconnect('east');
    expect(await ask('home', 'east')).toBe('reached');
  });

  test('a node that lost power comes back with its pods and their volumes', async () => {
    const pod = (
      await kubectl(
        'get',
        'pods',
        '-n',
        'proof',
        '--selector=app=zk',
        '--field-selector=spec.nodeName=node-west',
        '--output=name',
      )
    ).trim();
    await shell(pod, 'echo kept >/data/kept');
    await cluster.faults!.kill('west');
    await expect(shell(pod, 'true')).rejects.toThrow();
    await cluster.faults!.start('west');
    await expect.poll(() => shell(pod, 'cat /data/kept').catch(() => ''), { timeout: 180_000, interval: 2_000 }).toBe('kept\n');
    // Its peers first try its former address, for as long as Java and ZooKeeper remember it.
    await expect
      .poll(() => shell(pod, 'zkServer.sh status').catch(() => ''), { timeout: 180_000, interval: 2_000 })
      .toContain('Mode');
  });

  test('is found again while it is well, also after parts of it were killed', async () => {
    const pid = holderPid(layout);
    await inside(layout, ['sh', '-c', 'kill -KILL $(pidof kube-apiserver etcd kubelet containerd)']);
    cluster = await openLocal(layout);
    expect(holderPid(layout)).toBe(pid);
    await expect.poll(() => kubectl('get', 'pods', '-n', 'proof').catch(() => ''), { timeout: 60_000 }).toContain('zk-2');
  });

  test('is started anew when it is gone', async () => {
    const pid = holderPid(layout)!;
    process.kill(pid, 'SIGKILL');
    cluster = await openLocal(layout);
    expect(holderPid(layout)).not.toBe(pid);
    expect(await kubectl('get', 'nodes', '--output=name')).toBe('node/node-east\nnode/node-home\nnode/node-west\n');
  });

  test('once down, nothing is left', async () => {
    await cluster.down();
    expect(leftovers()).toEqual([]);
    expect(machineState()).toEqual(before);
  });

  test('a start that was killed halfway leaves nothing that down does not remove', async () => {
    const env = { ...process.env, LOCKKEEPER_CLUSTER_STATE: layout.state };
    const main = join(import.meta.dirname, 'main.ts');
    const up = spawn(process.execPath, [main, 'up'], { env, stdio: 'ignore' });
    const ended = once(up, 'exit');
    while (!existsSync(layout.kubeconfig)) await sleep(50);
    up.kill('SIGKILL');
    await ended;
    expect(leftovers()).not.toEqual([]);
    execFileSync(process.execPath, [main, 'down'], { env, stdio: 'ignore' });
    expect(leftovers()).toEqual([]);
    expect(machineState()).toEqual(before);
  });

  test('never removes a folder of somebody else', async () => {
    const others = new Layout(runFolder('others'));
    writeFileSync(join(others.state, 'thesis'), '');
    await expect(openLocal(others)).rejects.toThrow('LOCKKEEPER_CLUSTER_STATE');
    expect(readdirSync(others.state)).toEqual(['thesis']);
  });
});

interface Thing {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** What of the cluster under test is there: group, folder, processes, mounts. */
function leftovers(): string[] {
  const found: string[] = [];
  if (cgroupExists(layout.cgroup)) found.push('cgroup');
  if (existsSync(layout.state)) found.push('state');
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const command = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
    const program = attempt(() => readlinkSync(`/proc/${pid}/exe`));
    const mounts = attempt(() => readFileSync(`/proc/${pid}/mountinfo`, 'utf8'));
    if ([command, program].some((text) => text.includes(layout.state)) || mounts.includes(layout.cgroup))
      found.push(`${pid} ${command}`);
  }
  if (readFileSync('/proc/self/mountinfo', 'utf8').includes(layout.state)) found.push('mount');
  return found;
}

/** What a cluster must leave as it was on the machine: interfaces, routes, packet filter, named namespaces, kernel settings. */
function machineState(): string[] {
  const command = (...[program, ...args]: [string, ...string[]]) => execFileSync(program, args, { encoding: 'utf8' });
  const settings = [
    'vm/overcommit_memory',
    'kernel/panic',
    'kernel/panic_on_oops',
    'net/ipv4/ip_forward',
    'net/netfilter/nf_conntrack_max',
  ];
  return [
    command('ip', '-o', 'link').replaceAll(/ (state|qlen) .*/g, ''),
    command('ip', 'route'),
    command('nft', 'list', 'ruleset'),
    attempt(() => readdirSync('/run/netns').join()),
    ...['/var/lib/cni', '/var/lib/kubelet', '/var/log/containers', '/var/log/pods', '/etc/cni', '/opt/cni'].filter(existsSync),
    ...settings.map((name) => `${name}=${attempt(() => readFileSync(`/proc/sys/${name}`, 'utf8'))}`),
  ];
}

function attempt(look: () => string): string {
  try {
    return look();
  } catch {
    return ''; // it is not there, or not any more
  }
}
