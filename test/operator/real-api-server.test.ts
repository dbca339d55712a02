import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../common/log.ts';
import {
  HttpTransport,
  KubeClient,
  Manager,
  findAccess,
  resources,
  type KubeObject,
  type Live,
  type Pod,
  type Resource,
} from '../../operator/kube/index.ts';
import { addZkEnsembles } from '../../operator/zkensemble/controller.ts';
import { startKubeApiServer, type KubeApiServer } from '../servers/index.ts';

/** The real API server, with nothing behind it that would run a pod: everything that the operator writes is judged by it. */
let server: KubeApiServer;
let client: KubeClient;
const transports: HttpTransport[] = [];
const namespace = 'shop';

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

/** Runs an operator until the ensemble's status says this, and a while longer. */
async function operate(until: (ensemble: Live<KubeObject>) => boolean): Promise<void> {
  const manager = new Manager({ client: await connect(), log: createLogger('silent'), instance: 'operator-0' });
  const added = addZkEnsembles(manager);
  const stopping = new AbortController();
  const running = manager.run(stopping.signal);
  try {
    await expect.poll(async () => until(await ensemble()), { timeout: 60_000 }).toBe(true);
    await sleep(3_000);
  } finally {
    stopping.abort();
    await running;
    await added.stop();
  }
}

const ensemble = () => client.get(resources.ZkEnsemble, { name: 'main', namespace });

async function versions(): Promise<Record<string, string>> {
  const kinds = [
    ...[resources.StatefulSet, resources.Service, resources.ConfigMap, resources.Secret, resources.PodDisruptionBudget],
    ...[resources.NetworkPolicy, resources.ZkEnsemble, resources.Event],
  ] as readonly Resource[];
  const lists = await Promise.all(kinds.map((kind) => client.listAll(kind, { namespace })));
  const all = lists.flatMap(({ items }) => items);
  return Object.fromEntries(all.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]));
}

const waits = ({
  status,
  metadata,
}: Live<KubeObject> & { status?: { observedGeneration?: number; conditions?: readonly { type: string; reason: string }[] } }) =>
  status?.observedGeneration === metadata.generation &&
  status?.conditions?.find(({ type }) => type === 'Ready')?.reason === 'NoQuorum';

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
  await operate(waits);
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
  await operate(waits);
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
  await client.create(resources.ServiceAccount, {
    ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } },
  });
  const made = await client.create(resources.Pod, pod);
  expect(made.spec!.containers[0]!.image).toBe('zookeeper:3.9');
  const refused = { ...pod, spec: { ...pod.spec!, hostNetwork: true }, metadata: { ...pod.metadata, name: 'y' } };
  await expect(client.create(resources.Pod, refused)).rejects.toThrow(/violates PodSecurity "restricted/);
});

test('takes changes of the spec on to what is there', async () => {
  const body = { spec: { image: 'zookeeper:3.9.5', observers: null, config: { tickTime: 1000 }, externalMembers: null } };
  await client.patch(resources.ZkEnsemble, { name: 'main', namespace }, { type: 'merge', body });
  await operate((object) => waits(object));
  const set = await client.get(resources.StatefulSet, { name: 'main-voters', namespace });
  expect(set.spec!.template.spec!.containers[0]!.image).toBe('zookeeper:3.9.5');
  const config = await client.get(resources.ConfigMap, { name: 'main-zookeeper', namespace });
  expect(config.data!['zoo.cfg']).toContain('tickTime=1000');
  expect(Object.keys(await versions()).filter((name) => /^(Service|PodDis)/.test(name))).toEqual([
    ...['Service main-home-client', 'Service main-servers', 'PodDisruptionBudget main-voters'],
  ]);
});
