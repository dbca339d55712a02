import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../common/log.ts';
import { addCanalInstances } from '../../operator/canalinstance/controller.ts';
import {
  HttpTransport,
  KubeClient,
  Manager,
  findAccess,
  findCondition,
  resources,
  type KubeObject,
  type KubeSecret,
  type Pod,
  type Resource,
} from '../../operator/kube/index.ts';
import { startKubeApiServer, type KubeApiServer } from '../servers/index.ts';
import { MemoryZookeeper } from '../support/memory-zookeeper.ts';
import { simulatedCoordination } from '../support/simulated-coordination.ts';

/** The real API server, with nothing behind it that would run a pod: everything that the operator writes is judged by it. */
let server: KubeApiServer;
let client: KubeClient;
const transports: HttpTransport[] = [];
const namespace = 'shop';
const zookeeper = new MemoryZookeeper();

beforeAll(async () => {
  server = await startKubeApiServer();
  const applied = await server.kubectl(['apply', '-f', join(import.meta.dirname, '../../crds')]);
  expect(applied).toMatchObject({ code: 0, stderr: '' });
  const served = await server.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  expect(served.code, served.stderr).toBe(0);
  client = await connect();
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await client.request('create Namespace', {
    ...{ method: 'POST', path: '/api/v1/namespaces' },
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
  });
});
afterAll(async () => {
  await Promise.all(transports.map((transport) => transport.close()));
  await server[Symbol.asyncDispose]();
});

async function connect(): Promise<KubeClient> {
  const before = process.env['KUBECONFIG'];
  process.env['KUBECONFIG'] = server.kubeconfig;
  const transport = new HttpTransport(await findAccess());
  if (before === undefined) delete process.env['KUBECONFIG'];
  else process.env['KUBECONFIG'] = before;
  transports.push(transport);
  return new KubeClient(transport);
}

/** Runs an operator until this holds, and a while longer. */
async function operate(until: () => Promise<boolean>): Promise<void> {
  const manager = new Manager({ client: await connect(), log: createLogger('silent'), instance: 'operator-0' });
  const image = { name: 'registry.example/lockkeeper:1', pullPolicy: 'IfNotPresent' as const, pullSecrets: ['registry'] };
  addCanalInstances(manager, { coordination: simulatedCoordination(zookeeper), image });
  const stopping = new AbortController();
  const running = manager.run(stopping.signal);
  try {
    await expect.poll(until, { timeout: 60_000 }).toBe(true);
    await sleep(4_000);
  } finally {
    stopping.abort();
    await running;
  }
}

/** All is written, and no worker comes. */
async function waits(): Promise<boolean> {
  const { status, metadata } = await client.get(resources.CanalInstance, { name: 'orders', namespace });
  const isOfSpec = status?.observedGeneration === metadata.generation;
  return isOfSpec && findCondition(status?.conditions, 'Ready')?.reason === 'WorkersMissing';
}

async function versions(): Promise<Record<string, string>> {
  const kinds = [
    ...[resources.Deployment, resources.PodDisruptionBudget, resources.NetworkPolicy, resources.CanalInstance, resources.Event],
  ] as readonly Resource[];
  const lists = await Promise.all(kinds.map((kind) => client.listAll(kind, { namespace })));
  const all = lists.flatMap(({ items }) => items);
  return Object.fromEntries(all.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]));
}

async function secret(name: string, stringData: Record<string, string>): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData } as KubeSecret;
  await client.create(resources.Secret, object);
}

async function make<T extends KubeObject>(resource: Resource<T>, name: string, spec: unknown): Promise<void> {
  const { apiVersion, kind } = resource;
  await client.create(resource, { apiVersion, kind, metadata: { name, namespace }, spec } as unknown as T);
}

test('accepts everything that is written for an instance, and a second operator writes nothing', async () => {
  await secret('main-zookeeper-auth', { 'worker-auth': 'lockkeeper:secret' });
  await secret('source', { username: 'u', password: 'p' });
  await make(resources.ZkEnsemble, 'main', {});
  const ready = { type: 'Ready', status: 'True', reason: 'Yes', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const body = { status: { observedGeneration: 1, conditions: [{ ...ready, observedGeneration: 1 }] } };
  await client.patch(resources.ZkEnsemble, { name: 'main', namespace }, { type: 'merge', body }, { subresource: 'status' });
  await make(resources.CanalInstance, 'orders', {
    ...{ zkEnsembleRef: { name: 'main' }, master: { host: 'mysql' }, serverId: 1, credentialsSecretRef: { name: 'source' } },
    workers: [{ region: 'home', replicas: 2 }, { region: 'east' }],
  });
  await make(resources.SyncPipeline, 'p', {
    ...{ canalInstanceRef: { name: 'orders' }, target: { host: 'mysql.east', credentialsSecretRef: { name: 'to.be.made' } } },
  });
  await operate(waits);
  const before = await versions();
  expect(Object.keys(before).filter((name) => !name.startsWith('Event'))).toEqual([
    ...['Deployment orders-worker-east', 'Deployment orders-worker-home', 'PodDisruptionBudget orders-workers'],
    ...['NetworkPolicy orders-workers', 'CanalInstance orders'],
  ]);
  await operate(waits);
  expect(await versions()).toEqual(before);
});

test('admits the workers’ pods where PodSecurity is restricted', async () => {
  const deployment = await client.get(resources.Deployment, { name: 'orders-worker-home', namespace });
  const { template } = deployment.spec!;
  await client.create(resources.ServiceAccount, {
    ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } },
  });
  const pod: Pod = {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', namespace, labels: template.metadata!.labels! } },
    spec: { ...template.spec!, serviceAccountName: 'default' },
  };
  const made = await client.create(resources.Pod, pod);
  expect(made.spec!.volumes!.map(({ secret: mounted }) => mounted?.secretName).filter((name) => name !== undefined)).toEqual([
    ...['main-zookeeper-auth', 'source', 'to.be.made'],
  ]);
});

test('takes changes of the spec on to what is there, and lets it go', async () => {
  const body = { spec: { workers: [{ region: 'home', replicas: 1 }], heartbeat: { intervalSeconds: 1 } } };
  await client.patch(resources.CanalInstance, { name: 'orders', namespace }, { type: 'merge', body });
  await operate(waits);
  expect(Object.keys(await versions()).filter((name) => name.startsWith('Deployment'))).toEqual([
    'Deployment orders-worker-home',
  ]);
  expect(zookeeper.read('/lockkeeper/shop/orders/config')).toContain('"generation":2');
  await client.delete(resources.Pod, { name: 'x', namespace }, { gracePeriodSeconds: 0 });
  await client.delete(resources.CanalInstance, { name: 'orders', namespace });
  await operate(async () => (await client.find(resources.CanalInstance, { name: 'orders', namespace })) === undefined);
  expect(zookeeper.paths.filter((path) => path.startsWith('/lockkeeper/shop/orders'))).toEqual([]);
});
