import { beforeEach, describe, expect, it } from 'vitest';
import {
  KubeClient,
  isInvalid,
  isNotFound,
  resources,
  type ConfigMap,
  type KubeError,
  type ZkEnsembleResource,
} from '../../operator/kube/index.ts';
import { ManualClock } from '../../operator/kube/manual-clock.ts';
import { ApiServer, type Connection } from './index.ts';

describe('ApiServer', () => {
  let clock: ManualClock;
  let server: ApiServer;
  let connection: Connection;
  let client: KubeClient;

  const map = (name: string, v = '1'): ConfigMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'shop', name },
    data: { v },
  });
  const names = async () => (await client.list(resources.ConfigMap)).items.map(({ metadata }) => metadata.name);
  const once = { attempts: 1, firstDelayMs: 1, longestDelayMs: 1, longestRetryAfterMs: 1 };

  beforeEach(() => {
    clock = new ManualClock();
    server = new ApiServer({ clock });
    connection = server.connect();
    client = new KubeClient(connection, { clock, retry: once });
  });

  describe('history', () => {
    it('is there until it is compacted', async () => {
      await client.create(resources.ConfigMap, map('a'));
      const then = server.store.revision;
      await client.apply(resources.ConfigMap, map('a', '2'));
      await client.create(resources.ConfigMap, map('b'));
      await client.delete(resources.ConfigMap, { namespace: 'shop', name: 'a' });
      expect(server.store.list('v1/configmaps', then).map((object) => (object as ConfigMap).data)).toEqual([{ v: '1' }]);
      expect(server.store.list('v1/configmaps', then + 2).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
      server.compact();
      expect(() => server.store.list('v1/configmaps', then)).toThrow();
      expect(await names()).toEqual(['b']);
    });

    it('hands out what cannot be changed', async () => {
      const object = await client.create(resources.ConfigMap, map('a'));
      expect(() => ((object.data as { v: string }).v = '2')).toThrow(TypeError);
    });
  });

  describe('connections', () => {
    it('see the past when they are frozen or late, and the present in single reads', async () => {
      await client.create(resources.ConfigMap, map('a'));
      connection.freezeAt(server.store.revision);
      await client.create(resources.ConfigMap, map('b'));
      expect(await names()).toEqual(['a']);
      expect(await client.find(resources.ConfigMap, { namespace: 'shop', name: 'b' })).toBeDefined();
      connection.lagBy(1);
      await client.create(resources.ConfigMap, map('c'));
      expect(await names()).toEqual(['a', 'b']);
      connection.catchUp();
      expect(await names()).toEqual(['a', 'b', 'c']);
    });

    it('are late in watches as well, and catch up', async () => {
      const abort = new AbortController();
      const watch = await client.watch(resources.ConfigMap, { resourceVersion: '1', timeoutSeconds: 600 }, abort.signal);
      const seen: string[] = [];
      void (async () => {
        for await (const { type, object } of watch) seen.push(`${type} ${(object as ConfigMap).metadata.name}`);
      })().catch(() => undefined);
      connection.lagBy(2);
      for (const name of ['a', 'b', 'c']) await client.create(resources.ConfigMap, map(name));
      await clock.advance(0);
      expect(seen).toEqual(['ADDED a']);
      connection.catchUp();
      await clock.advance(0);
      expect(seen).toEqual(['ADDED a', 'ADDED b', 'ADDED c']);
      abort.abort();
      await clock.advance(0);
      expect(server.watches).toBe(0);
    });

    it('die after a write, which stays done', async () => {
      connection.crashAfterWrite(2);
      await client.create(resources.ConfigMap, map('a'));
      await expect(client.create(resources.ConfigMap, map('b'))).rejects.toMatchObject({ status: 0 });
      await expect(client.create(resources.ConfigMap, map('c'))).rejects.toMatchObject({ status: 0 });
      expect(connection.dead).toBe(true);
      expect(server.store.list('v1/configmaps').map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
      expect(connection.writes.map(({ verb, path }) => `${verb} ${path.split('/').at(-1)}`)).toEqual([
        'create configmaps',
        'create configmaps',
      ]);
    });

    it('count as writes only what changed something', async () => {
      await client.apply(resources.ConfigMap, map('a'));
      await client.apply(resources.ConfigMap, map('a'));
      await client.apply(resources.ConfigMap, map('b'), { dryRun: true });
      await client.delete(resources.ConfigMap, { namespace: 'shop', name: 'a' });
      expect(connection.writes.map(({ verb, path }) => `${verb} ${path}`)).toEqual([
        'create /api/v1/namespaces/shop/configmaps/a',
        'delete /api/v1/namespaces/shop/configmaps/a',
      ]);
      expect(connection.writeRequests).toBe(4);
    });

    it('do not disturb each other', async () => {
      connection.fault = () => ({ kind: 'lose' });
      await expect(client.list(resources.ConfigMap)).rejects.toThrow('socket hang up');
      expect((await new KubeClient(server.connect()).list(resources.ConfigMap)).items).toEqual([]);
    });
  });

  it('lets nothing be made in a namespace that is going', async () => {
    server.terminating.add('shop');
    await expect(client.create(resources.ConfigMap, map('a'))).rejects.toMatchObject({ status: 403 });
    await expect(client.apply(resources.ConfigMap, map('a'))).rejects.toThrow('because it is being terminated');
  });

  describe('custom resources', () => {
    const ensemble = (spec?: unknown): ZkEnsembleResource => ({
      apiVersion: 'lockkeeper.io/v1alpha1',
      kind: 'ZkEnsemble',
      metadata: { namespace: 'shop', name: 'main' },
      ...(spec === undefined ? {} : { spec }),
    });
    const apply = (spec?: unknown) => client.apply(resources.ZkEnsemble, ensemble(spec), { fieldManager: 'kubectl' });
    const refusal = async (promise: Promise<unknown>) =>
      promise.then(
        () => undefined,
        (error: unknown) => error as KubeError,
      );

    it('get their schema’s defaults, without nulls', async () => {
      const { spec, metadata } = await apply({ voters: { replicas: 5 } });
      expect(spec).toMatchObject({
        image: 'zookeeper:3.9',
        voters: { region: 'home', replicas: 5 },
        observers: [],
        paused: false,
      });
      expect(JSON.stringify(spec)).not.toContain('null');
      expect(metadata.generation).toBe(1);
      expect((await apply()).spec).toMatchObject({ voters: { replicas: 3 } });
    });

    it('are refused with the field and its rule', async () => {
      const error = await refusal(apply({ voters: { replicas: 4 } }));
      expect(isInvalid(error)).toBe(true);
      expect(error!.details.causes?.map(({ field }) => field)).toEqual(['spec.voters.replicas']);
      expect(error!.message).toContain('must be odd');
    });

    it('are refused with a field that there is not', async () => {
      const error = await refusal(apply({ voter: { replicas: 3 } }));
      expect(error).toMatchObject({ status: 400 });
      expect(error!.message).toContain('strict decoding error: unknown field "spec.voter"');
    });

    it('are refused a change that cannot be made', async () => {
      await apply({ voters: { region: 'home' } });
      const error = await refusal(apply({ voters: { region: 'away' } }));
      expect([isInvalid(error), error!.message]).toEqual([true, expect.stringContaining('spec.voters.region cannot be changed')]);
    });

    it('have a status of their own, judged as well', async () => {
      await apply({});
      const status = { observedGeneration: 1, members: [] };
      const live = await client.apply(
        resources.ZkEnsemble,
        { ...ensemble(), status },
        {
          subresource: 'status',
        },
      );
      expect([live.status, live.metadata.generation]).toEqual([status, 1]);
      const bad = { ...ensemble(), status: { phase: 'Odd' } } as unknown as ZkEnsembleResource;
      expect((await refusal(client.apply(resources.ZkEnsemble, bad, { subresource: 'status' })))!.status).toBe(400);
      const changed = await apply({ paused: true });
      expect([changed.status, changed.metadata.generation]).toEqual([status, 2]);
    });

    it('count a deletion that waits as a generation', async () => {
      await apply({});
      const ref = { namespace: 'shop', name: 'main' };
      await client.patch(resources.ZkEnsemble, ref, { type: 'merge', body: { metadata: { finalizers: ['a/b'] } } });
      await client.delete(resources.ZkEnsemble, ref);
      expect((await client.get(resources.ZkEnsemble, ref)).metadata.generation).toBe(2);
      await client.patch(resources.ZkEnsemble, ref, { type: 'merge', body: { metadata: { finalizers: null } } });
      expect(isNotFound(await refusal(client.get(resources.ZkEnsemble, ref)))).toBe(true);
    });
  });
});
