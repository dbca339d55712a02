import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../common/log.ts';
import { ZkClient } from '../../common/zookeeper/client.ts';
import { configPath, electionPath, pipelinePath, statusPath, workerPath } from '../../common/zookeeper/paths.ts';
import { ZkSession } from '../../common/zookeeper/session.ts';
import { canalInstanceSchema, syncPipelineSchema } from '../../crds/index.ts';
import { compilePipeline, type PipelineConfig } from '../../crds/pipeline-config.ts';
import { parseQueue } from '../../worker/coordination/candidate-queue.ts';
import { ConfigStore } from '../../worker/coordination/config-store.ts';
import { coordinatorContract } from '../../worker/coordination/coordinator.contract.ts';
import { Election } from '../../worker/coordination/election.ts';
import { StatusStore } from '../../worker/coordination/status-store.ts';
import { ZookeeperCoordinator, type CoordinatorTimings } from '../../worker/coordination/zookeeper-coordinator.ts';
import { startZookeeper, TcpProxy, type ZkCluster } from '../servers/index.ts';
import { expectNoOverlap, killWorkers, WorkerChild } from './coordination-helpers.ts';
import type { WorkerOptions } from './coordination-worker.ts';

const SESSION_MS = 6_000;
const quick: Partial<CoordinatorTimings> = {
  settleMs: 500,
  staggerMs: 200,
  spreadCheckMs: 200,
  spreadIntervalMs: 500,
  settledMs: 1_000,
};

let cluster: ZkCluster;
let namespaces = 0;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  // Short ticks, as the servers round a session's end up to the next; patient with each other, as the machine may be busy.
  cluster = await startZookeeper({ voters: 3, observers: 1, tickTime: 500, config: { initLimit: 40, syncLimit: 20 } });
});
afterAll(() => cluster.stop());
afterEach(async () => {
  killWorkers();
  await Promise.all(open.splice(0).map((each) => each.close()));
});

const newNamespace = () => `n${++namespaces}`;
const pipelinesOf = (count: number, region = 'home') => Array.from({ length: count }, (_, i) => ({ name: `p${i}`, region }));
const report = (what: string, ms: number) => console.log(`${what}: ${Math.round(ms)} ms`);
const until = (what: () => unknown, timeout = 30_000) => expect.poll(what, { timeout, interval: 10 });

function startWorker(namespace: string, id: string, options: Partial<WorkerOptions> = {}): WorkerChild {
  return new WorkerChild({
    ...{ servers: cluster.connectString, namespace, id, region: 'home', pipelines: pipelinesOf(1) },
    ...{ sessionTimeoutMs: SESSION_MS, timings: quick, ...options },
  });
}

/** Workers w0, w1... of one namespace, once all are in the queue of each pipeline. */
async function startWorkers(count: number, options: Partial<WorkerOptions> = {}) {
  const namespace = newNamespace();
  const workers = Array.from({ length: count }, (_, i) => startWorker(namespace, `w${i}`, options));
  await until(() => workers.flatMap((worker) => worker.leading()).length).toBe((options.pipelines ?? pipelinesOf(1)).length);
  const session = await connect();
  for (const { name } of options.pipelines ?? pipelinesOf(1)) {
    await until(async () => (await queueOf(session, namespace, name)).length).toBe(count);
  }
  return { namespace, workers, session };
}

async function connect(): Promise<ZkSession> {
  const session = new ZkSession({ servers: cluster.connectString });
  open.push(session);
  await session.whenConnected();
  return session;
}

async function queueOf(session: ZkSession, namespace: string, pipeline = 'p0') {
  return parseQueue(await session.children(electionPath({ namespace, instance: 'orders' }, pipeline)).catch(() => []));
}

/** The leader, and the others in the order in which they would follow. */
async function ranked(session: ZkSession, namespace: string, workers: readonly WorkerChild[]): Promise<WorkerChild[]> {
  return (await queueOf(session, namespace)).map(({ worker }) => workers.find(({ id }) => id === worker)!);
}

describe('takeover', () => {
  test('after kill -9 of the leader, twice', async () => {
    const { namespace, workers, session } = await startWorkers(3);
    for (let round = 0; round < 2; round++) {
      const [leader, next] = await ranked(session, namespace, workers);
      const killedAt = Date.now();
      leader!.signal('SIGKILL');
      const { at } = await next!.until('lead', killedAt);
      report('takeover after kill -9 (session timeout 6 s)', at - killedAt);
      expect(at - killedAt).toBeLessThan(SESSION_MS + 1_500);
    }
    expectNoOverlap(workers, 'p0');
  });

  test('after kill -9, with a session timeout of 3 s', async () => {
    const { namespace, workers, session } = await startWorkers(2, { sessionTimeoutMs: 3_000 });
    const [leader, next] = await ranked(session, namespace, workers);
    const killedAt = Date.now();
    leader!.signal('SIGKILL');
    const { at } = await next!.until('lead', killedAt);
    report('takeover after kill -9 (session timeout 3 s)', at - killedAt);
    expect(at - killedAt).toBeLessThan(4_500);
  });

  test('after SIGTERM of the leader, in well under a second', async () => {
    const { namespace, workers, session } = await startWorkers(3);
    for (let round = 0; round < 2; round++) {
      const [leader, next] = await ranked(session, namespace, workers);
      const toldAt = Date.now();
      leader!.signal('SIGTERM');
      const { at } = await next!.until('lead', toldAt);
      report('takeover after SIGTERM', at - toldAt);
      expect(at - toldAt).toBeLessThan(1_000);
      await leader!.exited;
      expect(leader!.all('stopped')).toHaveLength(1);
    }
    expectNoOverlap(workers, 'p0');
  });

  test('of a frozen leader, which writes nothing when it wakes', async () => {
    const { namespace, workers, session } = await startWorkers(2);
    const [leader, next] = await ranked(session, namespace, workers);
    const frozenAt = Date.now();
    leader!.signal('SIGSTOP');
    const { at } = await next!.until('lead', frozenAt);
    report('takeover of a frozen leader', at - frozenAt);
    expect(at - frozenAt).toBeLessThan(SESSION_MS + 1_500);
    await sleep(Math.max(0, frozenAt + 11_000 - Date.now()));
    const wokenAt = Date.now();
    leader!.signal('SIGCONT');
    const end = await leader!.until('end', wokenAt);
    report('old leader’s term ended after waking', end.at - wokenAt);
    expect(end.detail).toBe('session ended');
    expect(leader!.all('wrote', wokenAt - 50).length).toBe(0);
    await leader!.until('follow', wokenAt); // in a new session
    expect(next!.leading()).toEqual(['p0']);
    expectNoOverlap(workers, 'p0');
  });

  test('when somebody deletes the leader’s node', async () => {
    const { namespace, workers, session } = await startWorkers(2);
    const [leader, next] = await ranked(session, namespace, workers);
    const [first] = await queueOf(session, namespace);
    const deletedAt = Date.now();
    await session.delete(`${electionPath({ namespace, instance: 'orders' }, 'p0')}/${first!.node}`);
    await next!.until('lead', deletedAt);
    expect((await leader!.until('end', deletedAt)).detail).toBe('deposed');
    await leader!.until('follow', deletedAt);
  });
});

describe('no takeover', () => {
  test('on a cut of the leader’s network for 2 s', async () => {
    const proxies = await Promise.all(cluster.members.map((member) => TcpProxy.start(member)));
    const namespace = newNamespace();
    const leader = startWorker(namespace, 'behind', { servers: proxies.map(({ port }) => `127.0.0.1:${port}`).join(',') });
    await leader.until('lead');
    const other = startWorker(namespace, 'other');
    await other.until('follow');
    const cutAt = Date.now();
    await Promise.all(proxies.map((proxy) => proxy.cut()));
    await sleep(2_000);
    await Promise.all(proxies.map((proxy) => proxy.restore()));
    const back = await leader.until('state', cutAt + 2_000);
    report('cut of 2 s, connected again after', back.at - cutAt);
    await sleep(SESSION_MS);
    expect([leader.leading(), leader.all('end'), other.all('lead')]).toEqual([['p0'], [], []]);
    console.log(`cut of 2 s: ${leader.all('pause').length} pauses`);
    for (const proxy of proxies) await proxy.cut();
  });

  test('on a silent network for 2 s', async () => {
    const proxies = await Promise.all(cluster.members.map((member) => TcpProxy.start(member)));
    const namespace = newNamespace();
    const leader = startWorker(namespace, 'behind', { servers: proxies.map(({ port }) => `127.0.0.1:${port}`).join(',') });
    await leader.until('lead');
    const other = startWorker(namespace, 'other');
    await other.until('follow');
    for (const proxy of proxies) proxy.freeze();
    await sleep(2_000);
    await Promise.all(proxies.map((proxy) => proxy.restore()));
    await sleep(SESSION_MS);
    expect([leader.leading(), leader.all('end'), other.all('lead')]).toEqual([['p0'], [], []]);
    for (const proxy of proxies) await proxy.cut();
  });

  test('on a loss of quorum: the leader pauses in time and resumes its term', async () => {
    const { namespace, workers, session } = await startWorkers(2);
    const [leader, other] = await ranked(session, namespace, workers);
    const [, b, c] = cluster.members;
    const lostAt = Date.now();
    await Promise.all([b!.kill9(), c!.kill9()]);
    const pause = await leader!.until('pause', lostAt);
    report('quorum lost, paused after', pause.at - lostAt);
    expect(pause.at - lostAt).toBeLessThan(SESSION_MS - 1_000);
    await sleep(SESSION_MS + 2_000);
    const pausedWrites = leader!.all('wrote', pause.at + 50);
    expect(pausedWrites).toEqual([]);
    const returnAt = Date.now();
    await Promise.all([b!.start(), c!.start()]);
    const resume = await leader!.until('resume', returnAt);
    report('quorum back (servers started), resumed after', resume.at - returnAt);
    await sleep(SESSION_MS);
    expect([leader!.leading(), leader!.all('end'), other!.all('lead')]).toEqual([['p0'], [], []]);
  });

  test('on frozen voters, though the observer that the leader is connected to still answers reads', async () => {
    const namespace = newNamespace();
    const observer = cluster.members[3]!;
    const leader = startWorker(namespace, 'near', { servers: `127.0.0.1:${observer.port}` });
    await leader.until('lead');
    const frozenAt = Date.now();
    const voters = cluster.members.slice(0, 3);
    for (const voter of voters) voter.sigstop();
    const pause = await leader.until('pause', frozenAt);
    report('voters frozen, paused after', pause.at - frozenAt);
    expect(pause.at - frozenAt).toBeLessThan(SESSION_MS - 1_000);
    for (const voter of voters) voter.sigcont();
    await until(() => leader.all('resume', pause.at).length + leader.all('lead', pause.at).length).toBeGreaterThan(0);
  });

  test('when the observer dies that the leader is connected to', async () => {
    const namespace = newNamespace();
    const observer = cluster.members[3]!;
    const servers = [observer, ...cluster.members.slice(0, 3)].map(({ port }) => `127.0.0.1:${port}`).join(',');
    const leader = startWorker(namespace, 'near', { servers });
    await leader.until('lead');
    expect((await leader.until('state')).detail).toBe(`connected 127.0.0.1:${observer.port}`);
    const killedAt = Date.now();
    await observer.kill9();
    await until(() => leader.all('state', killedAt).map(({ detail }) => detail)).toEqual([
      'suspended',
      `connected 127.0.0.1:${cluster.members[0]!.port}`,
    ]);
    report('observer killed, on a voter after', leader.all('state', killedAt)[1]!.at - killedAt);
    await sleep(SESSION_MS);
    expect([leader.all('pause'), leader.all('end'), leader.leading()]).toEqual([[], [], ['p0']]);
    await observer.start();
  });
});

describe('pipelines', () => {
  const counts = (workers: readonly WorkerChild[]) => workers.map((worker) => worker.leading().length).sort();

  test('spread over 2 workers, then 3, then 2, each led by one at any time', async () => {
    // Time enough for both to see each other, however busy the machine is.
    const options = { pipelines: pipelinesOf(8), timings: { ...quick, settleMs: 4_000 } };
    const { namespace, workers } = await startWorkers(2, options);
    expect([counts(workers), workers.flatMap((worker) => worker.all('end'))]).toEqual([[4, 4], []]);
    const joinedAt = Date.now();
    const third = startWorker(namespace, 'w2', options);
    await until(() => counts([...workers, third])).toEqual([2, 3, 3]);
    report('a third worker has its share after', Date.now() - joinedAt);
    expect(third.leading().length).toBe(2);
    await sleep(3_000); // nothing moves any more
    const moves = workers.flatMap((worker) => worker.all('end'));
    expect(moves).toHaveLength(2);
    third.signal('SIGTERM');
    await until(() => counts(workers)).toEqual([4, 4]);
    for (const { name } of pipelinesOf(8)) expectNoOverlap([...workers, third], name);
  });

  test('pass to another region while theirs has no worker, and back when it has had one for a while', async () => {
    const namespace = newNamespace();
    const pipelines = pipelinesOf(3, 'east');
    const east = startWorker(namespace, 'e1', { region: 'east', pipelines });
    await until(() => east.leading().length).toBe(3);
    const home = startWorker(namespace, 'h1', { region: 'home', pipelines });
    await home.until('started');
    await sleep(1_500);
    const session = await connect();
    expect((await queueOf(session, namespace)).map(({ worker }) => worker)).toEqual(['e1']);
    const toldAt = Date.now();
    east.signal('SIGTERM');
    await until(() => home.leading().length).toBe(3);
    report('another region took over after', Math.max(...home.all('lead', toldAt).map(({ at }) => at)) - toldAt);
    const again = startWorker(namespace, 'e2', { region: 'east', pipelines });
    const registered = await again.until('started');
    await until(() => again.leading().length).toBe(3);
    expect(again.all('lead')[0]!.at - registered.at).toBeGreaterThan(quick.settledMs! - 500 - quick.settleMs!);
    await until(async () => (await queueOf(session, namespace)).map(({ worker }) => worker)).toEqual(['e2']);
    for (const { name } of pipelines) expectNoOverlap([east, home, again], name);
  });

  test('go to the worker that a resigning leader names', async () => {
    const path = electionPath({ namespace: newNamespace(), instance: 'orders' }, 'p0');
    const leaders: string[] = [];
    const [a, b, c] = await Promise.all(
      ['a', 'b', 'c'].map(async (id) => {
        const session = await connect();
        return new Election(session, path, id, {
          leading: () => leaders.push(id),
          following: () => undefined,
          deposed: () => undefined,
        });
      }),
    );
    const session = await connect();
    for (const [i, election] of [a!, b!, c!].entries()) {
      void election.run();
      await until(async () => parseQueue(await session.children(path).catch(() => [])).length).toBe(i + 1);
    }
    await a!.leave('c');
    await until(() => leaders).toEqual(['a', 'c']);
    await c!.leave('nobody who stands');
    await until(() => leaders).toEqual(['a', 'c', 'b']);
    await b!.leave();
    expect(await session.children(path)).toEqual([]);
  });
});

describe('many candidates', () => {
  test('only the next one wakes when a leader goes', async () => {
    const path = electionPath({ namespace: newNamespace(), instance: 'orders' }, 'p0');
    const leaders: number[] = [];
    const candidates: { session: ZkSession; election: Election }[] = [];
    for (let i = 0; i < 12; i++) {
      const session = await connect();
      const election = new Election(session, path, `w${i}`, {
        leading: () => leaders.push(i),
        following: () => undefined,
        deposed: () => undefined,
      });
      void election.run();
      await until(async () => parseQueue(await session.children(path).catch(() => [])).length).toBe(i + 1);
      candidates.push({ session, election });
    }
    await until(() => candidates.map(({ session }) => session.watchedPaths)).toEqual(Array<number>(12).fill(1));
    for (let gone = 0; gone < 6; gone++) {
      const before = candidates.map(({ session }) => session.watchFirings);
      await candidates[gone]!.election.leave();
      await until(() => leaders.at(-1)).toBe(gone + 1);
      await sleep(100);
      const woken = candidates.flatMap(({ session }, i) => (i > gone && session.watchFirings > before[i]! ? [i] : []));
      expect(woken).toEqual([gone + 1]);
    }
    await Promise.all(candidates.slice(6).map(({ election }) => election.leave()));
  });

  test('200 elections leave nothing behind', async () => {
    const namespace = newNamespace();
    const path = electionPath({ namespace, instance: 'orders' }, 'p0');
    const clients = [0, 1].map(() => new ZkClient({ servers: cluster.connectString }));
    open.push(...clients);
    let elections = 0;
    const coordinators = clients.map(
      (client, i) =>
        new ZookeeperCoordinator({
          client,
          instance: { namespace, instance: 'orders' },
          worker: { id: `w${i}`, region: 'home', version: 'test', host: hostname() },
          log: createLogger('silent'),
          timings: quick,
        }),
    );
    let lastTermEnded = Promise.resolve();
    const campaigns = coordinators.map((coordinator) =>
      coordinator.campaign(pipelinesOf(1)[0]!, {
        lead: (term) => {
          elections++;
          lastTermEnded = new Promise((resolve) => term.signal.addEventListener('abort', () => resolve(), { once: true }));
          return lastTermEnded;
        },
      }),
    );
    await Promise.all(coordinators.map((coordinator) => coordinator.start()));
    const session = await connect();
    await until(async () => (await session.children(path).catch(() => [])).length).toBe(2);
    const startedAt = performance.now();
    const heaps: number[] = [];
    while (elections < 201) {
      const before = elections;
      const leader = campaigns.find(({ role }) => role === 'leading');
      await leader?.resign();
      await until(() => elections).toBe(before + 1);
      await until(() => campaigns.map(({ role }) => role).sort()).toEqual(['following', 'leading']);
      if (elections % 50 === 0) {
        globalThis.gc?.();
        heaps.push(process.memoryUsage().heapUsed);
      }
    }
    report('a resignation and election', (performance.now() - startedAt) / 200);
    expect(await session.children(path)).toHaveLength(2);
    // The workers' registrations and the place in the queue.
    for (const client of clients) expect(client.session.watchedPaths).toBe(2);
    expect(heaps.at(-1)! - heaps[0]!).toBeLessThan(20e6);
    await Promise.all(coordinators.map((coordinator) => coordinator.stop()));
    expect(await session.children(path)).toEqual([]);
  });
});

describe('registration', () => {
  const worker = (namespace: string, id: string, sessionTimeoutMs = 4_000) => {
    const client = new ZkClient({ servers: cluster.connectString, sessionTimeoutMs });
    open.push(client);
    const coordinator = new ZookeeperCoordinator({
      client,
      instance: { namespace, instance: 'orders' },
      worker: { id, region: 'home', version: '1.2.3', host: 'node-7' },
      log: createLogger('silent'),
      timings: quick,
    });
    return { client, coordinator };
  };

  test('shows region, version, pipelines led, start and host while the worker lives', async () => {
    const namespace = newNamespace();
    const { coordinator } = worker(namespace, 'w0');
    coordinator.campaign(pipelinesOf(1)[0]!, {
      lead: (term) => new Promise((resolve) => (term.signal.onabort = () => resolve())),
    });
    await coordinator.start();
    const session = await connect();
    const path = workerPath({ namespace, instance: 'orders' }, 'w0');
    const read = async () => JSON.parse((await session.get(path)).data.toString()) as Record<string, unknown>;
    await until(read).toMatchObject({
      region: 'home',
      version: '1.2.3',
      load: 1,
      pipelines: ['p0'],
      host: 'node-7',
      startedAt: expect.stringMatching(/Z$/),
    });
    expect(coordinator.workers.map(({ id }) => id)).toEqual(['w0']);
    await coordinator.stop();
    expect(await session.exists(path)).toBeNull();
  });

  test('of an id that is taken fails with LK1704, and leaves the holder alone', async () => {
    const namespace = newNamespace();
    const [first, second] = [worker(namespace, 'same'), worker(namespace, 'same')];
    await first.coordinator.start();
    await expect(second.coordinator.start()).rejects.toMatchObject({
      code: 'LK1704',
      found: expect.stringContaining('node-7'),
    });
    const session = await connect();
    const stat = await session.exists(workerPath({ namespace, instance: 'orders' }, 'same'));
    expect(stat?.ephemeralOwner).toBe(first.client.session.id);
    await first.coordinator.stop();
  });

  test('of a worker that crashed and is back before its session ends waits for that end', async () => {
    const namespace = newNamespace();
    const crashed = startWorker(namespace, 'w0');
    await crashed.until('lead');
    const killedAt = Date.now();
    crashed.signal('SIGKILL');
    const back = startWorker(namespace, 'w0');
    const { at } = await back.until('lead', killedAt);
    report('a lone worker that was restarted leads again after', at - killedAt);
    expect(back.all('failed')).toEqual([]);
  });
});

describe('configuration and status', () => {
  const ref = (namespace: string) => ({ namespace, instance: 'orders' });
  const configOf = (name: string, generation: number): PipelineConfig =>
    compilePipeline(
      canalInstanceSchema.parse({
        ...{ apiVersion: 'lockkeeper.io/v1alpha1', kind: 'CanalInstance', metadata: { name: 'orders' } },
        spec: {
          zkEnsembleRef: { name: 'main' },
          master: { host: 'db' },
          credentialsSecretRef: { name: 'source' },
          serverId: 1000,
        },
      }),
      syncPipelineSchema.parse({
        ...{ apiVersion: 'lockkeeper.io/v1alpha1', kind: 'SyncPipeline', metadata: { name, generation } },
        spec: { canalInstanceRef: { name: 'orders' }, target: { host: 'db2', credentialsSecretRef: { name: 'east' } } },
      }),
      0,
    );

  test('a configuration reaches its watchers, over an expired session too; a broken one leaves the last in force', async () => {
    const namespace = newNamespace();
    const proxy = await TcpProxy.start(cluster.members[0]!);
    const watching = new ZkClient({ servers: `127.0.0.1:${proxy.port}`, sessionTimeoutMs: 2_000 });
    const writing = new ZkClient({ servers: cluster.connectString });
    open.push(writing, watching);
    const store = new ConfigStore(writing, ref(namespace));
    const seen: string[] = [];
    const stop = new ConfigStore(watching, ref(namespace)).watch({
      config: ({ name, generation }) => seen.push(`${name} ${generation}`),
      invalid: (name, error) => seen.push(`${name} ${error.code}`),
      removed: (name) => seen.push(`${name} removed`),
    });
    expect(await store.publish(configOf('a', 1))).toBe('written');
    expect(await store.publish(configOf('a', 1))).toBe('unchanged');
    await until(() => seen).toEqual(['a 1']);
    await writing.session.set(configPath(ref(namespace), 'a'), '{"format": 1}');
    await until(() => seen).toEqual(['a 1', 'a LK1703']);
    await expect(store.read('a')).rejects.toMatchObject({ code: 'LK1703' });
    await store.publish(configOf('a', 2));
    await store.publish(configOf('b', 1));
    await until(() => seen.slice(2).sort()).toEqual(['a 2', 'b 1']);
    expect(await store.read('a')).toEqual(configOf('a', 2));

    const { session } = watching;
    await proxy.cut();
    await store.publish(configOf('a', 3));
    await sleep(5_000);
    await proxy.restore();
    await until(() => seen.slice(4)).toEqual(['a 3']); // b is the same as before
    expect(session.state.kind).toBe('expired');
    expect(await store.remove('b')).toBe(true);
    await until(() => seen.slice(5)).toEqual(['b removed']);
    expect(await store.read('b')).toBeNull();
    expect(await writing.session.exists(pipelinePath(ref(namespace), 'b'))).toBeNull();
    stop();
    await proxy.cut();
  });

  test('a status is written at most once a second and read by anyone', async () => {
    const namespace = newNamespace();
    const clients = [0, 1].map(() => new ZkClient({ servers: cluster.connectString }));
    open.push(...clients);
    const [leader, reader] = clients.map((client) => new StatusStore(client, ref(namespace)));
    expect(await reader!.read('a')).toBeNull();
    await new ConfigStore(clients[0]!, ref(namespace)).publish(configOf('a', 1));
    const seen: unknown[] = [];
    const stop = reader!.watch('a', (status) => seen.push(status));
    const writer = leader!.writer('a');
    for (let i = 0; i < 250; i++) {
      writer.offer({ rows: i });
      await sleep(10);
    }
    await until(() => seen.at(-1)).toEqual({ rows: 249 });
    const { stat } = await clients[1]!.session.get(statusPath(ref(namespace), 'a'));
    expect(stat.version).toBeLessThanOrEqual(4);
    expect(await reader!.read('a')).toEqual({ rows: 249 });
    await writer.close();
    stop();
  });

  test('a late leader’s status does not bring a removed pipeline back', async () => {
    const namespace = newNamespace();
    const client = new ZkClient({ servers: cluster.connectString });
    open.push(client);
    const configs = new ConfigStore(client, ref(namespace));
    await configs.publish(configOf('a', 1));
    await configs.remove('a');
    const writer = new StatusStore(client, ref(namespace)).writer('a');
    writer.offer({ rows: 1 });
    await sleep(300);
    await writer.close();
    expect(await client.session.exists(pipelinePath(ref(namespace), 'a'))).toBeNull();
  });
});

coordinatorContract('ZookeeperCoordinator', () => {
  const client = new ZkClient({ servers: cluster.connectString });
  return Promise.resolve({
    coordinator: new ZookeeperCoordinator({
      client,
      instance: { namespace: newNamespace(), instance: 'orders' },
      worker: { id: 'only', region: 'home', version: 'test', host: hostname() },
      log: createLogger('silent'),
      timings: quick,
    }),
    region: 'home',
    release: () => client.close(),
  });
});
