import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { configPath, electionPath, instanceConfigPath, instancePath, statusPath } from '../../common/zookeeper/paths.ts';
import { ZkSession } from '../../common/zookeeper/session.ts';
import { writeZnode } from '../../common/zookeeper/znode.ts';
import { decodeInstanceConfig } from '../../crds/config-codec.ts';
import { createCoordination } from '../../operator/coordination/index.ts';
import { resources, type Live, type Pod } from '../../operator/kube/index.ts';
import { secretData, superAuth, workerAcl, workerAuth } from '../../operator/zkensemble/credentials.ts';
import { startZookeeper, type ZkCluster } from '../servers/index.ts';
import { InstanceSite, name, namespace } from '../support/instance-site.ts';
import { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { SecretFolder } from '../support/secret-folder.ts';

/** Real ZooKeeper and real workers; Kubernetes is simulated, and its time is pushed on. */
const ref = { namespace, instance: name };
const credentials = { superPassword: 'super', workerPassword: 'working' };

let zookeeper: ZkCluster;
let session: ZkSession;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  zookeeper = await startZookeeper({ voters: 1, tickTime: 500 });
  session = new ZkSession({ servers: zookeeper.connectString, digestAuth: superAuth(credentials), acl: workerAcl(credentials) });
  await session.whenConnected();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(async () => {
  await session.close();
  await zookeeper.stop();
});

async function made(): Promise<InstanceSite> {
  const site = new InstanceSite((manager) => {
    const coordination = createCoordination(manager, { serversOf: () => zookeeper.connectString });
    ends.push(() => coordination.close());
    return coordination;
  });
  ends.push(() => site.stop());
  await site.prepare();
  await site.secret('main-zookeeper-auth', secretData(credentials));
  site.startOperator();
  await site.apply({ master: { host: '127.0.0.1', port: 1 }, workers: [{ region: 'home', replicas: 1 }] });
  return site;
}

async function until(site: InstanceSite, holds: () => boolean | Promise<boolean>, seconds = 60): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not in ${seconds} s: ${JSON.stringify(site.object()?.status, null, 1)}`);
    await site.round();
    await sleep(50);
  }
}

/** Starts what a pod runs: its variables, and its Secrets in folders. */
async function startWorker(pod: Live<Pod>): Promise<LockkeeperProcess> {
  const folder = new SecretFolder();
  folder.put('zookeeper', { 'worker-auth': workerAuth(credentials) });
  folder.put('source', { username: 'u', password: 'p' });
  const { env = [] } = pod.spec!.containers[0]!;
  const given = env.map(({ name: variable, value, valueFrom }) => [
    variable,
    valueFrom?.fieldRef?.fieldPath === 'metadata.name' ? pod.metadata.name : value!,
  ]);
  const worker = await LockkeeperProcess.worker({
    env: {
      ...(Object.fromEntries(given) as Record<string, string>),
      LOCKKEEPER_ZOOKEEPER: zookeeper.connectString,
      LOCKKEEPER_ZOOKEEPER_AUTH_FILE: `${folder.path}/zookeeper/worker-auth`,
      LOCKKEEPER_SECRETS_DIR: folder.path,
    },
  });
  ends.push(() => worker.kill9());
  return worker;
}

test('a worker that is started as its pod says takes part, and tells what is wrong with the source', async () => {
  const site = await made();
  await until(site, () => site.list(resources.Pod).length > 0);
  const [pod] = site.list(resources.Pod);
  const worker = await startWorker(pod!);
  await until(site, () => site.object()!.status?.workers?.[0]?.ready === 1);
  await until(site, async () => (await worker.get('/readyz')).code === 200);
  await until(site, () => site.condition('PreflightPassed').status === 'False');
  expect(site.condition('Ready')).toMatchObject({ status: 'False', reason: 'PreflightFailed' });
  expect(site.condition('Ready').message).toMatch(/127\.0\.0\.1:1/);

  await site.apply({ master: { host: '127.0.0.1', port: 2 }, workers: [{ region: 'home', replicas: 1 }] });
  await until(site, () => /127\.0\.0\.1:2/.test(site.condition('Ready').message));
  const { data } = await session.get(instanceConfigPath(ref));
  expect(decodeInstanceConfig(data.toString(), name)).toMatchObject({ generation: 2, source: { master: { port: 2 } } });

  await site.remove(resources.CanalInstance, name);
  for (let round = 0; round < 20; round++) await site.round();
  // The pod is gone in Kubernetes; its process is still there, and so is its registration.
  expect(site.object()).toBeDefined();
  await worker.stop();
  await until(site, () => site.object() === undefined);
  expect(await session.exists(instancePath(ref))).toBeNull();
});

test('what is written is for the workers, and goes with the instance', async () => {
  const site = await made();
  await until(site, async () => (await session.exists(instanceConfigPath(ref))) !== null);
  const own = new ZkSession({ servers: zookeeper.connectString, digestAuth: workerAuth(credentials) });
  const stranger = new ZkSession({ servers: zookeeper.connectString });
  ends.push(
    () => own.close(),
    () => stranger.close(),
  );
  expect((await own.get(instanceConfigPath(ref))).data.length).toBeGreaterThan(0);
  await expect(stranger.get(instanceConfigPath(ref))).rejects.toMatchObject({ reason: 'not-allowed' });

  for (const path of [configPath(ref, 'p'), statusPath(ref, 'p')]) await writeZnode(session, path, '{}');
  await session.ensurePath(electionPath(ref, 'p'));
  await site.remove(resources.CanalInstance, name);
  await until(site, () => site.object() === undefined);
  expect(await session.exists(instancePath(ref))).toBeNull();
});

test('an instance can be deleted while ZooKeeper is away, and the next one of its name finds nothing of it', async () => {
  const site = await made();
  await until(site, async () => (await session.exists(instanceConfigPath(ref))) !== null);
  await writeZnode(session, configPath(ref, 'p'), '{}');
  await session.ensurePath(electionPath(ref, 'p'));
  await zookeeper.members[0]!.stop();
  await site.remove(resources.CanalInstance, name);
  for (let second = 0; second < 150 && site.object() !== undefined; second++) {
    await site.round();
    await site.round();
    await sleep(20);
  }
  await until(site, () => site.object() === undefined, 30);
  expect(site.events().join('\n')).toMatch(/CleanupGivenUp/);

  await zookeeper.members[0]!.start();
  await site.apply({ serverId: 200, workers: [{ region: 'home', replicas: 1 }] });
  await until(site, async () => (await session.exists(configPath(ref, 'p'))) === null);
  await until(site, async () => {
    const { data } = await session.get(instanceConfigPath(ref));
    return decodeInstanceConfig(data.toString(), name).source.serverId === 200;
  });
});
