import { afterAll, beforeAll, expect, test } from 'vitest';
import { addCanalInstances } from '../../operator/canalinstance/controller.ts';
import {
  findCondition,
  resources,
  type KubeClient,
  type KubeObject,
  type KubeSecret,
  type Pod,
  type Resource,
} from '../../operator/kube/index.ts';
import { MemoryZookeeper } from '../support/memory-zookeeper.ts';
import { RealApi, namespace } from '../support/real-api.ts';
import { simulatedCoordination } from '../support/simulated-coordination.ts';

let api: RealApi;
let client: KubeClient;
const zookeeper = new MemoryZookeeper();

beforeAll(async () => {
  api = await RealApi.start();
  client = api.client;
});
afterAll(() => api[Symbol.asyncDispose]());

const image = { name: 'registry.example/lockkeeper:1', pullPolicy: 'IfNotPresent' as const, pullSecrets: ['registry'] };

function operate(until: () => Promise<boolean>): Promise<void> {
  const coordination = simulatedCoordination(zookeeper);
  return api.operate((manager) => void addCanalInstances(manager, { coordination, image }), until);
}

/** All is written, and no worker comes. */
async function waits(): Promise<boolean> {
  const { status, metadata } = await client.get(resources.CanalInstance, { name: 'orders', namespace });
  const isOfSpec = status?.observedGeneration === metadata.generation;
  return isOfSpec && findCondition(status?.conditions, 'Ready')?.reason === 'WorkersMissing';
}

const versions = () =>
  api.versions([
    ...[resources.Deployment, resources.PodDisruptionBudget, resources.NetworkPolicy, resources.CanalInstance, resources.Event],
  ] as readonly Resource[]);

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
  await api.makeDefaultServiceAccount();
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
