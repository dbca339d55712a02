import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../common/log.ts';
import { instancePath, pipelinePath } from '../../common/zookeeper/paths.ts';
import { ZkSession } from '../../common/zookeeper/session.ts';
import { createCoordination } from '../../operator/coordination/index.ts';
import { findCondition, KubeClient, Manager, resources, type Resource } from '../../operator/kube/index.ts';
import { addSyncPipelines } from '../../operator/syncpipeline/controller.ts';
import { secretData, workerAuth } from '../../operator/zkensemble/credentials.ts';
import { ApiServer } from '../apiserver/index.ts';
import { startMysql, startZookeeper, zkSuperAuth, type DbServer, type ZkCluster } from '../servers/index.ts';
import { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { SecretFolder } from '../support/secret-folder.ts';

/** The operator's SyncPipelines with everything real but the API server: MySQL, ZooKeeper with passwords, and worker processes. */
const namespace = 'shop';
const ref = { namespace, instance: 'orders' };
const passwords = { superPassword: zkSuperAuth.split(':')[1]!, workerPassword: 'working-1' };

let source: DbServer;
let target: DbServer;
let zookeeper: ZkCluster;
let stopOperator: (() => Promise<void>) | undefined;
const server = new ApiServer();
const user = new KubeClient(server.connect());
const secrets = new SecretFolder();
const workers = new Map<string, LockkeeperProcess>();

beforeAll(async () => {
  [source, target, zookeeper] = await Promise.all([
    startMysql({ name: 'source' }),
    startMysql({ name: 'target' }),
    startZookeeper({ voters: 1, tickTime: 500 }),
  ]);
  await source.query('CREATE DATABASE g; CREATE TABLE g.t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO g.t VALUES (1, "a")');
  const account = ({ user: username, password }: DbServer) => ({ username, password });
  secrets.put('source', account(source));
  secrets.put('target', account(target));
  await secret('target', account(target));
  await secret('main-zookeeper-auth', secretData(passwords));
  stopOperator = startOperator();
  await apply('ZkEnsemble', 'main', {});
  await apply('CanalInstance', 'orders', {
    zkEnsembleRef: { name: 'main' },
    master: { host: source.host, port: source.port },
    credentialsSecretRef: { name: 'source' },
    serverId: 7000,
    heartbeat: { intervalSeconds: 0.5, failoverAfterMisses: 20 },
  });
});
afterAll(async () => {
  await Promise.all([...workers.values()].map((worker) => worker.kill9()));
  await stopOperator?.();
  await Promise.all([source?.kill9(), target?.kill9()]);
  await zookeeper?.[Symbol.asyncDispose]();
});

function startOperator(): () => Promise<void> {
  const client = new KubeClient(server.connect());
  const manager = new Manager({ client, log: createLogger('silent'), instance: 'operator-0' });
  const coordination = createCoordination(manager, { serversOf: () => zookeeper.connectString });
  addSyncPipelines(manager, { coordination });
  const stopping = new AbortController();
  const running = manager.run(stopping.signal);
  return async () => {
    stopping.abort();
    await running;
    await coordination.close();
  };
}

async function secret(name: string, data: Readonly<Record<string, string>>): Promise<void> {
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  const object = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    data: Object.fromEntries(encoded) as Record<string, string>,
  };
  await user.apply(resources.Secret, object);
}

async function apply(kind: 'ZkEnsemble' | 'CanalInstance' | 'SyncPipeline', name: string, spec: object): Promise<void> {
  const resource = resources[kind] as Resource;
  const object = { apiVersion: resource.apiVersion, kind, metadata: { name, namespace }, spec };
  await user.apply(resource, object, { fieldManager: 'kubectl' });
}

async function launch(id: string): Promise<LockkeeperProcess> {
  const worker = await LockkeeperProcess.worker({
    args: ['--region', 'home', '--worker-id', id, '--secrets-dir', secrets.path],
    env: {
      LOCKKEEPER_ZOOKEEPER: zookeeper.connectString,
      LOCKKEEPER_ZOOKEEPER_AUTH: workerAuth(passwords),
      LOCKKEEPER_NAMESPACE: namespace,
      LOCKKEEPER_INSTANCE: ref.instance,
    },
  });
  workers.set(id, worker);
  return worker;
}

const pipeline = () => user.find(resources.SyncPipeline, { name: 'east', namespace });
const state = (state: string) =>
  user.patch(resources.SyncPipeline, { name: 'east', namespace }, { type: 'merge', body: { spec: { state } } });

async function ready(): Promise<string> {
  const { metadata, status } = (await pipeline())!;
  const condition = findCondition(status?.conditions, 'Ready');
  return condition?.observedGeneration === metadata.generation
    ? `${condition?.status} ${condition?.reason}`
    : 'of an older generation';
}

const until = (what: () => unknown, seconds = 60) => expect.poll(what, { timeout: seconds * 1000, interval: 100 });
const rows = () =>
  target.query('SELECT COUNT(*) AS n FROM g.t').then(
    (found) => Number((found as { n: number }[])[0]!.n),
    () => 0,
  );

test('a pipeline is made, led, paused, stopped, taken over and deleted, and its object tells so', async () => {
  await apply('SyncPipeline', 'east', {
    canalInstanceRef: { name: 'orders' },
    target: { host: target.host, port: target.port, credentialsSecretRef: { name: 'target' } },
    tables: [{ source: 'g.t' }],
    onError: { retries: 1000, maxBackoffSeconds: 0.5 },
  });
  await until(ready).toBe('False NoWorkers');
  await Promise.all([launch('w1'), launch('w2')]);
  await until(ready).toBe('True Running');
  await until(rows).toBe(1);
  const { status } = (await pipeline())!;
  expect(status).toMatchObject({ leader: { region: 'home', epoch: 1 }, initialLoad: { state: 'Done' } });
  await until(async () => findCondition((await pipeline())!.status?.conditions, 'PreflightPassed')?.status).not.toBe('Unknown');

  await state('Paused');
  await until(ready).toBe('False Paused');
  await source.query('INSERT INTO g.t VALUES (2, "b")');
  await state('Stopped');
  await until(ready).toBe('False Stopped');
  expect(await rows()).toBe(1);
  await state('Running');
  await until(ready).toBe('True Running');
  await until(rows).toBe(2);

  const leader = (await pipeline())!.status!.leader!.worker;
  await workers.get(leader)!.kill9();
  workers.delete(leader);
  await until(async () => (await pipeline())!.status!.leader?.worker).toBe([...workers.keys()][0]);
  await until(ready).toBe('True Running');
  await source.query('INSERT INTO g.t VALUES (3, "c")');
  await until(rows).toBe(3);
  await until(async () => (await pipeline())!.status!.rows!.inserted, 30).toBeGreaterThanOrEqual(2);

  await user.delete(resources.SyncPipeline, { name: 'east', namespace });
  await until(pipeline).toBeUndefined();
  const session = new ZkSession({ servers: zookeeper.connectString, digestAuth: zkSuperAuth });
  await session.whenConnected();
  expect(await session.exists(pipelinePath(ref, 'east'))).toBeNull();
  expect(await session.exists(instancePath(ref))).not.toBeNull();
  await session.close();
  expect(await rows()).toBe(3);

  const events = (server.store.list('v1/events') as unknown as { reason: string }[]).map(({ reason }) => reason);
  expect(events).toEqual(
    expect.arrayContaining(['NoWorkers', 'Published', 'LeaderElected', 'Running', 'Paused', 'Stopped', 'Recovered']),
  );
});
