import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connectedTo } from '../support/kubernetes/connections.ts';
import { condition, isReady } from '../support/kubernetes/objects.ts';
import { OPENING_MS, Shop } from '../support/kubernetes/shop.ts';
import { ZookeeperClient } from '../support/kubernetes/zookeeper-client.ts';

/* What happens to an ensemble while a client writes to it and rows flow. Tests follow each other on the same objects. */

let shop: Shop;
let client: ZookeeperClient;

beforeAll(async () => {
  shop = await Shop.open('e2e-ensemble');
  await shop.fill();
  const { status } = await shop.objects.get('zkensemble', 'main');
  const servers = status!.connectStrings!.find(({ region }) => region === 'home')!.servers;
  client = await ZookeeperClient.start(shop.objects, shop.image, servers);
}, OPENING_MS);
afterAll(() => shop?.close(), 600_000);
afterEach(async () => {
  const { acknowledged, missing, longestGapSeconds } = await client.look();
  console.log(`${acknowledged} writes so far, longest gap ${longestGapSeconds.toFixed(1)} s`);
  expect(acknowledged).toBeGreaterThan(100);
  expect(missing).toEqual([]);
  await shop.flows();
  await shop.pipelinesReady();
  await shop.expectEqual();
  expect(await shop.refusals()).toEqual([]);
});

/** Waits until the ensemble is as its spec says, with so many members. */
async function settled(members: number): Promise<void> {
  const { status } = await shop.objects.until(
    'zkensemble',
    'main',
    (ensemble) =>
      isReady(ensemble) &&
      ensemble.status?.members?.filter(({ ready }) => ready).length === members &&
      condition(ensemble, 'Progressing')?.status === 'False',
    400,
  );
  expect(status!.members).toHaveLength(members);
}

const servers = () => shop.objects.list('pod', 'app.kubernetes.io/name=zookeeper');

test('voters 3 to 5 to 3, and an observer region that goes and comes', async () => {
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
    await shop.objects.patch('zkensemble', 'main', spec);
    await settled(members);
  }
});

test('workers in east are connected to the observer there, and to other servers while it is gone', async () => {
  const { objects } = shop;
  const addresses = async () =>
    new Map((await servers()).map(({ metadata, status }) => [metadata.name, status!.podIP!] as const));
  const inEast = 'app.kubernetes.io/name=worker,lockkeeper.io/region=east';
  // A worker that was led elsewhere while its observer came and went stays there; a new one begins with the nearest.
  await objects.kubectl(['delete', 'pod', '--selector', inEast, '--timeout=60s']);
  await objects.kubectl(['rollout', 'status', 'deployment', '--selector', inEast, '--timeout=120s']);
  const workers = (await objects.list('pod', inEast)).map(({ metadata }) => metadata.name);
  expect(workers).toHaveLength(2);
  const connections = async () => (await Promise.all(workers.map((pod) => connectedTo(objects, pod, 2181)))).flat();
  const observer = 'main-observers-east-0';
  await expect
    .poll(async () => [...new Set(await connections())], { timeout: 120_000, interval: 1_000 })
    .toEqual([(await addresses()).get(observer)]);
  await objects.patch('zkensemble', 'main', { paused: true });
  await objects.until('zkensemble', 'main', (ensemble) => condition(ensemble, 'Paused')?.status === 'True');
  await objects.kubectl(['scale', 'statefulset', 'main-observers-east', '--replicas=0']);
  const others = new Set((await addresses()).values());
  others.delete((await addresses()).get(observer) ?? '');
  await expect
    .poll(
      async () => {
        const now = await connections();
        return now.length >= workers.length && now.every((address) => others.has(address));
      },
      { timeout: 60_000, interval: 500 },
    )
    .toBe(true);
  await shop.flows();
  await objects.patch('zkensemble', 'main', { paused: false });
  await settled(5);
});

describe('each server restarts once, one at a time, the leader last', () => {
  test.each([
    ['image', { image: 'docker.io/library/zookeeper:3.9' }],
    ['configuration', { config: { syncLimit: 6 } }],
  ])('when its %s changes', async (_what, spec) => {
    const before = await servers();
    const { status } = await shop.objects.get('zkensemble', 'main');
    const leader = status!.members!.find(({ mode }) => mode === 'leader')!.pod;
    /** By pod: the order in which they were seen to be replaced. */
    const replaced: string[] = [];
    /** By uid: those that were ready once. A probe that comes late on a busy machine is no restart. */
    const served = new Set(before.map(({ metadata }) => metadata.uid));
    let mostAway = 0;
    await shop.objects.patch('zkensemble', 'main', spec);
    await expect
      .poll(
        async () => {
          const now = await servers();
          for (const { metadata } of before) {
            const isSame = now.some(({ metadata: { uid } }) => uid === metadata.uid);
            if (!isSame && !replaced.includes(metadata.name)) replaced.push(metadata.name);
          }
          for (const { metadata, status: of } of now)
            if (of?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')) served.add(metadata.uid);
          const serving = now.filter(({ metadata }) => served.has(metadata.uid) && metadata.deletionTimestamp === undefined);
          mostAway = Math.max(mostAway, before.length - serving.length);
          return replaced.length;
        },
        { timeout: 400_000, interval: 200 },
      )
      .toBe(before.length);
    await settled(before.length);
    expect(mostAway).toBe(1);
    expect(replaced.filter((pod) => pod.includes('-voters-')).at(-1)).toBe(leader);
    const after = await servers();
    expect(after.map(({ metadata }) => metadata.name).sort()).toEqual(before.map(({ metadata }) => metadata.name).sort());
    // Nobody was replaced a second time.
    const again = await servers();
    expect(again.map(({ metadata }) => metadata.uid).sort()).toEqual(after.map(({ metadata }) => metadata.uid).sort());
  });
});

test('each server killed, one after the other', async () => {
  for (const { metadata, status } of await servers()) {
    const restarts = status?.containerStatuses?.[0]?.restartCount ?? 0;
    await shop.objects.kill(metadata.name);
    await shop.objects.until(
      'pod',
      metadata.name,
      (pod) => pod.metadata.uid !== metadata.uid || (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) > restarts,
    );
    await settled(5);
    await shop.flows();
  }
});
