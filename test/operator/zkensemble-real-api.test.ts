import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  findCondition,
  resources,
  type KubeClient,
  type KubeObject,
  type Pod,
  type Resource,
} from '../../operator/kube/index.ts';
import { addZkEnsembles } from '../../operator/zkensemble/controller.ts';
import { RealApi, namespace } from '../support/real-api.ts';

let api: RealApi;
let client: KubeClient;

beforeAll(async () => {
  api = await RealApi.start();
  client = api.client;
});
afterAll(() => api[Symbol.asyncDispose]());

/** Runs an operator until all is written, and no server comes. */
const operate = () => api.operate((manager) => addZkEnsembles(manager), waits);

async function waits(): Promise<boolean> {
  const { status, metadata } = await client.get(resources.ZkEnsemble, { name: 'main', namespace });
  const isOfSpec = status?.observedGeneration === metadata.generation;
  return isOfSpec && findCondition(status?.conditions, 'Ready')?.reason === 'NoQuorum';
}

const versions = () =>
  api.versions([
    ...[resources.StatefulSet, resources.Service, resources.ConfigMap, resources.Secret, resources.PodDisruptionBudget],
    ...[resources.NetworkPolicy, resources.ZkEnsemble, resources.Event],
  ] as readonly Resource[]);

test('accepts everything that is written for an ensemble, and a second operator writes nothing', async () => {
  await client.create(resources.ZkEnsemble, {
    ...{ apiVersion: 'lockkeeper.io/v1alpha1', kind: 'ZkEnsemble', metadata: { name: 'main', namespace } },
    spec: {
      observers: [{ region: 'east', replicas: 2 }],
      externalMembers: [{ id: 200, host: 'zk.example' }],
      storage: { dataLog: { size: '1Gi' } },
      pod: {
        resources: { limits: { memory: '1Gi', cpu: '1' }, requests: { memory: '1024Mi', cpu: '500m' } },
        tolerations: [{ key: 'dedicated', operator: 'Exists' }],
      },
    },
  } as KubeObject);
  await operate();
  const before = await versions();
  expect(Object.keys(before).filter((name) => !name.startsWith('Event'))).toEqual([
    'StatefulSet main-voters',
    ...['Service main-east-client', 'Service main-home-client', 'Service main-servers'],
    ...['ConfigMap main-connect', 'ConfigMap main-members', 'ConfigMap main-zookeeper'],
    'Secret main-zookeeper-auth',
    ...['PodDisruptionBudget main-observers-east', 'PodDisruptionBudget main-voters'],
    'NetworkPolicy main-zookeeper',
    'ZkEnsemble main',
  ]);
  await operate();
  expect(await versions()).toEqual(before);
});

test('admits the servers’ pods where PodSecurity is restricted', async () => {
  const set = await client.get(resources.StatefulSet, { name: 'main-voters', namespace });
  const { template } = set.spec!;
  const claims = ['data', 'datalog'].map((name) => ({ name, persistentVolumeClaim: { claimName: `${name}-x` } }));
  const pod: Pod = {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { name: 'x', namespace, labels: template.metadata!.labels! },
    spec: { ...template.spec!, volumes: [...template.spec!.volumes!, ...claims], serviceAccountName: 'default' },
  };
  await api.makeDefaultServiceAccount();
  const made = await client.create(resources.Pod, pod);
  expect(made.spec!.containers[0]!.image).toBe('zookeeper:3.9');
  const refused = { ...pod, spec: { ...pod.spec!, hostNetwork: true }, metadata: { ...pod.metadata, name: 'y' } };
  await expect(client.create(resources.Pod, refused)).rejects.toThrow(/violates PodSecurity "restricted/);
});

test('takes changes of the spec on to what is there', async () => {
  const body = { spec: { image: 'zookeeper:3.9.5', observers: null, config: { tickTime: 1000 }, externalMembers: null } };
  await client.patch(resources.ZkEnsemble, { name: 'main', namespace }, { type: 'merge', body });
  await operate();
  const set = await client.get(resources.StatefulSet, { name: 'main-voters', namespace });
  expect(set.spec!.template.spec!.containers[0]!.image).toBe('zookeeper:3.9.5');
  const config = await client.get(resources.ConfigMap, { name: 'main-zookeeper', namespace });
  expect(config.data!['zoo.cfg']).toContain('tickTime=1000');
  expect(Object.keys(await versions()).filter((name) => /^(Service|PodDis)/.test(name))).toEqual([
    ...['Service main-home-client', 'Service main-servers', 'PodDisruptionBudget main-voters'],
  ]);
});
