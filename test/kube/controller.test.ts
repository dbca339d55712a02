import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../common/log.ts';
import {
  Controller,
  KubeClient,
  KubeMetrics,
  Manager,
  Postponed,
  Stale,
  mapped,
  owned,
  primary,
  resources,
  type ConfigMap,
  type ControllerOptions,
  type Reconcile,
  type ReconcileContext,
} from '../../operator/kube/index.ts';
import { ManualClock } from '../../operator/kube/manual-clock.ts';
import { ApiServer, type Connection } from '../apiserver/index.ts';
import { configMap } from './objects.ts';

describe('Manager and Controller', () => {
  let clock: ManualClock;
  let server: ApiServer;
  let connection: Connection;
  let user: KubeClient;
  let manager: Manager;
  let registry: Registry;
  let stop: AbortController;
  let running: Promise<void>;
  let reconciled: string[];
  /** What a reconcile does. */
  let act: Reconcile;

  beforeEach(() => {
    clock = new ManualClock();
    server = new ApiServer({ clock });
    connection = server.connect();
    user = new KubeClient(server.connect(), { clock });
    registry = new Registry();
    stop = new AbortController();
    reconciled = [];
    act = () => Promise.resolve({});
    const tools = { clock, random: () => 1 };
    manager = new Manager({
      ...tools,
      client: new KubeClient(connection, tools),
      log: createLogger('silent'),
      instance: 'operator',
      metrics: new KubeMetrics(registry),
    });
  });

  const reconcile: Reconcile = (key, context) => {
    reconciled.push(key);
    return act(key, context);
  };
  const begin = async (options: Partial<ControllerOptions> = {}) => {
    const maps = manager.informer(resources.ConfigMap);
    const controller = manager.controller({ name: 'test', sources: [primary(maps)], reconcile, ...options });
    running = manager.run(stop.signal);
    await clock.advance(0);
    return controller;
  };
  const make = async (name: string, extra: Partial<ConfigMap['metadata']> = {}) => {
    const object = configMap('shop', name);
    const live = await user.create(resources.ConfigMap, { ...object, metadata: { ...object.metadata, ...extra } });
    await clock.advance(0);
    return live;
  };
  const metric = async (name: string) =>
    (await registry.metrics()).split('\n').filter((line) => line.startsWith(name) && !line.startsWith('#'));

  it('reconciles what is there, and what changes', async () => {
    await make('a');
    await begin();
    expect(reconciled).toEqual(['shop/a']);
    await make('b');
    await user.delete(resources.ConfigMap, { namespace: 'shop', name: 'a' });
    await clock.advance(0);
    expect(reconciled).toEqual(['shop/a', 'shop/b', 'shop/a']);
  });

  it('reconciles nothing before all caches are full', async () => {
    await make('a');
    connection.fault = ({ path, number }) =>
      path.endsWith('/secrets') && number < 6 ? { kind: 'refuse', status: 500 } : undefined;
    manager.informer(resources.Secret);
    await begin();
    expect([manager.synced, reconciled]).toEqual([false, []]);
    await clock.advance(30_000);
    expect([manager.synced, reconciled]).toEqual([true, ['shop/a']]);
  });

  it('shares one watch among those who ask for the same', async () => {
    const one = manager.informer(resources.ConfigMap, { labels: { a: 'b' } });
    expect(manager.informer(resources.ConfigMap, { labels: { a: 'b' } })).toBe(one);
    expect(manager.informer(resources.ConfigMap, { labels: { a: 'c' } })).not.toBe(one);
    expect(manager.informer(resources.ConfigMap)).not.toBe(one);
  });

  it('goes on when an index or a mapping fails on an object', async () => {
    const broken = () => {
      throw new Error('nobody thought of this');
    };
    const secrets = manager.informer(resources.Secret, { indexes: { broken } });
    const maps = manager.informer(resources.ConfigMap);
    await begin({ sources: [mapped(secrets, broken), primary(maps)] });
    await user.create(resources.Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'shop', name: 's' } });
    await make('a');
    expect([reconciled, secrets.cache.size, secrets.cache.byIndex('broken', 'x')]).toEqual([['shop/a'], 1, []]);
    await user.delete(resources.Secret, { namespace: 'shop', name: 's' });
    await clock.advance(0);
    expect(secrets.cache.size).toBe(0);
  });

  it('finds the cache in which an object would be', () => {
    const labelled = manager.informer(resources.ConfigMap, { labels: { a: 'b' } });
    const other = manager.informer(resources.ConfigMap, { namespaces: ['other', 'third'] });
    const cacheOf = (namespace: string, labels: Record<string, string>) =>
      manager.cacheOf(resources.ConfigMap, { namespace, name: 'x', labels });
    expect(cacheOf('shop', { a: 'b', c: 'd' })).toBe(labelled.cache);
    expect(cacheOf('other', {})).toBe(other.cache);
    expect(cacheOf('shop', { a: 'c' })).toBeUndefined();
    expect(manager.cacheOf(resources.Secret, { namespace: 'shop', name: 'x' })).toBeUndefined();
  });

  it('keeps to its namespaces where it has some', async () => {
    manager = new Manager({
      client: new KubeClient(connection, { clock }),
      log: createLogger('silent'),
      instance: 'o',
      clock,
      namespaces: ['shop', 'billing'],
    });
    await make('a');
    for (const namespace of ['other', 'billing']) await user.create(resources.ConfigMap, configMap(namespace, 'b'));
    connection.fault = ({ path, number }) =>
      path.includes('/billing/') && number < 4 ? { kind: 'refuse', status: 403 } : undefined;
    await begin();
    expect([reconciled, manager.unsynced]).toEqual([[], ['ConfigMap']]);
    await clock.advance(30_000);
    expect([reconciled.toSorted(), manager.unsynced]).toEqual([['billing/b', 'shop/a'], []]);
    expect([...new Set(connection.requests.map(({ path }) => path))]).toEqual([
      '/api/v1/namespaces/shop/configmaps',
      '/api/v1/namespaces/billing/configmaps',
    ]);
    const { cache } = manager.informer(resources.ConfigMap);
    expect([cache.size, cache.list('billing').length, cache.list('other').length]).toEqual([2, 1, 0]);
    await user.delete(resources.ConfigMap, { namespace: 'billing', name: 'b' });
    await clock.advance(0);
    expect([reconciled.at(-1), cache.get('billing/b'), cache.get('shop/a')?.metadata.name]).toEqual([
      'billing/b',
      undefined,
      'a',
    ]);
  });

  it('finds the owner of a changed object, before and after', async () => {
    const [one, two] = [await make('one'), await make('two')];
    const reference = (owner: typeof one) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: owner.metadata.name,
      uid: owner.metadata.uid,
      controller: true,
    });
    const secrets = manager.informer(resources.Secret);
    await begin({ sources: [owned(secrets, resources.ConfigMap)] });
    const metadata = { namespace: 'shop', name: 's', ownerReferences: [reference(one)] };
    await user.create(resources.Secret, { apiVersion: 'v1', kind: 'Secret', metadata });
    await clock.advance(0);
    expect(reconciled).toEqual(['shop/one']);
    const body = { metadata: { ownerReferences: [reference(two)] } };
    await user.patch(resources.Secret, metadata, { type: 'merge', body });
    await clock.advance(0);
    expect(reconciled).toEqual(['shop/one', 'shop/one', 'shop/two']);
    await user.delete(resources.Secret, metadata);
    await clock.advance(0);
    expect(reconciled.slice(3)).toEqual(['shop/two']);
  });

  it('finds those who depend on an object by an index of their cache', async () => {
    const maps = manager.informer(resources.ConfigMap, {
      indexes: { secret: ({ data }) => (data?.secret === undefined ? [] : [data.secret]) },
    });
    const secrets = manager.informer(resources.Secret);
    const users = mapped(secrets, ({ metadata }) =>
      maps.cache.byIndex('secret', metadata.name).map((each) => `${each.metadata.namespace}/${each.metadata.name}`),
    );
    await user.create(resources.ConfigMap, configMap('shop', 'a', { secret: 'password' }));
    await begin({ sources: [users] });
    expect(reconciled).toEqual([]);
    await user.create(resources.Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'shop', name: 'password' } });
    await user.create(resources.Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'shop', name: 'other' } });
    await clock.advance(0);
    expect(reconciled).toEqual(['shop/a']);
  });

  it('tries again with growing delays, and others go on meanwhile', async () => {
    const times: number[] = [];
    act = (key) => {
      if (key !== 'shop/bad') return Promise.resolve({});
      times.push(clock.monotonic());
      return Promise.reject(new Error('no'));
    };
    await make('bad');
    await begin();
    await clock.advance(1000);
    await make('good');
    expect(reconciled.filter((key) => key === 'shop/good')).toHaveLength(1);
    await clock.advance(500_000);
    const pauses = times.slice(1).map((time, index) => time - times[index]!);
    expect(pauses.slice(0, 5)).toEqual([100, 200, 400, 800, 1600]);
    expect(Math.max(...pauses)).toBe(120_000);
    expect(await metric('lockkeeper_operator_failing_objects')).toEqual([
      'lockkeeper_operator_failing_objects{controller="test"} 1',
    ]);
    act = () => Promise.resolve({});
    await clock.advance(120_000);
    expect(await metric('lockkeeper_operator_failing_objects')).toEqual([
      'lockkeeper_operator_failing_objects{controller="test"} 0',
    ]);
  });

  it('looks again when it was asked to, and at everything from time to time', async () => {
    act = () => Promise.resolve({ requeueAfterMs: 200_000 });
    await make('a');
    await begin({ resyncMs: 500_000 });
    await clock.advance(199_000);
    expect(reconciled).toHaveLength(1);
    await clock.advance(2_000);
    expect(reconciled).toHaveLength(2);
    act = () => Promise.resolve({});
    await clock.advance(200_000);
    expect(reconciled).toHaveLength(3);
    await clock.advance(160_000);
    expect(reconciled).toHaveLength(4);
    await clock.advance(550_000);
    expect(reconciled).toHaveLength(5);
  });

  it('works on different keys at the same time, and never twice on one', async () => {
    let active = 0;
    let most = 0;
    act = async (key) => {
      most = Math.max(most, ++active);
      await new Promise<void>((resolve) => clock.after(1000, resolve));
      active--;
      return key === '' ? { requeueAfterMs: 1 } : {};
    };
    for (const name of ['a', 'b', 'c', 'd', 'e']) await make(name);
    const controller = await begin({ workers: 3 });
    for (let time = 0; time < 20; time++) controller.enqueue('shop/a');
    await clock.advance(10_000);
    expect(most).toBe(3);
    expect(reconciled.filter((key) => key === 'shop/a')).toHaveLength(2);
  });

  it('ends a reconcile that takes too long', async () => {
    let reason: unknown;
    act = (_key, { signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          reason = signal.reason;
          reject(new Error('ended', { cause: reason }));
        }),
      );
    await make('a');
    await begin({ timeoutMs: 60_000 });
    await clock.advance(60_050);
    expect(reason).toMatchObject({ message: 'the reconcile took over 60 s' });
    await clock.advance(1000);
    expect(reconciled).toHaveLength(2);
  });

  it('stops when what is under way has ended, and leaves nothing behind', async () => {
    let context: ReconcileContext | undefined;
    act = async (_key, given) => {
      context = given;
      await new Promise<void>((resolve) => given.signal.addEventListener('abort', () => clock.after(500, resolve)));
      return { requeueAfterMs: 1 };
    };
    await make('a');
    await begin();
    await make('b');
    let over = false;
    void running.then(() => (over = true));
    stop.abort();
    await clock.advance(499);
    expect([over, context!.signal.aborted]).toEqual([false, true]);
    await clock.advance(1);
    expect([over, server.watches, clock.nextIn]).toEqual([true, 0, undefined]);
    await clock.advance(1_000_000);
    expect(reconciled).toEqual(['shop/a', 'shop/b']);
  });

  it('stops also before its caches are full', async () => {
    connection.fault = () => ({ kind: 'hang' });
    await begin();
    stop.abort();
    await clock.advance(0);
    await running;
    expect(reconciled).toEqual([]);
  });

  it('counts what it does', async () => {
    const errors = [new Error('no'), new Stale('old'), new Postponed('later')];
    act = () => (errors.length > 0 ? Promise.reject(errors.shift()!) : Promise.resolve({}));
    await make('a');
    await begin();
    await clock.advance(5000);
    expect((await metric('lockkeeper_operator_reconciles_total')).sort()).toEqual([
      'lockkeeper_operator_reconciles_total{controller="test",result="conflict"} 2',
      'lockkeeper_operator_reconciles_total{controller="test",result="done"} 1',
      'lockkeeper_operator_reconciles_total{controller="test",result="failed"} 1',
    ]);
    expect(await metric('lockkeeper_operator_reconcile_seconds_count')).toEqual([
      'lockkeeper_operator_reconcile_seconds_count{controller="test"} 4',
    ]);
    expect(await metric('lockkeeper_operator_queue_depth')).toEqual(['lockkeeper_operator_queue_depth{controller="test"} 0']);
    expect(await metric('lockkeeper_operator_cache_objects')).toEqual(['lockkeeper_operator_cache_objects{kind="ConfigMap"} 1']);
    connection.cutWatches();
    await clock.advance(100);
    expect(await metric('lockkeeper_operator_watch_failures_total')).toEqual([
      'lockkeeper_operator_watch_failures_total{kind="ConfigMap",reason="TransportError"} 1',
    ]);
    await clock.advance(61_000);
    server.stopBookmarks();
    await clock.advance(100_000);
    expect(manager.silentMs).toBeGreaterThan(90_000);
    const [line] = await metric('lockkeeper_operator_cache_silence_seconds');
    expect(Number(line!.split(' ')[1])).toBeGreaterThan(90);
  });

  it('is made of parts that stand alone', async () => {
    const controller = new Controller({ name: 'alone', sources: [], reconcile }, { log: createLogger('silent'), clock });
    controller.enqueue('x');
    expect(controller.idle).toBe(false);
    const run = controller.run(stop.signal);
    await clock.advance(0);
    expect([controller.idle, reconciled]).toEqual([true, ['x']]);
    stop.abort();
    await run;
  });
});
