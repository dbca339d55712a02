import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startZookeeper, TcpProxy, type ZkCluster } from '../servers/index.ts';
import type { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { Load } from './load.ts';
import { untilStopped } from './process-state.ts';
import { PIPELINE, Site, type StartOptions } from './site.ts';
import { Ticker } from './ticker.ts';

/** Two workers with default settings, an ensemble of three, and rows that never stop. The first worker reaches ZooKeeper through proxies. */
const FROZEN_MS = 30_000;
const QUORUM_LOST_MS = 60_000;

let site: Site;
let ensemble: ZkCluster;
let proxies: TcpProxy[];
let load: Load;
let ticker: Ticker;
let workers: LockkeeperProcess[];

beforeAll(async () => {
  [site, ensemble] = await Promise.all([
    // As CanalInstance and SyncPipeline have them by default.
    Site.start({ instance: { heartbeat: {} }, pipeline: { onError: {} } }),
    startZookeeper({ voters: 3 }),
  ]);
  proxies = await Promise.all(ensemble.members.map(({ host, port }) => TcpProxy.start({ host, port })));
  load = new Load(site.source, { seed: 11, perSecond: 100 }).start();
  ticker = await Ticker.start(site.source, site.target);
});

afterAll(async () => {
  await ticker?.stop();
  await load?.stop();
  await Promise.all((proxies ?? []).map((proxy) => proxy.stop()));
  await ensemble?.[Symbol.asyncDispose]();
  await site?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  workers = [];
});

// Also after a failure: the next test's workers have the same names.
afterEach(() => Promise.all(workers.map((worker) => worker.kill9())));

async function launch(id: string, connect: string, options: StartOptions = {}): Promise<LockkeeperProcess> {
  const worker = await site.start({ ...options, args: ['--zookeeper', connect, '--worker-id', id] });
  workers.push(worker);
  return worker;
}

/** A leader and one that waits; rows flow. */
async function pair(options: StartOptions = {}): Promise<[LockkeeperProcess, LockkeeperProcess]> {
  const leader = await launch('leader', proxies.map(({ host, port }) => `${host}:${port}`).join(','), options);
  await leader.untilPhase(PIPELINE, 'running');
  const other = await launch('other', ensemble.connectString);
  await other.untilPhase(PIPELINE, 'following');
  // The second candidate must have joined the queue.
  await sleep(1000);
  await ticker.untilVisible();
  ticker.longestDelay();
  return [leader, other];
}

/** Ends the load for a moment, and everything is there exactly once. */
async function expectExactlyOnce(worker: LockkeeperProcess): Promise<void> {
  await load.pause();
  await ticker.stop();
  await site.expectExactlyOnce(worker);
  await Promise.all(workers.map((each) => each.kill9()));
  load.resume();
  ticker = await Ticker.start(site.source, site.target);
}

async function checkpoint(): Promise<{ epoch: number; leader: string; sequence: number }> {
  const [row] = await site.target.query('SELECT epoch, leader, sequence FROM lockkeeper.checkpoint');
  return { epoch: Number(row?.['epoch']), leader: String(row?.['leader']), sequence: Number(row?.['sequence']) };
}

test('the leader is killed with -9: rows flow again in under 10 s', async () => {
  const [leader, other] = await pair();
  await leader.kill9();
  const flowing = await ticker.untilVisible();
  await sleep(1000);
  const longest = ticker.longestDelay();
  console.log(`kill -9: rows flow again after ${Math.round(flowing)} ms, longest commit to visible ${Math.round(longest)} ms`);
  expect(longest).toBeLessThan(10_000);
  expect((await checkpoint()).leader).toBe('other');
  await expectExactlyOnce(other);
});

test('the leader is asked to go: rows flow again in under 2 s', async () => {
  const [leader, other] = await pair();
  expect(await leader.stop()).toBe(0);
  await ticker.untilVisible();
  await sleep(1000);
  const longest = ticker.longestDelay();
  console.log(`SIGTERM: longest commit to visible ${Math.round(longest)} ms`);
  expect(longest).toBeLessThan(2000);
  expect((await checkpoint()).leader).toBe('other');
  await expectExactlyOnce(other);
});

test('a network cut of 2 s to ZooKeeper changes no leader', async () => {
  const [leader] = await pair();
  const before = await checkpoint();
  for (const proxy of proxies) proxy.freeze();
  await sleep(2000);
  await Promise.all(proxies.map((proxy) => proxy.restore()));
  await sleep(8000); // longer than a session lives
  const after = await checkpoint();
  expect({ epoch: after.epoch, leader: after.leader }).toEqual({ epoch: before.epoch, leader: 'leader' });
  await ticker.untilVisible();
  console.log(`2 s cut: longest commit to visible ${Math.round(ticker.longestDelay())} ms`);
  await expectExactlyOnce(leader);
});

test(`the quorum is lost for ${QUORUM_LOST_MS / 1000} s: writing ends before the session could, nothing is lost`, async () => {
  const [leader] = await pair();
  const [first, second] = ensemble.members;
  await Promise.all([first!.kill9(), second!.kill9()]);
  const lost = performance.now();
  let lastChange = 0;
  let seen = (await checkpoint()).sequence;
  while (performance.now() - lost < QUORUM_LOST_MS) {
    const { sequence } = await checkpoint();
    if (sequence !== seen) lastChange = performance.now() - lost;
    seen = sequence;
    await sleep(50);
  }
  console.log(`quorum lost: last write after ${Math.round(lastChange)} ms`);
  expect(lastChange).toBeLessThan(6000);
  await Promise.all([first!.start(), second!.start()]);
  const back = await ticker.untilVisible();
  console.log(`quorum back: rows flow again after ${Math.round(back)} ms`);
  const end = await checkpoint();
  const now = workers.find((worker) => (end.leader === 'leader') === (worker === leader))!;
  await expectExactlyOnce(now);
});

test(`the leader is frozen for ${FROZEN_MS / 1000} s with a batch in flight: it wakes up and writes nothing`, async () => {
  const [leader, other] = await pair({ failpoint: 'before-commit:150:SIGSTOP' });
  await untilStopped(leader.pid);
  const frozen = performance.now();
  await ticker.untilVisible();
  await sleep(1000);
  console.log(`frozen leader: longest commit to visible ${Math.round(ticker.longestDelay())} ms`);
  const taken = await checkpoint();
  expect(taken.leader).toBe('other');
  await sleep(Math.max(0, FROZEN_MS - (performance.now() - frozen)));
  leader.signal('SIGCONT');
  await leader.until(PIPELINE, ({ fenced }) => fenced > 0, 20);
  expect(await leader.metric('lockkeeper_fenced_writes_total')).toBe(1);
  await sleep(5000);
  const after = await checkpoint();
  expect({ epoch: after.epoch, leader: after.leader }).toEqual({ epoch: taken.epoch, leader: 'other' });
  await expectExactlyOnce(other);
});
