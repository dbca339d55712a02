import { afterEach, describe, expect, test } from 'vitest';
import { decodeInstanceConfig } from '../../crds/config-codec.ts';
import { resources, type KubeObject, type Resource } from '../../operator/kube/index.ts';
import { InstanceSite, name, namespace, type Operator } from '../support/instance-site.ts';

let site: InstanceSite;
let operator: Operator;

afterEach(() => site.stop());

type Spec = NonNullable<Parameters<InstanceSite['apply']>[0]>;

async function begun(): Promise<void> {
  site = new InstanceSite();
  await site.prepare();
  operator = site.startOperator();
}

async function made(spec: Spec = {}): Promise<void> {
  await begun();
  await site.apply(spec);
  await site.applyPipeline('p');
  await site.settle();
}

const workers = (counts: Readonly<Record<string, number>>): Spec => ({
  workers: Object.entries(counts).map(([region, replicas]) => ({ region, replicas })),
});
const names = (resource: Resource) => site.list(resource).map(({ metadata }) => metadata.name);
const pods = () => site.list(resources.Pod);
const uids = () =>
  pods()
    .map(({ metadata }) => metadata.uid)
    .sort();
const one = <T extends KubeObject>(resource: Resource<T>, called: string) =>
  site.list(resource).find(({ metadata }) => metadata.name === called)!;
const env = (called: string, variable: string) =>
  one(resources.Deployment, called).spec!.template.spec!.containers[0]!.env!.find((each) => each.name === variable)?.value;
const mounted = (called: string) =>
  one(resources.Deployment, called)
    .spec!.template.spec!.containers[0]!.volumeMounts!.map(({ mountPath }) => mountPath)
    .filter((path) => path.startsWith('/etc/lockkeeper/secrets/'))
    .map((path) => path.slice('/etc/lockkeeper/secrets/'.length));
const secretOf = (called: string) => ({ target: { host: 'mysql.east', credentialsSecretRef: { name: called } } });
const warnings = () => site.events().filter((each) => !/^(Created|Updated|Deleted|SourceConfigured)/.test(each));

/** Requests of the operator in an hour in which nothing happens. */
async function requestsInAnHour(): Promise<{ all: number; writes: number }> {
  const { requests, writes } = operator.connection;
  const [all, written] = [requests.length, writes.length];
  await site.clock.advance(3_600_000);
  return { all: requests.length - all, writes: writes.length - written };
}

describe('what is made', () => {
  test('is everything that workers need, and belongs to the instance', async () => {
    await made(workers({ home: 2, east: 1 }));
    expect({
      deployments: names(resources.Deployment),
      budgets: names(resources.PodDisruptionBudget),
      policies: names(resources.NetworkPolicy),
      pods: pods().length,
    }).toEqual({
      ...{ deployments: ['orders-worker-east', 'orders-worker-home'], pods: 3 },
      ...{ budgets: ['orders-workers'], policies: ['orders-workers'] },
    });
    for (const kind of [resources.Deployment, resources.PodDisruptionBudget, resources.NetworkPolicy] as readonly Resource[]) {
      for (const { metadata } of site.list(kind)) {
        expect(metadata.ownerReferences).toMatchObject([{ kind: 'CanalInstance', name, controller: true }]);
      }
    }
    const { status } = site.object()!;
    expect(status).toMatchObject({
      ...{ observedGeneration: 1, pipelines: 1, currentSource: 'mysql.home:3306', flavor: 'mysql', version: '8.4.0' },
      workers: [
        { region: 'home', ready: 2, desired: 2 },
        { region: 'east', ready: 1, desired: 1 },
      ],
    });
    const judged = status!.conditions!.map((each) => [each.type, each.status, each.observedGeneration]);
    expect(judged).toEqual([
      ['Ready', 'True', 1],
      ['Progressing', 'False', 1],
      ['WorkersReady', 'True', 1],
      ['PreflightPassed', 'True', 1],
    ]);
    expect(warnings()).toEqual([]);
  });

  test('starts a worker as the command line takes it, nearest servers first', async () => {
    await made(workers({ home: 1, east: 1, west: 1 }));
    const hosts = (region: string) =>
      env(`orders-worker-${region}`, 'LOCKKEEPER_ZOOKEEPER')!
        .split(',')
        .map((each) => each.replace('.main-servers.shop.svc.cluster.local:2181', ''));
    const voters = ['main-voters-0', 'main-voters-1', 'main-voters-2'];
    const observers = ['main-observers-east-0', 'main-observers-east-1'];
    expect(hosts('east')).toEqual([...observers, ...voters]);
    expect(hosts('home')).toEqual([...voters, ...observers]);
    expect(hosts('west')).toEqual([...voters, ...observers]);
    expect(
      Object.fromEntries(['NAMESPACE', 'INSTANCE', 'REGION'].map((key) => [key, env('orders-worker-east', `LOCKKEEPER_${key}`)])),
    ).toEqual({ NAMESPACE: namespace, INSTANCE: name, REGION: 'east' });
    const { containers, volumes } = one(resources.Deployment, 'orders-worker-east').spec!.template.spec!;
    expect(containers[0]!.args).toEqual(['worker']);
    const file = env('orders-worker-east', 'LOCKKEEPER_ZOOKEEPER_AUTH_FILE')!;
    const mount = containers[0]!.volumeMounts!.find(({ mountPath }) => file.startsWith(`${mountPath}/`))!;
    expect(volumes!.find((volume) => volume.name === mount.name)!.secret).toMatchObject({
      ...{ secretName: 'main-zookeeper-auth', items: [{ key: 'worker-auth', path: file.slice(mount.mountPath.length + 1) }] },
    });
  });

  test('runs under the restricted PodSecurity profile, in its region, without a token, where the PodMonitor finds it', async () => {
    await made(workers({ home: 2, west: 1 }));
    for (const { spec, metadata } of pods()) {
      expect(metadata.labels).toMatchObject({
        ...{ 'app.kubernetes.io/part-of': 'lockkeeper', 'app.kubernetes.io/managed-by': 'lockkeeper' },
        ...{ 'app.kubernetes.io/name': 'worker', 'app.kubernetes.io/instance': name },
      });
      expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        nodeSelector: { 'topology.kubernetes.io/region': metadata.labels!['lockkeeper.io/region'] },
      });
      expect(spec!.containers[0]).toMatchObject({
        ports: [{ name: 'http', containerPort: 9190 }],
        livenessProbe: { httpGet: { path: '/healthz', port: 'http' } },
        readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
        securityContext: {
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true },
          capabilities: { drop: ['ALL'] },
        },
      });
      expect(spec!.volumes).toContainEqual({ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } });
    }
    expect(one(resources.Deployment, 'orders-worker-home').spec!.strategy).toEqual({
      ...{ type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    });
  });

  test('tells workers of the source as the spec is, generation by generation', async () => {
    await made();
    const told = () => decodeInstanceConfig(site.zookeeper.read('/lockkeeper/shop/orders/config')!, name);
    expect(told()).toMatchObject({ namespace, name, generation: 1, source: { master: { host: 'mysql.home', port: 3306 } } });
    await site.apply({ filter: { include: ['shop\\..*'] } });
    await site.settle();
    expect(told()).toMatchObject({ generation: 2, source: { filter: { include: ['shop\\..*'] } } });
    expect(site.object()!.status).toMatchObject({ observedGeneration: 2 });
    expect(site.condition('Ready').status).toBe('True');
  });

  test('is left alone where the name belongs to somebody else', async () => {
    await begun();
    const pod = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'x', image: 'x' }] } };
    await site.user.create(resources.Deployment, {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'orders-worker-home', namespace } },
      spec: { selector: { matchLabels: { app: 'x' } }, template: pod },
    });
    await site.apply();
    await site.settle();
    expect(site.condition('Ready')).toMatchObject({ status: 'False', reason: 'NameTaken' });
    expect(one(resources.Deployment, 'orders-worker-home').spec!.selector.matchLabels).toEqual({ app: 'x' });
  });

  test('has names and labels that Kubernetes takes, whatever the instance is called', async () => {
    await begun();
    const long = 'o'.repeat(63);
    await site.apply(workers({ ['r'.repeat(24)]: 1, home: 1 }), long);
    await site.settle();
    for (const { metadata } of pods()) expect(metadata.name.length).toBeLessThanOrEqual(63);
    expect(pods()).toHaveLength(2);
  });
});

describe('Secrets', () => {
  test('are mounted each by itself, and one that is missing keeps no pod from starting', async () => {
    await made({ tls: { mode: 'Required', caSecretRef: { name: 'source' } } });
    await site.secret('source', { username: 'u', password: 'p', 'ca.crt': 'x' });
    await site.applyPipeline('q', secretOf('target.with.dots'));
    await site.settle();
    expect(mounted('orders-worker-home')).toEqual(['source', 'target', 'target.with.dots']);
    const volumes = one(resources.Deployment, 'orders-worker-home').spec!.template.spec!.volumes!;
    const own = volumes.filter((volume) => volume.name.startsWith('secret-'));
    expect(own.map(({ secret }) => [secret!.secretName, secret!.optional])).toEqual(
      ['source', 'target', 'target.with.dots'].map((called) => [called, true]),
    );
  });

  test('that pipelines name anew restart the workers once for all that are made together', async () => {
    await made();
    const before = one(resources.Deployment, 'orders-worker-home').metadata.generation;
    for (const called of ['a', 'b', 'c', 'd']) {
      await site.applyPipeline(called, secretOf(`target-${called}`));
      await site.round();
    }
    await site.settle();
    expect(mounted('orders-worker-home')).toEqual(['source', 'target', 'target-a', 'target-b', 'target-c', 'target-d']);
    expect(one(resources.Deployment, 'orders-worker-home').metadata.generation).toBe(before! + 1);
    expect(site.object()!.status!.pipelines).toBe(5);
  });

  test('that are mounted already, changed, or needed no more restart nobody', async () => {
    await made();
    const before = uids();
    await site.applyPipeline('same', secretOf('target'));
    await site.settle();
    await site.secret('target', { username: 'u', password: 'rotated' });
    await site.secret('source', { username: 'u', password: 'rotated' });
    await site.settle();
    await site.remove(resources.SyncPipeline, 'p');
    await site.remove(resources.SyncPipeline, 'same');
    await site.settle();
    await site.clock.advance(3_600_000);
    expect(uids()).toEqual(before);
    // The next restart tidies up.
    await operator.stop();
    site.image = { name: 'lockkeeper:2' };
    operator = site.startOperator();
    await site.settle();
    expect(mounted('orders-worker-home')).toEqual(['source']);
  });

  test('keep their content to themselves', async () => {
    await begun();
    await site.secret('source', { username: 'u', password: 'much-ado' });
    await site.secret('main-zookeeper-auth', { 'worker-auth': 'lockkeeper:about-nothing' });
    await site.apply();
    await site.settle();
    const others = JSON.stringify([...site.server.store.all()].filter(({ kind }) => kind !== 'Secret'));
    const znodes = site.zookeeper.paths.map((path) => site.zookeeper.read(path)).join();
    for (const secret of ['much-ado', 'about-nothing']) {
      expect(others + znodes).not.toContain(secret);
      expect(others + znodes).not.toContain(Buffer.from(secret).toString('base64').slice(0, -2));
    }
  });

  test('of a name that is none are not mounted', async () => {
    await made();
    await site.applyPipeline('q', secretOf('../../etc'));
    await site.settle();
    expect(mounted('orders-worker-home')).toEqual(['source', 'target']);
  });
});

describe('an upgrade', () => {
  test('of the operator alone restarts nobody and writes nothing', async () => {
    await made(workers({ home: 2, east: 1 }));
    const before = [uids(), site.server.store.revision];
    await operator.stop();
    operator = site.startOperator();
    await site.settle();
    expect([uids(), site.server.store.revision]).toEqual(before);
  });

  test('of the image takes one worker at a time, and one region at a time where a region has but one', async () => {
    await made(workers({ home: 1, east: 1, west: 1 }));
    await operator.stop();
    site.image = { name: 'lockkeeper:2' };
    operator = site.startOperator();
    let least = 3;
    for (let round = 0; round < 30; round++) {
      await site.round(() => {
        const ready = pods().filter(
          ({ status, metadata }) =>
            metadata.deletionTimestamp === undefined &&
            status?.conditions?.some(({ type, status: judged }) => type === 'Ready' && judged === 'True') === true,
        );
        least = Math.min(least, ready.length);
      });
    }
    expect(least).toBe(2);
    expect(pods().map(({ spec }) => spec!.containers[0]!.image)).toEqual(['lockkeeper:2', 'lockkeeper:2', 'lockkeeper:2']);
  });

  test('is not held up by a region whose worker cannot come up', async () => {
    await made(workers({ home: 1, nowhere: 1 }));
    await operator.stop();
    site.image = { name: 'lockkeeper:2' };
    operator = site.startOperator();
    await site.settle();
    expect(pods().map(({ spec }) => spec!.containers[0]!.image)).toEqual(['lockkeeper:2', 'lockkeeper:2']);
  });
});

describe('what cannot work', () => {
  test.each([
    ['an ensemble that is not there', 'EnsembleMissing', 'spec.zkEnsembleRef.name: there is no ZkEnsemble main', 'ensemble'],
    ['a Secret that is not there', 'SecretMissing', 'spec.credentialsSecretRef.name: there is no Secret shop/source', 'source'],
    ['a key that is not there', 'SecretKeyMissing', 'Secret shop/source has the key username and lacks the key password', 'key'],
    ['an ensemble without passwords', 'EnsembleNotReady', 'its passwords are yet to be made', 'passwords'],
  ])(
    '%s is told once, costs little while it lasts, and is forgotten when it is put right',
    async (_what, reason, message, missing) => {
      await begun();
      if (missing === 'ensemble') await site.remove(resources.ZkEnsemble, 'main');
      if (missing === 'source') await site.remove(resources.Secret, 'source');
      if (missing === 'key') {
        await site.remove(resources.Secret, 'source');
        await site.secret('source', { username: 'u' });
      }
      site.hasPasswords = missing !== 'passwords';
      await site.apply();
      await site.apply({ serverId: 500, credentialsSecretRef: { name: 'target' } }, 'other');
      await site.settle();
      expect(site.condition('Ready')).toMatchObject({
        status: 'False',
        reason,
        message: expect.stringContaining(message) as string,
      });
      expect(names(resources.Deployment)).not.toContain('orders-worker-home');
      const { all, writes } = await requestsInAnHour();
      expect(writes).toBe(0);
      expect(all).toBeLessThan(2_500);
      const told = site.events().filter((each) => each.startsWith(`${reason}: `));
      expect(told).toHaveLength(missing === 'ensemble' || missing === 'passwords' ? 2 : 1);
      if (missing === 'source' || missing === 'key') expect(site.condition('Ready', 'other').status).toBe('True');
      site.hasPasswords = true;
      await site.prepare();
      await site.clock.advance(20_000);
      await site.settle();
      expect(site.condition('Ready')).toMatchObject({ status: 'True', reason: 'SourceServed' });
    },
  );

  test('an ensemble that is not ready is told, and what can be done is done', async () => {
    await begun();
    await site.applyEnsemble({}, 'False');
    await site.apply();
    await site.settle();
    expect(site.condition('Ready')).toMatchObject({ status: 'False', reason: 'EnsembleNotReady' });
    expect(names(resources.Deployment)).toEqual(['orders-worker-home']);
    await site.applyEnsemble({});
    await site.settle();
    expect(site.condition('Ready').status).toBe('True');
  });

  test('a region without nodes is told, and others go on', async () => {
    await made(workers({ home: 1, nowhere: 2 }));
    const message = expect.stringMatching(/nowhere 0 of 2; .*topology.kubernetes.io\/region=nowhere/) as string;
    expect(site.condition('WorkersReady')).toMatchObject({ status: 'False', reason: 'Unschedulable', message });
    expect(site.condition('Ready')).toMatchObject({ status: 'False', reason: 'Unschedulable', message });
    expect(warnings()).toHaveLength(1);
    expect(site.object()!.status!.workers).toContainEqual({ region: 'home', ready: 1, desired: 1 });
    expect((await requestsInAnHour()).writes).toBe(0);
    await site.apply(workers({ home: 1 }));
    await site.settle();
    expect(site.condition('Ready').status).toBe('True');
  });

  test('server ids that meet those of an older instance of the same source stop the younger one only', async () => {
    await made();
    await site.clock.advance(1_000);
    await site.secret('source2', { username: 'u', password: 'p' });
    await site.apply({ serverId: 101, master: { host: 'MySQL.Home' }, credentialsSecretRef: { name: 'source2' } }, 'younger');
    await site.apply({ serverId: 101, master: { host: 'elsewhere' }, credentialsSecretRef: { name: 'source2' } }, 'elsewhere');
    await site.settle();
    expect(site.condition('Ready', 'younger').status).toBe('True');
    await site.applyPipeline('q');
    await site.settle();
    expect(site.condition('Ready', 'younger')).toMatchObject({
      reason: 'ServerIdsMeet',
      message: expect.stringMatching(
        /^spec.serverId: the ids 101 to 101 meet those of CanalInstance shop\/orders, 100 to 101, .* start at 102 or higher/,
      ) as string,
    });
    expect(site.condition('Ready').status).toBe('True');
    expect(site.condition('Ready', 'elsewhere').status).toBe('True');
    expect(warnings()).toHaveLength(1);
    await site.apply({ serverId: 200, master: { host: 'MySQL.Home' }, credentialsSecretRef: { name: 'source2' } }, 'younger');
    await site.settle();
    expect(site.condition('Ready', 'younger').status).toBe('True');
  });
});

describe('status', () => {
  const finding = {
    code: 'LK1101',
    subject: 'source mysql.home:3306: binlog_format',
    found: 'STATEMENT',
    remedy: 'Set it to ROW.',
  };

  test('tells what a worker found wrong with the source, and when it is well again', async () => {
    await begun();
    site.workers.found = { preflight: { at: '', passed: 3, findings: [{ severity: 'error', ...finding }], leftOut: 0 } };
    await site.apply();
    await site.settle();
    const message = 'LK1101 source mysql.home:3306: binlog_format: STATEMENT. Set it to ROW.';
    expect(site.condition('PreflightPassed')).toMatchObject({ status: 'False', reason: 'Errors', message });
    expect(site.condition('Ready')).toMatchObject({ status: 'False', reason: 'PreflightFailed', message });
    expect(warnings()).toEqual([`PreflightFailed: ${message}`]);
    site.workers.found = { preflight: { at: '', passed: 3, findings: [{ severity: 'warning', ...finding }], leftOut: 0 } };
    await site.settle();
    expect(site.condition('PreflightPassed')).toMatchObject({ status: 'True', reason: 'Warnings' });
    expect(site.condition('Ready').status).toBe('True');
  });

  test('is not ready by a report on an older spec', async () => {
    await made();
    site.workers.found = { generation: 1 };
    await site.apply({ heartbeat: { intervalSeconds: 5 } });
    await site.settle();
    expect(site.condition('Ready')).toMatchObject({ status: 'False', reason: 'SourceNotReported' });
    site.workers.found = {};
    await site.settle();
    expect(site.condition('Ready').status).toBe('True');
  });

  test('counts as ready only workers that are ready in Kubernetes and registered in ZooKeeper', async () => {
    await begun();
    site.workers.serves = () => false;
    await site.apply();
    await site.settle();
    expect(site.object()!.status!.workers).toEqual([{ region: 'home', ready: 0, desired: 2 }]);
    expect(site.condition('Ready')).toMatchObject({ status: 'False', reason: 'WorkersMissing' });
    site.workers.serves = () => true;
    await site.settle();
    expect(site.object()!.status!.workers).toEqual([{ region: 'home', ready: 2, desired: 2 }]);
  });

  test('tells what cannot be reached, and goes on when it can', async () => {
    await made();
    site.zookeeper.isDown = true;
    await site.apply({ heartbeat: { intervalSeconds: 5 } });
    await site.settle();
    expect(site.condition('Ready')).toMatchObject({ status: 'Unknown', reason: 'EnsembleUnreachable' });
    const { writes } = await requestsInAnHour();
    expect(writes).toBe(0);
    site.zookeeper.isDown = false;
    await site.clock.advance(15_000);
    await site.settle();
    expect(site.condition('Ready').status).toBe('True');
  });

  test('is written at most every ten seconds where only numbers change', async () => {
    await made();
    const { writes } = operator.connection;
    const before = writes.length;
    const retention = { oldestJournal: 'b.1', oldestTimestamp: null, expireSeconds: 100, slowestPipeline: 'p' };
    for (let second = 0; second < 60; second++) {
      site.workers.found = { binlogRetention: { ...retention, headroomSeconds: 1_000 - second } };
      await site.round();
      await site.round();
    }
    expect(writes.length - before).toBeLessThanOrEqual(7);
    expect(writes.length - before).toBeGreaterThanOrEqual(5);
    await site.settle(600, 15);
    expect(site.object()!.status!.binlogRetention!.headroomSeconds).toBe(941);
  });
});

describe('metrics', () => {
  const shown = async () =>
    (await operator.registry.metrics()).split('\n').filter((line) => line.startsWith('lockkeeper_instance'));

  test('count workers by region from zero on, until the instance is gone', async () => {
    await made(workers({ home: 2, nowhere: 1 }));
    const of = 'namespace="shop",name="orders"';
    expect((await shown()).sort()).toEqual([
      `lockkeeper_instance_workers_wanted{${of},region="home"} 2`,
      `lockkeeper_instance_workers_wanted{${of},region="nowhere"} 1`,
      `lockkeeper_instance_workers{${of},region="home"} 2`,
      `lockkeeper_instance_workers{${of},region="nowhere"} 0`,
    ]);
    await site.remove(resources.CanalInstance, name);
    await site.settle();
    expect(await shown()).toEqual([]);
  });
});

describe('deleting', () => {
  const znodes = () => site.zookeeper.paths.filter((path) => path.startsWith('/lockkeeper/shop/orders'));
  const pipelineZnodes = () => {
    site.zookeeper.put('/lockkeeper/shop/orders/pipelines/p/config', '{}');
    site.zookeeper.put('/lockkeeper/shop/orders/pipelines/p/election', '');
  };
  const left = () => ({
    objects: [
      resources.CanalInstance,
      resources.Deployment,
      resources.Pod,
      resources.PodDisruptionBudget,
      resources.NetworkPolicy,
    ]
      .map((kind) => names(kind as Resource).length)
      .reduce((a, b) => a + b),
    znodes: znodes(),
  });

  test('leaves nothing behind, in Kubernetes or in ZooKeeper', async () => {
    await made();
    pipelineZnodes();
    await site.remove(resources.CanalInstance, name);
    await site.settle();
    expect(left()).toEqual({ objects: 0, znodes: [] });
    expect(names(resources.SyncPipeline)).toEqual(['p']);
    expect(warnings()).toEqual([]);
  });

  test('ends after two minutes though ZooKeeper does not answer', async () => {
    await made();
    site.zookeeper.isDown = true;
    await site.remove(resources.CanalInstance, name);
    await site.settle(100, 4).catch(() => undefined);
    await site.clock.advance(100_000 - 4_000);
    expect(names(resources.CanalInstance)).toEqual([name]);
    await site.clock.advance(30_000);
    await site.settle();
    expect(names(resources.CanalInstance)).toEqual([]);
    expect(site.events().join('\n')).toMatch(
      /CleanupGivenUp: Not everything was removed: ZooKeeper cannot be reached: no server answers/,
    );
  });

  test('counts the two minutes from when an operator begins with it, and asks each pipeline to go', async () => {
    await made();
    pipelineZnodes();
    site.zookeeper.put('/lockkeeper/shop/orders/pipelines/q/config', '{}');
    site.zookeeper.put('/lockkeeper/shop/orders/pipelines/p/election/candidate', '');
    await operator.stop();
    await site.remove(resources.CanalInstance, name);
    await site.clock.advance(300_000);
    operator = site.startOperator();
    for (let round = 0; round < 20; round++) await site.round();
    expect(names(resources.CanalInstance)).toEqual([name]);
    expect(znodes().filter((path) => path.includes('/pipelines/q'))).toEqual([]);
    site.zookeeper.drop('/lockkeeper/shop/orders/pipelines/p/election/candidate');
    await site.settle();
    expect(left()).toEqual({ objects: 0, znodes: [] });
    expect(warnings()).toEqual([]);
  });

  test('tells nobody of a conflict on the way', async () => {
    await made();
    let refused = 0;
    operator.connection.fault = ({ method }) =>
      method === 'DELETE' && refused++ < 2 ? { kind: 'refuse', status: 409, reason: 'Conflict' } : undefined;
    await site.remove(resources.CanalInstance, name);
    await site.settle();
    expect(refused).toBeGreaterThan(2);
    expect(left()).toEqual({ objects: 0, znodes: [] });
    expect(warnings()).toEqual([]);
  });

  test('ends at once though the ensemble is gone, and after two minutes though a worker does not end', async () => {
    await made();
    await site.remove(resources.ZkEnsemble, 'main');
    await site.settle();
    await site.remove(resources.CanalInstance, name);
    await site.settle(10);
    expect(left().objects).toBe(0);
    expect(site.events().join('\n')).toMatch(/CleanupGivenUp: .* ZkEnsemble main is gone/);
  });

  test('ends though a node is lost and its workers never end', async () => {
    await made();
    const [pod] = pods();
    await site.user.patch(resources.Pod, pod!.metadata, { type: 'merge', body: { metadata: { finalizers: ['lost/node'] } } });
    await site.remove(resources.CanalInstance, name);
    for (let round = 0; round < 20; round++) await site.round();
    expect(names(resources.CanalInstance)).toEqual([name]);
    await site.clock.advance(120_000);
    await site.settle();
    expect(names(resources.CanalInstance)).toEqual([]);
    expect(znodes()).toEqual([]);
  });

  const orders = [
    ['ZkEnsemble', 'CanalInstance', 'SyncPipeline'],
    ['ZkEnsemble', 'SyncPipeline', 'CanalInstance'],
    ['CanalInstance', 'ZkEnsemble', 'SyncPipeline'],
    ['CanalInstance', 'SyncPipeline', 'ZkEnsemble'],
    ['SyncPipeline', 'ZkEnsemble', 'CanalInstance'],
    ['SyncPipeline', 'CanalInstance', 'ZkEnsemble'],
  ] as const;
  test.each(orders)('%s, %s, %s, at once or one after the other', async (...kinds) => {
    for (const waits of [false, true]) {
      await made();
      for (const kind of kinds) {
        await site.remove(resources[kind], { ZkEnsemble: 'main', CanalInstance: name, SyncPipeline: 'p' }[kind]);
        if (waits) await site.settle();
      }
      await site.settle(30);
      expect(left().objects).toBe(0);
      if (!waits) await site.stop();
    }
  });

  test('what a pipeline left in ZooKeeper that was away is removed when it is back', async () => {
    await made();
    pipelineZnodes();
    await site.settle();
    expect(znodes()).toContain('/lockkeeper/shop/orders/pipelines/p/config');
    site.zookeeper.isDown = true;
    await site.remove(resources.SyncPipeline, 'p');
    await site.settle();
    site.zookeeper.isDown = false;
    await site.clock.advance(20_000);
    await site.settle();
    expect(znodes().filter((path) => path.includes('/pipelines/'))).toEqual([]);
  });
});
