import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { arrived, flowsAgain } from '../support/kubernetes/ledger.ts';
import { condition, isReady } from '../support/kubernetes/objects.ts';
import { installRelease, releaseName } from '../support/kubernetes/release.ts';
import { exampleObjects, OPENING_MS, Shop } from '../support/kubernetes/shop.ts';

/* Tests follow each other on the same objects. */

const namespace = 'e2e';
let shop: Shop;

beforeAll(async () => {
  shop = await Shop.open(namespace);
}, OPENING_MS);
afterAll(() => shop?.close(), 600_000);
afterEach(async () => {
  expect(await shop.refusals()).toEqual([]);
});

test('Helm installs two operators, of which one leads', async () => {
  const { status } = await shop.system.get('deployment', releaseName);
  expect(status).toMatchObject({ readyReplicas: 2, availableReplicas: 2 });
  await shop.operatorLeads();
});

test('an ensemble forms, with an observer in each far region', async () => {
  await shop.objects.apply(...exampleObjects('ensemble.yaml'));
  const { status } = await shop.objects.until(
    'zkensemble',
    'main',
    (ensemble) => isReady(ensemble) && condition(ensemble, 'ObserversSynced')?.status === 'True',
    300,
  );
  expect(status!.members!.map(({ role, region }) => `${role} ${region}`).sort()).toEqual([
    'observer east',
    'observer west',
    ...Array<string>(3).fill('voter home'),
  ]);
  const nearest = Object.fromEntries(
    status!.connectStrings!.map(({ region, servers }) => [region, servers.split(',')[0]!.split('.')[0]]),
  );
  expect(nearest).toEqual({
    home: expect.stringMatching(/^main-voters-/) as string,
    east: 'main-observers-east-0',
    west: 'main-observers-west-0',
  });
});

test('pipelines are Ready within 60 s of their apply', async () => {
  const begun = performance.now();
  await shop.objects.apply(...exampleObjects('shop.yaml'));
  for (const pipeline of ['shop-to-east', 'shop-to-west']) await shop.objects.untilReady('syncpipeline', pipeline);
  const seconds = (performance.now() - begun) / 1000;
  console.log(`pipelines Ready ${seconds.toFixed(1)} s after their apply`);
  expect(seconds).toBeLessThan(60);
  await shop.flows();
  expect((await shop.leaderOf('shop-to-east')).region).toBe('east');
  expect((await shop.leaderOf('shop-to-west')).region).toBe('west');
  await shop.objects.untilReady('canalinstance', 'shop');
  const [worker] = await shop.objects.list('pod', 'app.kubernetes.io/name=worker,lockkeeper.io/region=east');
  const servers = worker?.spec?.containers[0]?.env?.find(({ name }) => name === 'LOCKKEEPER_ZOOKEEPER')?.value;
  expect(servers).toMatch(/^main-observers-east-0\./);
  await shop.expectEqual();
});

describe('failover', () => {
  test('rows flow again in under 10 s when the leading worker is killed', async () => {
    const { worker, epoch } = await shop.leaderOf('shop-to-east');
    await shop.objects.kill(worker);
    const seconds = await flowsAgain(shop.ledger, shop.east);
    console.log(`rows flow again ${seconds.toFixed(1)} s after kill -9 of the leader`);
    expect(seconds).toBeLessThan(10);
    await shop.objects.until('syncpipeline', 'shop-to-east', ({ status }) => (status?.leader?.epoch ?? 0) > epoch);
    await shop.objects.untilReady('syncpipeline', 'shop-to-east');
    await shop.expectEqual();
  });

  test('works while no operator is there for two minutes', async () => {
    const absent = performance.now();
    const { worker } = await shop.leaderOf('shop-to-east');
    let before: readonly string[];
    try {
      await shop.system.kubectl(['scale', 'deployment', releaseName, '--replicas=0']);
      for (const { metadata } of await shop.system.list('pod')) await shop.system.kill(metadata.name).catch(() => undefined);
      await expect.poll(async () => (await shop.system.list('pod')).length, { timeout: 60_000 }).toBe(0);
      await shop.objects.kill(worker);
      const seconds = await flowsAgain(shop.ledger, shop.east);
      console.log(`rows flow again ${seconds.toFixed(1)} s after kill -9 of the leader, without an operator`);
      expect(seconds).toBeLessThan(10);
      await sleep(Math.max(0, 120_000 - (performance.now() - absent)));
      await shop.flows();
      before = await shop.workers();
    } finally {
      await shop.system.kubectl(['scale', 'deployment', releaseName, '--replicas=2']);
      await shop.system.kubectl(['rollout', 'status', `deployment/${releaseName}`, '--timeout=120s']);
    }
    await shop.objects.until('syncpipeline', 'shop-to-east', ({ status }) => (status?.leader?.worker ?? worker) !== worker);
    await shop.objects.untilReady('syncpipeline', 'shop-to-east');
    expect(await shop.workers()).toEqual(before);
    await shop.expectEqual();
  });
});

describe('what people change', () => {
  test('Paused and Stopped hold a pipeline, Running lets it go on', async () => {
    for (const state of ['Paused', 'Stopped']) {
      await shop.objects.patch('syncpipeline', 'shop-to-east', { state });
      await shop.objects.until(
        'syncpipeline',
        'shop-to-east',
        ({ status, metadata }) => status?.observedGeneration === metadata.generation,
      );
      await sleep(3_000);
      const held = await arrived(shop.east);
      await flowsAgain(shop.ledger, shop.west);
      await sleep(2_000);
      expect(await arrived(shop.east), state).toBe(held);
      await shop.objects.patch('syncpipeline', 'shop-to-east', { state: 'Running' });
      await flowsAgain(shop.ledger, shop.east);
      await shop.objects.untilReady('syncpipeline', 'shop-to-east');
    }
    await shop.expectEqual();
  });

  test('a rotated Secret is taken up without a restart', async () => {
    const before = await shop.workers();
    await shop.home.query(`ALTER USER lockkeeper@'%' IDENTIFIED BY 'changed'`);
    await shop.objects.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'shop-source', namespace },
      stringData: { username: 'lockkeeper', password: 'changed' },
    });
    // As after the next lost connection: whoever is connected must sign in anew.
    for (const row of await shop.home.query(`SELECT id FROM information_schema.processlist WHERE user='lockkeeper'`))
      await shop.home.query(`KILL ${Number(row['ID'] ?? row['id'])}`).catch(() => undefined);
    const seconds = await shop.flows(180); // the kubelet brings a Secret's change within about a minute
    console.log(`rows flow again ${seconds.toFixed(1)} s after the Secret's rotation`);
    expect(await shop.workers()).toEqual(before);
    await shop.objects.untilReady('syncpipeline', 'shop-to-east');
    await shop.expectEqual();
  });

  test('mistakes of people become conditions and Events, and harm nobody else', async () => {
    const { objects } = shop;
    const target = { host: 'mysql-east', port: 3306, credentialsSecretRef: { name: 'shop-target' } };
    const pipeline = (name: string, spec: object) => ({
      ...{ apiVersion: 'lockkeeper.io/v1alpha1', kind: 'SyncPipeline', metadata: { name, namespace } },
      spec: { canalInstanceRef: { name: 'shop' }, region: 'east', target, tables: [{ source: 'shop.nothing' }], ...spec },
    });
    const wrong = {
      'no-secret': [{ target: { ...target, credentialsSecretRef: { name: 'nowhere' } } }, 'SecretMissing', 'nowhere'],
      'no-instance': [{ canalInstanceRef: { name: 'nobody' } }, 'InstanceMissing', 'nobody'],
      'no-region': [{ region: 'moon' }, 'RegionWithoutWorkers', 'spec.region'],
      'same-table': [{ tables: [] }, 'TargetOverlap', 'shop-to-east'],
    } as const;
    await objects.apply(...Object.entries(wrong).map(([name, [spec]]) => pipeline(name, spec)));
    for (const [name, [, reason, named]] of Object.entries(wrong)) {
      const found = await objects.until('syncpipeline', name, (object) => condition(object, 'Ready')?.reason === reason);
      expect(condition(found, 'Ready')).toMatchObject({ status: 'False', message: expect.stringContaining(named) as string });
      await expect
        .poll(() => objects.events())
        .toContainEqual(expect.stringMatching(new RegExp(`^SyncPipeline ${name} ${reason}: `)) as string);
    }
    const refused = await objects.apply(pipeline('mistyped', { target: { ...target, prot: 3306 } })).catch(String);
    expect(refused).toMatch(/spec\.target.*"prot"/);
    const even = { apiVersion: 'lockkeeper.io/v1alpha1', kind: 'ZkEnsemble', metadata: { name: 'even', namespace } };
    expect(await objects.apply({ ...even, spec: { voters: { replicas: 4 } } }).catch(String)).toMatch(/voters/);
    // A region without nodes.
    const lunar = { apiVersion: 'lockkeeper.io/v1alpha1', kind: 'ZkEnsemble', metadata: { name: 'lunar', namespace } };
    await objects.apply({ ...lunar, spec: { voters: { region: 'moon', replicas: 1 }, storage: { ephemeral: true } } });
    const nowhere = await objects.until('zkensemble', 'lunar', (object) => condition(object, 'Degraded')?.status === 'True');
    expect(condition(nowhere, 'Degraded')!.message).toContain('topology.kubernetes.io/region=moon');
    // Nothing is tried again and again meanwhile.
    const versions = async () =>
      (await objects.list('syncpipeline')).flatMap(({ metadata }) =>
        metadata.name in wrong ? [`${metadata.name} ${metadata.resourceVersion}`] : [],
      );
    await sleep(3_000);
    const quiet = await versions();
    await sleep(15_000);
    expect(await versions()).toEqual(quiet);
    for (const name of Object.keys(wrong)) await objects.kubectl(['delete', 'syncpipeline', name, '--timeout=60s']);
    await objects.kubectl(['delete', 'zkensemble', 'lunar', '--timeout=120s']);
    await shop.flows();
    await shop.pipelinesReady();
    await shop.expectEqual();
  });

  test('an upgrade of the chart restarts no worker whose configuration did not change', async () => {
    await shop.workersSettle(); // from the Secrets that came and went before
    const before = await shop.workers();
    await installRelease(shop.cluster, shop.image, { logLevel: 'debug', podAnnotations: { 'example.com/upgrade': 'one' } });
    await shop.operatorLeads();
    await sleep(10_000);
    expect(await shop.workers()).toEqual(before);
    await shop.expectEqual();
  });

  test('an upgrade of the workers under load leaves both copies equal', async () => {
    const before = await shop.workers();
    await installRelease(shop.cluster, shop.image, { image: { pullPolicy: 'Never' } });
    await expect
      .poll(async () => (await shop.workers()).filter((worker) => before.includes(worker)).length, {
        timeout: 240_000,
        interval: 1_000,
      })
      .toBe(0);
    await shop.workersSettle();
    await shop.flows();
    await shop.pipelinesReady();
    await shop.expectEqual();
  });
});
