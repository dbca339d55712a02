import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../common/log.ts';
import { configPath, pipelinePath, sourcePath, statusPath, workerPath, workersPath } from '../../common/zookeeper/paths.ts';
import { ZkSession } from '../../common/zookeeper/session.ts';
import { removePipeline } from '../../common/zookeeper/removal.ts';
import { writeZnode } from '../../common/zookeeper/znode.ts';
import { createCoordination, type InstanceView } from '../../operator/coordination/index.ts';
import { KubeClient, Manager, resources, type Live, type ZkEnsembleResource } from '../../operator/kube/index.ts';
import { ManualClock, settle } from '../../operator/kube/manual-clock.ts';
import { secretData } from '../../operator/zkensemble/credentials.ts';
import { ApiServer } from '../apiserver/index.ts';
import { startZookeeper, zkSuperAuth, type ZkCluster } from '../servers/index.ts';
import { pipelineReport, workerInfo } from '../support/reports.ts';

const namespace = 'shop';
const ref = { namespace, instance: 'orders' };
const passwords = { superPassword: 'super', workerPassword: 'working-1' };

let zookeeper: ZkCluster;
let worker: ZkSession;
const open: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  zookeeper = await startZookeeper({ voters: 1, tickTime: 500 });
});
afterAll(() => zookeeper.stop());
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

/** An operator's view of an ensemble whose Secret may be there. */
class Site {
  readonly clock = new ManualClock();
  readonly server = new ApiServer({ clock: this.clock });
  readonly user = new KubeClient(this.server.connect(), { clock: this.clock });
  readonly manager = new Manager({
    ...{ client: new KubeClient(this.server.connect(), { clock: this.clock }), clock: this.clock },
    ...{ log: createLogger('silent'), instance: 'operator-0' },
  });
  servers = zookeeper.connectString;
  readonly coordination = createCoordination(this.manager, { serversOf: () => this.servers });
  readonly news: (string | undefined)[] = [];
  readonly #stop = new AbortController();

  constructor() {
    open.push(this);
    this.coordination.onNews((_ref, pipeline) => this.news.push(pipeline));
    void this.manager.watch(this.#stop.signal);
  }

  async ensemble(): Promise<Live<ZkEnsembleResource>> {
    const { apiVersion, kind } = resources.ZkEnsemble;
    const made = await this.user.apply(resources.ZkEnsemble, {
      apiVersion,
      kind,
      metadata: { name: 'main', namespace },
      spec: {},
    });
    await settle();
    return made;
  }

  async secret(credentials = passwords): Promise<void> {
    const data = Object.entries(secretData(credentials)).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    await this.user.apply(resources.Secret, {
      ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'main-zookeeper-auth', namespace } },
      data: Object.fromEntries(data) as Record<string, string>,
    });
  }

  async view(): Promise<InstanceView> {
    return (await this.coordination.view(await this.ensemble(), ref))!;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.coordination.close();
  }
}

async function known(view: InstanceView): Promise<InstanceView> {
  await expect.poll(() => view.known, { timeout: 30_000 }).toBe(true);
  return view;
}

async function connect(): Promise<ZkSession> {
  worker = new ZkSession({ servers: zookeeper.connectString, digestAuth: zkSuperAuth });
  open.push(worker);
  await worker.whenConnected();
  return worker;
}

async function report(name: string, text: string): Promise<void> {
  await writeZnode(worker, configPath(ref, name), '{}');
  await writeZnode(worker, statusPath(ref, name), text);
}

async function connections(): Promise<number> {
  const answer = await zookeeper.members[0]!.fourLetterWord('cons');
  return answer.split('\n').filter((line) => line.includes('sid=')).length;
}

test('an ensemble without passwords has no view yet', async () => {
  const site = new Site();
  const ensemble = await site.ensemble();
  expect(await site.coordination.view(ensemble, ref)).toBeNull();
  await site.secret();
  await site.clock.advance(2_000);
  const view = await known((await site.coordination.view(ensemble, ref))!);
  expect(view).toMatchObject({ trouble: null, source: null });
  expect(view.workers.size).toBe(0);
});

test('workers, source and reports are followed as they come, change and go', async () => {
  const site = new Site();
  await site.secret();
  await connect();
  await report('east', JSON.stringify(pipelineReport({ name: 'east', phase: 'running' })));
  await report('broken', 'no JSON');
  const view = await known(await site.view());
  expect([...view.reports.keys()]).toEqual(['east']);

  await worker.ensurePath(workersPath(ref));
  await worker.create(workerPath(ref, 'w1'), JSON.stringify(workerInfo({ region: 'east' })), { ephemeral: true });
  await expect.poll(() => view.workers.get('w1')?.region).toBe('east');
  await writeZnode(worker, sourcePath(ref), '{}');
  await report('east', JSON.stringify(pipelineReport({ name: 'east', phase: 'suspended' })));
  await expect.poll(() => view.reports.get('east')?.phase).toBe('suspended');
  expect(view.source).toBeNull();
  expect(new Set(site.news)).toEqual(new Set([undefined, 'east', 'broken']));

  await worker.delete(workerPath(ref, 'w1'));
  await removePipeline(worker, ref, 'east');
  await expect.poll(() => [view.workers.size, view.reports.size]).toEqual([0, 0]);
  await removePipeline(worker, ref, 'broken');
});

test('what the operator makes is for the workers, and all of them', async () => {
  const site = new Site();
  await site.secret();
  const view = await known(await site.view());
  await writeZnode(view.session, configPath(ref, 'made'), 'text');
  const stranger = new ZkSession({ servers: zookeeper.connectString });
  const own = new ZkSession({ servers: zookeeper.connectString, digestAuth: 'lockkeeper:working-1' });
  open.push(stranger, own);
  await Promise.all([stranger.whenConnected(), own.whenConnected()]);
  await expect(stranger.get(configPath(ref, 'made'))).rejects.toMatchObject({ reason: 'not-allowed' });
  expect((await own.get(configPath(ref, 'made'))).data.toString()).toBe('text');
  await removePipeline(view.session, ref, 'made');
});

test('new passwords and another connect string are taken up, and nothing that is known is lost meanwhile', async () => {
  const site = new Site();
  await site.secret();
  await connect();
  await report('east', JSON.stringify(pipelineReport({ name: 'east' })));
  const view = await known(await site.view());
  await writeZnode(view.session, configPath(ref, 'own'), 'text');
  const { session } = view;

  await site.secret({ ...passwords, superPassword: 'another' });
  expect((await site.view()).session).toBe(session);
  await site.clock.advance(60_000);
  expect(await site.view()).toBe(view);
  expect(view.session).not.toBe(session);
  await expect.poll(() => view.trouble, { timeout: 20_000 }).toMatch(/do not know the operator’s password/);
  expect(view).toMatchObject({ known: true });
  expect(view.reports.has('east')).toBe(true);

  await site.secret();
  await removePipeline(worker, ref, 'east');
  await site.clock.advance(60_000);
  site.servers = `${site.servers},${site.servers}`;
  expect(await site.view()).toBe(view);
  await expect.poll(() => view.reports.has('east'), { timeout: 20_000 }).toBe(false);
  await site.clock.advance(12_000);
  expect(view.trouble).toBeNull();
  await removePipeline(worker, ref, 'own');
});

test('an ensemble that is away for some time is trouble, and news; so is its return', async () => {
  const site = new Site();
  await site.secret();
  const view = await known(await site.view());
  await zookeeper.members[0]!.stop();
  await expect.poll(() => view.session.state.kind).toBe('suspended');
  expect(view.trouble).toBeNull();
  site.news.splice(0);
  await site.clock.advance(10_000);
  expect(view.trouble).toMatch(/no connection to ZkEnsemble shop\/main/);
  expect(site.news).toEqual([undefined]);
  await zookeeper.members[0]!.start();
  await expect.poll(() => view.trouble, { timeout: 30_000 }).toBeNull();
  expect(site.news.length).toBeGreaterThan(1);
});

test('nothing stays open for instances that are forgotten and ensembles that are gone', async () => {
  const site = new Site();
  await site.secret();
  const before = await connections();
  await known(await site.view());
  const other = { ...ref, instance: 'other' };
  await known((await site.coordination.view(await site.ensemble(), other))!);
  expect(await connections()).toBe(before + 1);
  site.coordination.forget(ref);
  await expect.poll(connections).toBe(before + 1);
  site.coordination.forget(other);
  await expect.poll(connections).toBe(before);

  await known(await site.view());
  expect(await connections()).toBe(before + 1);
  await site.user.delete(resources.ZkEnsemble, { name: 'main', namespace });
  await settle();
  await expect.poll(connections).toBe(before);
});

test('a pipeline without any report is none', async () => {
  const site = new Site();
  await site.secret();
  await connect();
  await worker.ensurePath(pipelinePath(ref, 'silent'));
  const view = await known(await site.view());
  expect(view.reports.size).toBe(0);
  await removePipeline(worker, ref, 'silent');
});
