import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ensureCluster, regions, type Cluster } from '../cluster/cluster.ts';
import { expectSameData } from '../servers/index.ts';
import { ClusterDatabase } from '../support/kubernetes/database.ts';
import { arrived, flowsAgain, Ledger } from '../support/kubernetes/ledger.ts';
import { condition, isReady, Objects } from '../support/kubernetes/objects.ts';
import { installRelease, loadLockkeeper, releaseName, releaseNamespace, removeRelease } from '../support/kubernetes/release.ts';
import { ZookeeperClient } from '../support/kubernetes/zookeeper-client.ts';

/*
 * The operator as its chart installs it, with the rights that the chart gives it, on a cluster of three regions: a source at home, copies
 * in east and west, and customers who write all the while. Tests follow each other on the same objects.
 */

const namespace = 'e2e';
const examples = join(import.meta.dirname, '../../docs/examples');
const documents = (file: string) =>
  parseAllDocuments(readFileSync(join(examples, file), 'utf8')).map((document) => document.toJS() as object);

let cluster: Cluster;
let image: string;
let objects: Objects;
let system: Objects;
let home: ClusterDatabase;
let east: ClusterDatabase;
let west: ClusterDatabase;
let ledger: Ledger;

beforeAll(async () => {
  cluster = await ensureCluster();
  [objects, system] = [new Objects(cluster, namespace), new Objects(cluster, releaseNamespace)];
  image = await loadLockkeeper(cluster);
  await installRelease(cluster, image);
  await removeAll();
  [home, east, west] = (await Promise.all(regions.map((region) => ClusterDatabase.start(cluster, namespace, region)))) as [
    ClusterDatabase,
    ClusterDatabase,
    ClusterDatabase,
  ];
  for (const database of [home, east, west]) await database.addAccount('lockkeeper', 'change-me');
  ledger = new Ledger(home);
  await ledger.create();
  ledger.start();
}, 5_400_000); // the first time, all of Kubernetes is built

afterAll(async () => {
  await ledger?.stop().catch(() => undefined);
  if (cluster === undefined || process.env['LOCKKEEPER_KEEP']) return;
  await removeAll();
  await removeRelease(cluster);
}, 600_000);

async function removeAll(): Promise<void> {
  for (const kinds of ['syncpipelines,canalinstances', 'zkensembles'])
    await objects.kubectl(['delete', kinds, '--all', '--ignore-not-found', '--timeout=180s']);
  await objects.removeNamespace();
}

const leaderOf = async (pipeline: string) =>
  (await objects.until('syncpipeline', pipeline, ({ status }) => status?.leader !== undefined)).status!.leader!;
const flows = async (limit = 60) => {
  const [toEast, toWest] = await Promise.all([flowsAgain(ledger, east, limit), flowsAgain(ledger, west, limit)]);
  return Math.max(toEast, toWest);
};
/** Uid and restarts of each worker. */
const workers = async () =>
  (await objects.list('pod', 'app.kubernetes.io/name=worker'))
    .map(({ metadata, status }) => `${metadata.uid} ${status?.containerStatuses?.[0]?.restartCount ?? 0}`)
    .sort();

/** Stops the customers, compares all sides, and lets them go on. */
async function expectEqual(): Promise<void> {
  await ledger.stop();
  for (const target of [east, west]) {
    await expect.poll(() => arrived(target), { timeout: 60_000 }).toBe(ledger.committed);
    await expectSameData(home, target, { schemaMap: { shop: 'shop' } });
    expect(Number((await target.query('SELECT n FROM shop.counter'))[0]?.['n'])).toBe(ledger.committed);
  }
  ledger.start();
}

test('Helm installs two operators, of which one leads', async () => {
  const { status } = await system.get('deployment', releaseName);
  expect(status).toMatchObject({ readyReplicas: 2, availableReplicas: 2 });
  const { spec } = await system.until('lease', releaseName, (lease) => (lease.spec?.holderIdentity ?? '') !== '');
  const pods = await system.list('pod');
  expect(pods.map(({ metadata }) => metadata.name)).toContain(spec!.holderIdentity!.split('_')[0]);
});

test('an ensemble forms, with an observer in each far region', async () => {
  await objects.apply(...documents('ensemble.yaml'));
  const { status } = await objects.until(
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
  await objects.apply(...documents('shop.yaml'));
  for (const pipeline of ['shop-to-east', 'shop-to-west']) await objects.untilReady('syncpipeline', pipeline);
  const seconds = (performance.now() - begun) / 1000;
  console.log(`pipelines Ready ${seconds.toFixed(1)} s after their apply`);
  expect(seconds).toBeLessThan(60);
  await flows();
  expect((await leaderOf('shop-to-east')).region).toBe('east');
  expect((await leaderOf('shop-to-west')).region).toBe('west');
  await objects.untilReady('canalinstance', 'shop');
  const [worker] = await objects.list('pod', 'app.kubernetes.io/name=worker,lockkeeper.io/region=east');
  const servers = worker?.spec?.containers[0]?.env?.find(({ name }) => name === 'LOCKKEEPER_ZOOKEEPER')?.value;
  expect(servers).toMatch(/^main-observers-east-0\./);
  await expectEqual();
});

describe('failover', () => {
  test('rows flow again in under 10 s when the leading worker is killed', async () => {
    const { worker, epoch } = await leaderOf('shop-to-east');
    await objects.kill(worker);
    const seconds = await flowsAgain(ledger, east);
    console.log(`rows flow again ${seconds.toFixed(1)} s after kill -9 of the leader`);
    expect(seconds).toBeLessThan(10);
    await objects.until('syncpipeline', 'shop-to-east', ({ status }) => (status?.leader?.epoch ?? 0) > epoch);
    await objects.untilReady('syncpipeline', 'shop-to-east');
    await expectEqual();
  });

  test('works while no operator is there for two minutes', async () => {
    const absent = performance.now();
    const { worker } = await leaderOf('shop-to-east');
    let before: readonly string[];
    try {
      await system.kubectl(['scale', 'deployment', releaseName, '--replicas=0']);
      for (const { metadata } of await system.list('pod')) await system.kill(metadata.name).catch(() => undefined);
      await expect.poll(async () => (await system.list('pod')).length, { timeout: 60_000 }).toBe(0);
      await objects.kill(worker);
      const seconds = await flowsAgain(ledger, east);
      console.log(`rows flow again ${seconds.toFixed(1)} s after kill -9 of the leader, without an operator`);
      expect(seconds).toBeLessThan(10);
      await sleep(Math.max(0, 120_000 - (performance.now() - absent)));
      await flows();
      before = await workers();
    } finally {
      await system.kubectl(['scale', 'deployment', releaseName, '--replicas=2']);
      await system.kubectl(['rollout', 'status', `deployment/${releaseName}`, '--timeout=120s']);
    }
    await objects.until('syncpipeline', 'shop-to-east', ({ status }) => (status?.leader?.worker ?? worker) !== worker);
    await objects.untilReady('syncpipeline', 'shop-to-east');
    expect(await workers()).toEqual(before);
    await expectEqual();
  });
});

describe('what people change', () => {
  test('Paused and Stopped hold a pipeline, Running lets it go on', async () => {
    for (const state of ['Paused', 'Stopped']) {
      await objects.patch('syncpipeline', 'shop-to-east', { state });
      await objects.until(
        'syncpipeline',
        'shop-to-east',
        ({ status, metadata }) => status?.observedGeneration === metadata.generation,
      );
      await sleep(3_000);
      const held = await arrived(east);
      await flowsAgain(ledger, west);
      await sleep(2_000);
      expect(await arrived(east), state).toBe(held);
      await objects.patch('syncpipeline', 'shop-to-east', { state: 'Running' });
      await flowsAgain(ledger, east);
      await objects.untilReady('syncpipeline', 'shop-to-east');
    }
    await expectEqual();
  });

  test('a rotated Secret is taken up without a restart', async () => {
    const before = await workers();
    await home.query(`ALTER USER lockkeeper@'%' IDENTIFIED BY 'changed'`);
    await objects.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'shop-source', namespace },
      stringData: { username: 'lockkeeper', password: 'changed' },
    });
    // As after the next lost connection: whoever is connected must sign in anew.
    for (const row of await home.query(`SELECT id FROM information_schema.processlist WHERE user='lockkeeper'`))
      await home.query(`KILL ${Number(row['ID'] ?? row['id'])}`).catch(() => undefined);
    const seconds = await flows(180); // the kubelet brings a Secret's change within about a minute
    console.log(`rows flow again ${seconds.toFixed(1)} s after the Secret's rotation`);
    expect(await workers()).toEqual(before);
    await objects.untilReady('syncpipeline', 'shop-to-east');
    await expectEqual();
  });

  test('voters 3 to 5 to 3 and an observer region that goes and comes, with no lost write', async () => {
    const { status } = await objects.get('zkensemble', 'main');
    const servers = status!.connectStrings!.find(({ region }) => region === 'home')!.servers;
    const client = await ZookeeperClient.start(objects, image, servers);
    const observers = [
      { region: 'east', replicas: 1 },
      { region: 'west', replicas: 1 },
    ];
    for (const [spec, members] of [
      [{ voters: { replicas: 5 } }, 7],
      [{ observers: observers.slice(0, 1) }, 6],
      [{ observers }, 7],
      [{ voters: { replicas: 3 } }, 5],
    ] as const) {
      await objects.patch('zkensemble', 'main', spec);
      const { status: after } = await objects.until(
        'zkensemble',
        'main',
        (ensemble) =>
          isReady(ensemble) &&
          ensemble.status?.members?.filter(({ ready }) => ready).length === members &&
          condition(ensemble, 'Progressing')?.status === 'False',
        300,
      );
      expect(after!.members).toHaveLength(members);
    }
    const written = await client.look();
    console.log(`${written.acknowledged} writes, longest gap ${written.longestGapSeconds.toFixed(1)} s`);
    expect(written.acknowledged).toBeGreaterThan(100);
    expect(written.missing).toEqual([]);
    await client.stop();
    await flows();
    await expectEqual();
  });

  test('an upgrade of the chart restarts no worker whose configuration did not change', async () => {
    const before = await workers();
    await installRelease(cluster, image, { logLevel: 'debug', podAnnotations: { 'example.com/upgrade': 'one' } });
    await system.until('lease', releaseName, (lease) => (lease.spec?.holderIdentity ?? '') !== '');
    await sleep(10_000);
    expect(await workers()).toEqual(before);
    await expectEqual();
  });

  test('an upgrade of the workers under load leaves both copies equal', async () => {
    const before = await workers();
    await installRelease(cluster, image, { image: { pullPolicy: 'Never' } });
    await expect
      .poll(async () => (await workers()).filter((worker) => before.includes(worker)).length, {
        timeout: 240_000,
        interval: 1_000,
      })
      .toBe(0);
    await objects.kubectl(['rollout', 'status', 'deployment', '--selector=app.kubernetes.io/name=worker', '--timeout=180s']);
    await flows();
    for (const pipeline of ['shop-to-east', 'shop-to-west']) await objects.untilReady('syncpipeline', pipeline);
    await expectEqual();
  });
});

describe('deletion', () => {
  const kinds = ['syncpipeline', 'canalinstance', 'zkensemble'] as const;
  const orders = kinds.flatMap((first) =>
    kinds
      .filter((kind) => kind !== first)
      .map((second) => [first, second, kinds.find((kind) => kind !== first && kind !== second)!] as const),
  );
  const left = async () => {
    const selector = 'app.kubernetes.io/managed-by=lockkeeper';
    const lists = await Promise.all(
      (['pod', 'deployment', 'statefulset', 'service', 'configmap', 'persistentvolumeclaim'] as const).map((kind) =>
        objects.list(kind, selector),
      ),
    );
    return lists.flat().map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  };

  beforeAll(() => home.query(`ALTER USER lockkeeper@'%' IDENTIFIED BY 'change-me'`));

  test.each(orders)('in the order %s, %s, %s leaves nothing behind', async (...order) => {
    await objects.apply(...documents('ensemble.yaml'), ...documents('shop.yaml'));
    await objects.untilReady('zkensemble', 'main', 300);
    for (const pipeline of ['shop-to-east', 'shop-to-west']) await objects.untilReady('syncpipeline', pipeline, 180);
    for (const kind of order) await objects.kubectl(['delete', kind, '--all', '--wait=false']);
    for (const kind of kinds)
      await expect.poll(async () => (await objects.list(kind)).length, { timeout: 180_000, interval: 500 }).toBe(0);
    await expect.poll(left, { timeout: 120_000, interval: 1_000 }).toEqual([]);
  });
});
