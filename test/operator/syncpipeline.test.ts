import { afterEach, describe, expect, test } from 'vitest';
import { Registry } from 'prom-client';
import { ZkError } from '../../common/zookeeper/zk-error.ts';
import { resources } from '../../operator/kube/index.ts';
import { PipelineSite, instance, namespace } from '../support/pipeline-site.ts';

let site: PipelineSite;

afterEach(async () => {
  expect(site.violations).toEqual([]);
  await site.stop();
});

async function begin(): Promise<PipelineSite> {
  site = new PipelineSite();
  site.start();
  await site.ground();
  return site;
}

async function running(...names: string[]): Promise<void> {
  await begin();
  for (const name of names) {
    await site.pipeline(name);
    await site.pass(10);
  }
  await site.rest();
  for (const name of names) expect(site.condition(name)).toBe('True Running');
}

const serverIds = () => Object.fromEntries(Object.entries(site.published()).map(([name, { serverId }]) => [name, serverId]));
const patch = (name: string, spec: Record<string, unknown>) =>
  site.cluster.user.patch(resources.SyncPipeline, { name, namespace }, { type: 'merge', body: { spec } });

describe('a pipeline', () => {
  test('is published, taken up, and Ready; its status is what its leader reports', async () => {
    await running('east');
    const { metadata, status } = site.object('east')!;
    expect(metadata.finalizers).toEqual(['lockkeeper.io/znodes']);
    expect(status).toMatchObject({
      observedGeneration: 1,
      leader: { worker: 'w1', region: 'home', epoch: 1 },
      position: { journal: 'binlog.000042', offset: 4711 },
      rows: { inserted: 10, updated: 5, deleted: 1 },
      initialLoad: { state: 'Done' },
    });
    expect(status!.lastError).toBeUndefined();
    expect(site.condition('east', 'Published')).toBe('True UpToDate');
    expect(site.condition('east', 'PreflightPassed')).toBe('Unknown NotLooked');
    expect(site.events('east')).toEqual([
      'Published: Generation 1 is published to the workers',
      'LeaderElected: Worker w1 in region home leads with epoch 1',
      'Running: worker w1 in region home copies to mysql.east:3306',
    ]);
    expect(site.published()).toMatchObject({ east: { generation: 1, serverId: 1000, namespace, instance } });
  });

  test('is Ready within seconds of its creation', async () => {
    await begin();
    await site.pipeline('east');
    await site.pass(12_000);
    expect(site.condition('east')).toBe('True Running');
  });

  test('is not Ready for a generation that its leader has not taken up', async () => {
    await running('east');
    await patch('east', { alerts: { lagSeconds: 5 } });
    await site.pass(10);
    expect(site.published()['east']!.generation).toBe(2);
    expect(site.condition('east')).toBe('False NotTakenUp');
    await site.pass(12_000);
    expect(site.condition('east')).toBe('True Running');
    expect(site.object('east')!.status!.observedGeneration).toBe(2);
  });

  test('is not Ready for a generation that cannot be published, and says why', async () => {
    await running('east');
    site.workers.zookeeper.fault = (when, write) => {
      if (when === 'before') throw new ZkError('not-allowed', 'set', write);
    };
    await patch('east', { alerts: { lagSeconds: 5 } });
    await site.pass(12_000);
    expect(site.object('east')!.status!.observedGeneration).toBe(2);
    expect(site.condition('east')).toBe('False NotTakenUp');
    expect(site.condition('east', 'Published')).toBe('False Outdated');
    expect(site.message('east', 'Published')).toMatch(/yet to be published: .+/);
    site.workers.zookeeper.fault = () => undefined;
    await site.rest();
    expect([site.condition('east'), site.condition('east', 'Published')]).toEqual(['True Running', 'True UpToDate']);
  });

  test('whose spec could not even be looked at is not told of as seen', async () => {
    await running('east');
    await site.secret('other');
    await site.rest();
    site.operator.connection.fault = ({ path, watch }) =>
      !watch && path.includes('/secrets') ? { kind: 'refuse', status: 500 } : undefined;
    await patch('east', { target: { host: 'mysql.west', credentialsSecretRef: { name: 'other' } } });
    await site.pass(12_000);
    expect(site.object('east')!.status!.observedGeneration).toBe(1);
    site.operator.connection.fault = () => undefined;
    await site.rest();
    expect(site.object('east')!.status!.observedGeneration).toBe(2);
  });

  test('pauses, stops and goes on, and says so', async () => {
    await running('east');
    for (const [state, expected] of Object.entries({
      Paused: 'False Paused',
      Stopped: 'False Stopped',
      Running: 'True Running',
    })) {
      await patch('east', { state });
      await site.rest();
      expect([site.condition('east'), site.published()['east']!.pipeline.state]).toEqual([expected, state]);
    }
    expect(site.events('east').filter((event) => /^(Paused|Stopped|Running)/.test(event))).toHaveLength(3);
  });

  test('with a change of its instance is published anew', async () => {
    await running('east');
    await site.instance({ master: { host: 'mysql.other' } });
    await site.rest();
    expect(site.published()['east']!.source.master.host).toBe('mysql.other');
    expect(site.condition('east')).toBe('True Running');
    const tick = site.workers.tick.bind(site.workers);
    site.workers.tick = () => undefined;
    await site.instance({ master: { host: 'mysql.third' } });
    await site.pass(1_000);
    expect(site.condition('east')).toBe('False NotTakenUp');
    site.workers.tick = tick;
    await site.rest();
    expect(site.condition('east')).toBe('True Running');
  });

  test('whose configuration somebody else has changed gets it back', async () => {
    await running('east');
    const path = `/lockkeeper/${namespace}/${instance}/pipelines/east/config`;
    site.workers.zookeeper.set(path, site.workers.zookeeper.text(path)!.replace('mysql.east', 'elsewhere'));
    await site.rest();
    expect(site.published()['east']!.pipeline.target.host).toBe('mysql.east');
  });
});

describe('who writes a table', () => {
  const rival = (table: string) => ({
    target: { host: 'mysql.east', credentialsSecretRef: { name: 'target' } },
    tables: [{ source: `shop.${table}` }],
  });
  const tables = () =>
    Object.fromEntries(Object.entries(site.published()).map(([name, { pipeline }]) => [name, pipeline.tables[0]!.source]));

  async function neighbours(): Promise<void> {
    await begin();
    await site.pipeline('old', rival('orders'));
    await site.pass(2_000);
    await site.pipeline('young', rival('items'));
    await site.rest();
    expect([site.condition('old'), site.condition('young')]).toEqual(['True Running', 'True Running']);
  }

  test('goes on writing it when an older pipeline is changed to write it too', async () => {
    await neighbours();
    await patch('old', rival('items'));
    await site.rest();
    expect(tables()).toEqual({ old: 'shop.orders', young: 'shop.items' });
    expect([site.condition('old'), site.condition('young')]).toEqual(['False TargetOverlap', 'True Running']);
    expect(site.message('old')).toMatch(/shop\/young .*Meanwhile the configuration of generation 1 stays in force/);
    expect(site.events('old').at(-1)).toMatch(/^TargetOverlap: /);
    // Nor does the one that was first lose it by a change of something else.
    await patch('young', { alerts: { lagSeconds: 5 } });
    await site.rest();
    expect([site.condition('old'), site.condition('young')]).toEqual(['False TargetOverlap', 'True Running']);
    // Until it lets go of it.
    await patch('young', rival('stock'));
    await site.rest();
    expect(tables()).toEqual({ old: 'shop.items', young: 'shop.stock' });
    expect([site.condition('old'), site.condition('young')]).toEqual(['True Running', 'True Running']);
  });

  test('keeps a table that its new spec leaves out for as long as that spec cannot be carried out', async () => {
    await neighbours();
    await patch('old', { ...rival('stock'), region: 'moon' });
    await site.pipeline('new', rival('orders'));
    await site.rest();
    expect(site.condition('old')).toBe('False RegionWithoutWorkers');
    expect(site.condition('new')).toBe('False TargetOverlap');
    expect(site.message('new')).toMatch(/shop\/old \(as generation 1 of it has it, which is in force\)/);
    expect(tables()).toEqual({ old: 'shop.orders', young: 'shop.items' });
    await patch('old', { region: 'home' });
    await site.rest();
    expect(tables()).toEqual({ old: 'shop.stock', young: 'shop.items', new: 'shop.orders' });
  });

  test('is known to an operator that has just begun', async () => {
    await neighbours();
    await patch('old', rival('items'));
    await site.rest();
    await site.stop();
    site.start();
    await patch('young', { alerts: { lagSeconds: 5 } });
    await site.pipeline('new', rival('orders'));
    await site.rest();
    expect(tables()).toEqual({ old: 'shop.orders', young: 'shop.items' });
    expect([site.condition('old'), site.condition('young')]).toEqual(['False TargetOverlap', 'True Running']);
    expect(site.condition('new')).toBe('False TargetOverlap');
  });

  test.each([
    ['cannot be reached', 'no connection'],
    ['is being connected to', null],
  ])('keeps it though its spec was edited while there was no operator and its ensemble %s', async (_what, why) => {
    await neighbours();
    await site.stop();
    await patch('old', { alerts: { lagSeconds: 5 } });
    site.workers.away.set(instance, why);
    site.start();
    await site.instance({ serverId: 2000 }, 'copies');
    await site.pipeline('new', { ...rival('orders'), canalInstanceRef: { name: 'copies' } });
    await site.pass(60_000);
    const published = () => site.workers.zookeeper.text('/lockkeeper/shop/copies/pipelines/new/config');
    expect(published()).toBeNull();
    if (why !== null) expect(site.message('new')).toMatch(/shop\/old .*cannot be read/);
    site.workers.away.clear();
    site.workers.tell();
    await site.rest();
    expect(published()).toBeNull();
    expect(site.condition('new')).toBe('False TargetOverlap');
  });

  test('has it to itself until its leader has let go of it', async () => {
    await neighbours();
    // The leader is slow to take up what is new.
    const tick = site.workers.tick.bind(site.workers);
    site.workers.tick = () => undefined;
    await patch('old', rival('stock'));
    await site.pass(20);
    expect(tables()).toEqual({ old: 'shop.stock', young: 'shop.items' });
    await site.pipeline('new', rival('orders'));
    await site.pass(15_000);
    expect(tables()).toEqual({ old: 'shop.stock', young: 'shop.items' });
    expect(site.condition('new')).toBe('False TargetOverlap');
    site.workers.tick = tick;
    await site.rest();
    expect(tables()).toEqual({ old: 'shop.stock', young: 'shop.items', new: 'shop.orders' });
    expect(site.condition('new')).toBe('True Running');
  });
});

describe('what its leader says', () => {
  const say = (fields: Parameters<PipelineSite['workers']['fields']['set']>[1]) => site.workers.fields.set('east', fields);
  const error = {
    code: 'LK1308',
    message: 'the tables differ',
    remedy: 'Make them equal.',
    at: '2026-01-01T00:00:00Z',
    attempts: 1,
  };

  test('of a suspension and its end is a condition and an Event each', async () => {
    await running('east');
    say({ phase: 'suspended', lastError: error });
    await site.pass(6_000);
    expect(site.condition('east')).toBe('False Suspended');
    expect(site.message('east')).toMatch(/LK1308 the tables differ\. Make them equal\./);
    expect(site.object('east')!.status!.lastError).toMatchObject({ code: 'LK1308' });
    say({});
    await site.pass(6_000);
    expect(site.condition('east')).toBe('True Running');
    const told = site.events('east').map((event) => event.split(':')[0]);
    expect(told.slice(-2)).toEqual(['Suspended', 'Recovered']);
  });

  test('of an error that comes again and again is one Event and few writes', async () => {
    await running('east');
    const before = site.operator.connection.writes.length;
    for (let attempts = 1; attempts <= 20; attempts++) {
      say({ phase: 'retrying', lastError: { ...error, attempts, at: new Date(site.cluster.clock.now()).toISOString() } });
      await site.pass(5_000);
    }
    expect(site.condition('east')).toBe('False Retrying');
    expect(site.events('east').filter((event) => event.startsWith('Retrying'))).toHaveLength(1);
    expect(site.operator.connection.writes.length - before).toBeLessThan(15);
  });

  test('in numbers is written every ten seconds at most, and what does not change not at all', async () => {
    await running('east');
    const writes = () => site.operator.connection.writes.length;
    let before = writes();
    await site.pass(600_000);
    expect(writes()).toBe(before);
    before = writes();
    for (let second = 1; second <= 60; second++) {
      say({ lag: { applySeconds: second, heartbeatSeconds: 1, bytes: second }, transactions: second });
      site.workers.tick();
      await site.pass(1_000);
    }
    expect(writes() - before).toBeGreaterThanOrEqual(4);
    expect(writes() - before).toBeLessThanOrEqual(7);
    expect(site.object('east')!.status!.lag!.bytes).toBeGreaterThan(45);
  });

  test('of target and tables is a condition', async () => {
    await running('east');
    const finding = { code: 'LK1303', subject: 'target', found: 'no privilege DROP', remedy: 'Grant it.' };
    const at = '2026-01-01T00:00:00Z';
    say({ preflight: { at, passed: 3, findings: [{ severity: 'error', ...finding }], leftOut: 0 } });
    await site.pass(6_000);
    expect(site.condition('east', 'PreflightPassed')).toBe('False Errors');
    expect(site.message('east', 'PreflightPassed')).toBe('LK1303 target: no privilege DROP. Grant it.');
    say({ preflight: { at, passed: 3, findings: [{ severity: 'warning', ...finding }], leftOut: 7 } });
    await site.pass(6_000);
    expect(site.condition('east', 'PreflightPassed')).toBe('True Warnings');
    expect(site.message('east', 'PreflightPassed')).toMatch(/^warning: LK1303 .* And 3 more/);
    say({ preflight: { at, passed: 3, findings: [], leftOut: 0 } });
    await site.pass(6_000);
    expect(site.condition('east', 'PreflightPassed')).toBe('True AllWell');
  });

  test('of a configuration that it refuses is a condition, though nobody leads', async () => {
    await running('east');
    say({ generation: 0, phase: 'suspended', epoch: null, leaderSince: null, configError: { ...error, code: 'LK1703' } });
    await site.pass(6_000);
    expect(site.condition('east')).toBe('False ConfigurationRefused');
  });

  test('ends with it: another worker is told of, and none is', async () => {
    await running('east');
    site.workers.workers.set('w2', { ...site.workers.workers.get('w1')!, region: 'east' });
    site.workers.workers.delete('w1');
    site.workers.tell();
    await site.pass(10);
    expect(site.condition('east')).toBe('False LeaderGone');
    expect(site.object('east')!.status!.leader).toBeUndefined();
    say({ epoch: 2 });
    await site.pass(6_000);
    expect(site.condition('east')).toBe('True Running');
    expect(site.object('east')!.status!.leader).toMatchObject({ worker: 'w2', epoch: 2 });
    expect(site.events('east').at(-1)).toMatch(/^Recovered/);
    expect(site.events('east')).toContain('LeaderElected: Worker w2 in region east leads with epoch 2');

    site.workers.workers.clear();
    site.workers.tell();
    await site.pass(10);
    expect(site.condition('east')).toBe('False NoWorkers');
  });

  test('is believed for twenty seconds, if its session lasts', async () => {
    await running('east');
    site.workers.tick = () => undefined;
    await site.pass(12_000);
    expect(site.condition('east')).toBe('True Running');
    await site.pass(20_000);
    expect(site.condition('east')).toBe('False LeaderSilent');
  });

  test('is not known while the ensemble is away, and believed at once when it is back', async () => {
    await running('east');
    const { zookeeper } = site.workers;
    zookeeper.reachable = false;
    await site.pass(9_000);
    expect(site.condition('east')).toBe('True Running');
    site.workers.trouble = 'no connection';
    site.workers.tell();
    await site.pass(30_000);
    expect(site.condition('east')).toBe('Unknown EnsembleUnreachable');
    zookeeper.reachable = true;
    site.workers.trouble = null;
    site.workers.tell();
    await site.pass(10);
    expect(site.condition('east')).toBe('True Running');
  });
});

describe('server ids', () => {
  test('are each pipeline’s own, outlive the operator and other pipelines, and are used again', async () => {
    await running('a', 'b', 'c');
    expect(serverIds()).toEqual({ a: 1000, b: 1001, c: 1002 });
    await site.remove('SyncPipeline', 'a');
    await site.stop();
    site.start();
    await site.rest();
    expect(serverIds()).toEqual({ b: 1001, c: 1002 });
    await site.pipeline('d');
    await site.rest();
    await site.pipeline('e');
    await site.rest();
    expect(serverIds()).toEqual({ b: 1001, c: 1002, d: 1000, e: 1003 });
  });

  test('move when the instance says so, and two never share one', async () => {
    await running('a', 'b');
    await site.instance({ serverId: 2000 });
    await site.rest();
    expect(Object.values(serverIds()).sort()).toEqual([2000, 2001]);
  });

  test('that outlived other pipelines of their instance are refused to another instance on the same source', async () => {
    await running('a', 'b', 'c');
    await site.remove('SyncPipeline', 'a');
    await site.remove('SyncPipeline', 'b');
    await site.rest();
    expect(serverIds()).toEqual({ c: 1002 });
    await site.instance({ serverId: 1002 }, 'copies');
    await site.pipeline('d', { canalInstanceRef: { name: 'copies' } });
    await site.rest();
    expect(site.condition('d')).toBe('False ServerIdTaken');
    expect(site.message('d')).toMatch(/\(1000 to 1002\)/);
  });

  test('of another instance on the same source are refused to a new pipeline', async () => {
    await running('a');
    await site.instance({ serverId: 1000 }, 'other');
    await site.pipeline('b', { canalInstanceRef: { name: 'other' } });
    await site.rest();
    expect(site.condition('a')).toBe('True Running');
    expect(site.condition('b')).toBe('False ServerIdTaken');
    expect(site.message('b')).toMatch(/start at 1001 or higher/);
  });
});

describe('what cannot work gets a condition and an Event, no hot loop, and goes on when it is put right', () => {
  async function expectProblem(reason: string, message: RegExp, events = 1): Promise<void> {
    const name = site.object('new') === undefined ? 'east' : 'new';
    await site.rest();
    expect(site.condition(name)).toBe(`False ${reason}`);
    expect(site.message(name)).toMatch(message);
    expect(site.events(name).filter((event) => event.startsWith(reason))).toHaveLength(events);
    const before = site.operator.connection.requests.length;
    await site.pass(300_000);
    expect(site.operator.connection.requests.slice(before).filter(({ watch }) => !watch)).toHaveLength(0);
  }

  test('a missing instance', async () => {
    site = new PipelineSite();
    site.start();
    await site.secret();
    await site.ensemble();
    await site.pipeline('east');
    await expectProblem('InstanceMissing', /spec\.canalInstanceRef\.name: there is no CanalInstance shop\/orders\. Create it/);
    await site.instance();
    await site.pass(12_000);
    expect(site.condition('east')).toBe('True Running');
  });

  test('a missing ensemble', async () => {
    site = new PipelineSite();
    site.start();
    await site.secret();
    await site.instance();
    await site.pipeline('east');
    await expectProblem('EnsembleMissing', /ZkEnsemble shop\/main does not exist/);
    await site.ensemble();
    await site.pass(12_000);
    expect(site.condition('east')).toBe('True Running');
  });

  test('an ensemble without passwords', async () => {
    await begin();
    site.workers.formed = false;
    await site.pipeline('east');
    await site.rest();
    expect(site.condition('east')).toBe('False EnsembleNotReady');
    site.workers.formed = true;
    await site.pass(17_000);
    expect(site.condition('east')).toBe('True Running');
  });

  test('a missing Secret, and one without a key', async () => {
    site = new PipelineSite();
    site.start();
    await site.ensemble();
    await site.instance();
    await site.pipeline('east');
    await expectProblem(
      'SecretMissing',
      /spec\.target\.credentialsSecretRef\.name: there is no Secret shop\/target\. Create it .* username and password/,
    );
    await site.secret('target', { username: 'u', password: '' });
    await expectProblem('SecretKeyMissing', /no value for the key password\. Add it/);
    await site.secret();
    await site.pass(12_000);
    expect(site.condition('east')).toBe('True Running');
  });

  test('a Secret that goes while the pipeline runs', async () => {
    await running('east');
    await site.remove('Secret', 'target');
    await site.rest();
    expect(site.condition('east')).toBe('False SecretMissing');
    expect(site.message('east')).toMatch(/Meanwhile the configuration of generation 1 stays in force$/);
    expect(site.published()['east']).toBeDefined();
    await site.secret();
    await site.rest();
    expect(site.condition('east')).toBe('True Running');
    expect(site.events('east').at(-1)).toMatch(/^Recovered/);
  });

  test('a region without workers', async () => {
    await begin();
    await site.pipeline('east', { region: 'moon' });
    await expectProblem('RegionWithoutWorkers', /no workers in region moon\. Choose one of home/);
    await site.instance({ workers: [{ region: 'home' }, { region: 'moon' }] });
    await site.pass(12_000);
    expect(site.condition('east')).toBe('True Running');
  });

  test('what this release does not do; what the API server has filled in is no such thing', async () => {
    await running('east');
    await site.pipeline('new', { ddl: { mode: 'Stop' } });
    await expectProblem('NotAvailable', /spec\.ddl\.mode is not available yet \(found "Stop"\)\. Remove it/);
  });

  test('two pipelines on one target table: the older goes on, and the newer when that is gone', async () => {
    await running('east');
    await site.cluster.clock.advance(5_000);
    await site.pipeline('new', { target: { host: 'mysql.east', credentialsSecretRef: { name: 'target' } } });
    await expectProblem('TargetOverlap', /pipeline shop\/new and shop\/east write one target table/);
    expect(site.condition('east')).toBe('True Running');
    expect(Object.keys(site.published())).toEqual(['east']);
    await site.remove('SyncPipeline', 'east');
    await site.pass(25_000);
    expect(site.condition('new')).toBe('True Running');
  });

  test('one that is invalid goes on as it was published', async () => {
    await running('east');
    await patch('east', { region: 'moon' });
    await site.rest();
    expect(site.condition('east')).toBe('False RegionWithoutWorkers');
    expect(site.message('east')).toMatch(/Meanwhile the configuration of generation 1 stays in force/);
    expect(site.condition('east', 'Published')).toBe('False Outdated');
    expect(site.published()['east']!.pipeline.region).toBe('home');
    // It runs, so what it does is shown.
    site.workers.fields.set('east', { rows: { inserted: 99, updated: 0, deleted: 0 } });
    await site.pass(25_000);
    expect(site.object('east')!.status!.rows!.inserted).toBe(99);
    await patch('east', { region: 'home' });
    await site.rest();
    expect(site.condition('east')).toBe('True Running');
  });
});

describe('deleting', () => {
  const left = () => site.workers.zookeeper.paths().filter((path) => path.includes('/pipelines/'));

  test('leaves nothing in ZooKeeper', async () => {
    await running('east', 'west');
    await site.remove('SyncPipeline', 'east');
    await site.rest();
    expect(site.object('east')).toBeUndefined();
    expect(left().every((path) => path.includes('west'))).toBe(true);
    expect(site.workers.followed).toEqual(new Set([instance]));
  });

  test('of one that was never published takes a moment', async () => {
    site = new PipelineSite();
    site.start();
    await site.pipeline('east');
    await site.rest();
    await site.remove('SyncPipeline', 'east');
    await site.pass(10);
    expect(site.object('east')).toBeUndefined();
  });

  test('the instance first', async () => {
    await running('east', 'west');
    await site.remove('CanalInstance', instance);
    await site.rest();
    expect(site.condition('east')).toBe('False InstanceMissing');
    await site.stop();
    site.start();
    await site.remove('SyncPipeline', 'east');
    await site.remove('SyncPipeline', 'west');
    await site.rest();
    expect([site.list(resources.SyncPipeline), left(), site.workers.followed]).toEqual([[], [], new Set()]);
  });

  test('the ensemble first', async () => {
    await running('east');
    await site.remove('ZkEnsemble', 'main');
    await site.pass(1_000);
    expect(site.condition('east')).toBe('False EnsembleMissing');
    await site.remove('SyncPipeline', 'east');
    await site.pass(1_000);
    expect(site.object('east')).toBeUndefined();
  });

  test('does not wait for workers, or an ensemble, for more than two minutes', async () => {
    await running('east', 'west');
    site.workers.tick = () => undefined;
    await site.remove('SyncPipeline', 'east');
    site.workers.zookeeper.onWrite = () => undefined;
    await site.pass(110_000);
    expect(site.object('east')).toBeDefined();
    await site.pass(15_000);
    expect(site.object('east')).toBeUndefined();
    expect(site.events('east').at(-1)).toMatch(/^CleanupGivenUp: .*pipelines\/east of its ensemble: workers are still there/);

    site.workers.zookeeper.reachable = false;
    await site.remove('SyncPipeline', 'west');
    await site.pass(125_000);
    expect(site.object('west')).toBeUndefined();
    expect(site.events('west').at(-1)).toMatch(/there is no connection/);
  });

  test('waits for an ensemble whose passwords an operator that has just begun cannot read', async () => {
    await running('east');
    await site.stop();
    site.workers.formed = false;
    site.start();
    await site.remove('SyncPipeline', 'east');
    await site.pass(60_000);
    expect(site.object('east')).toBeDefined();
    site.workers.formed = true;
    await site.rest();
    expect([site.object('east'), left()]).toEqual([undefined, []]);
  });
});

describe('writes that wait for a connection hold up nobody else', () => {
  const many = ['a', 'b', 'c', 'd', 'e'];

  test('when pipelines are published', async () => {
    await begin();
    site.workers.zookeeper.stalls = (write) => !write.includes('/east/');
    for (const name of [...many, 'east']) await site.pipeline(name);
    await site.pass(60_000);
    expect(site.condition('east')).toBe('True Running');
    site.workers.zookeeper.stalls = () => false;
    await site.rest();
    expect(many.map((name) => site.condition(name))).toEqual(many.map(() => 'True Running'));
  });

  test('when pipelines are deleted, which ends after two minutes all the same', async () => {
    await running(...many, 'east');
    site.workers.zookeeper.stalls = (write) => !write.includes('/east');
    for (const name of [...many, 'east']) await site.remove('SyncPipeline', name);
    await site.pass(60_000);
    expect(site.list(resources.SyncPipeline).map(({ metadata }) => metadata.name)).toEqual(many);
    await site.pass(120_000);
    expect(site.list(resources.SyncPipeline)).toEqual([]);
    expect(site.events('a').at(-1)).toMatch(/^CleanupGivenUp: .*ZooKeeper did not answer in 15 s/);
  });
});

test('metrics tell of states and conditions of all kinds, in the process that leads', async () => {
  site = new PipelineSite();
  site.registry = new Registry();
  site.start();
  await site.ground();
  await site.pipeline('east', { state: 'Paused' });
  await site.rest();
  const text = await site.registry.metrics();
  expect(text).toContain('lockkeeper_pipeline_state{namespace="shop",pipeline="east",state="Paused"} 1');
  expect(text).toContain('lockkeeper_pipeline_state{namespace="shop",pipeline="east",state="Running"} 0');
  expect(text).toContain('lockkeeper_condition{kind="SyncPipeline",namespace="shop",name="east",type="Ready",status="False"} 1');
  expect(text).toContain('lockkeeper_condition{kind="SyncPipeline",namespace="shop",name="east",type="Ready",status="True"} 0');
  await site.stop();
  expect(await site.registry.metrics()).not.toContain('pipeline="east"');
  site.registry = undefined;
});

test('of Secrets nothing is asked for twice and nothing is kept', async () => {
  await running('east', 'west');
  const reads = () =>
    site.operator.connection.requests.filter(({ method, path }) => method === 'GET' && path.endsWith('/secrets/target')).length;
  expect(reads()).toBeLessThanOrEqual(2);
  const before = reads();
  await site.pass(600_000);
  expect(reads()).toBe(before);
  await site.secret('target', { username: 'u', password: 'other' });
  await site.rest();
  expect(reads()).toBeLessThanOrEqual(before + 2);
});
