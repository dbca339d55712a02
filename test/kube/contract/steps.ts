import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { StepRunner, type FindCache } from '../../../operator/kube/carry-out.ts';
import {
  NameTaken,
  Postponed,
  isConflict,
  ownerReference,
  resourceOf,
  resources,
  type ConfigMap,
  type KubeClient,
  type Live,
  type Resource,
} from '../../../operator/kube/index.ts';
import { configMap, oneOfEach, statefulSet } from '../objects.ts';
import type { ContractContext } from './context.ts';
import { withInformer } from './with-informer.ts';

/** Steps of plans, as they are carried out. */
export function stepsContract(on: ContractContext): void {
  describe('steps', () => {
    let client: KubeClient;
    let namespace: string;
    const { unique } = on;
    const confirm = () => Promise.resolve();
    beforeAll(() => {
      ({ client, namespace } = on.server);
    });

    it('make one object of each kind, and find nothing to do the second time', async () => {
      const objects = oneOfEach(namespace);
      const runner = new StepRunner(client, () => undefined);
      const run = async (by: StepRunner) => {
        const outcomes = [];
        for (const object of objects)
          outcomes.push(await by.run({ kind: 'apply', object }, { signal: AbortSignal.timeout(60_000), confirm }));
        return outcomes;
      };
      expect(await run(runner)).toEqual(objects.map(() => 'created'));
      const versions = async () =>
        Promise.all(
          objects.map(async (object) => (await client.get(resourceOf(object), object.metadata)).metadata.resourceVersion),
        );
      const before = await versions();
      expect(await run(runner)).toEqual(objects.map(() => 'unchanged'));
      // A new operator remembers nothing, and sees it just the same.
      const writes: string[] = [];
      const fresh = new StepRunner(spied(client, writes), () => undefined);
      expect(await run(fresh)).toEqual(objects.map(() => 'unchanged'));
      expect(writes).toEqual([]);
      expect(await versions()).toEqual(before);
    });

    it('repair what was changed, drop what is no longer wanted, and leave what is not ours', async () => {
      const runner = new StepRunner(client, () => undefined);
      const signal = AbortSignal.timeout(60_000);
      const wanted = configMap(namespace, unique(), { a: '1', b: '2' });
      const apply = (object: ConfigMap) => runner.run({ kind: 'apply', object: object }, { signal, confirm });
      expect(await apply(wanted)).toBe('created');
      const body = { data: { a: 'drift', theirs: 'x' }, metadata: { labels: { theirs: 'x' } } };
      await client.patch(resources.ConfigMap, wanted.metadata, { type: 'merge', body }, { fieldManager: 'kubectl-edit' });
      expect(await apply(wanted)).toBe('changed');
      const { b: _b, ...data } = wanted.data!;
      expect(await apply({ ...wanted, data })).toBe('changed');
      const live = await client.get(resources.ConfigMap, wanted.metadata);
      expect([live.data, live.metadata.labels?.theirs]).toEqual([{ a: '1', theirs: 'x' }, 'x']);
      expect(await apply({ ...wanted, data })).toBe('unchanged');
    });

    it('use the cache: what it shows as applied costs no request', async () => {
      const labels = { group: unique('group') };
      const wanted = { ...statefulSet(namespace, unique('set')), metadata: { namespace, name: unique('set'), labels } };
      await withInformer(on.server, resources.StatefulSet, labels, async ({ cache }) => {
        const requests: string[] = [];
        const runner = new StepRunner(spied(client, requests, true), (() => cache) as FindCache);
        const options = { signal: AbortSignal.timeout(60_000), confirm };
        expect(await runner.run({ kind: 'apply', object: wanted }, options)).toBe('created');
        expect(cache.get(`${namespace}/${wanted.metadata.name}`)?.spec?.replicas).toBe(3);
        requests.length = 0;
        expect(await runner.run({ kind: 'apply', object: wanted }, options)).toBe('unchanged');
        expect(requests).toEqual([]);
      });
    });

    it('leave alone what belongs to somebody else', async () => {
      const runner = new StepRunner(client, () => undefined);
      const options = { signal: AbortSignal.timeout(60_000), confirm };
      const owner = await client.create(resources.ConfigMap, configMap(namespace, unique('owner')));
      const taken = unique('taken');
      await client.create(resources.ConfigMap, { ...configMap(namespace, taken), metadata: { namespace, name: taken } });
      const wanted = configMap(namespace, taken);
      const owned = { ...wanted, metadata: { ...wanted.metadata, ownerReferences: [ownerReference(owner)] } };
      await expect(runner.run({ kind: 'apply', object: owned }, options)).rejects.toThrow(NameTaken);
      await expect(runner.run({ kind: 'apply', object: owned }, options)).rejects.toThrow('exists and belongs to nobody');
      const before = await client.get(resources.ConfigMap, { namespace, name: taken });
      expect(before.metadata.ownerReferences).toBeUndefined();
    });

    it('adopt an orphan of ours', async () => {
      const runner = new StepRunner(client, () => undefined);
      const options = { signal: AbortSignal.timeout(60_000), confirm };
      const owner = await client.create(resources.ConfigMap, configMap(namespace, unique('owner')));
      const orphan = await client.create(resources.ConfigMap, configMap(namespace, unique('orphan')));
      const wanted = configMap(namespace, orphan.metadata.name);
      const owned = { ...wanted, metadata: { ...wanted.metadata, ownerReferences: [ownerReference(owner)] } };
      expect(await runner.run({ kind: 'apply', object: owned }, options)).toBe('changed');
      expect((await client.get(resources.ConfigMap, orphan.metadata as never)).metadata.ownerReferences).toHaveLength(1);
    });

    it('delete only the object that was meant', async () => {
      const runner = new StepRunner(client, () => undefined);
      const options = { signal: AbortSignal.timeout(60_000), confirm };
      const object = await client.create(resources.ConfigMap, configMap(namespace, unique()));
      const ref = { namespace, name: object.metadata.name };
      const step = { kind: 'delete', resource: resources.ConfigMap as Resource, ref } as const;
      expect(await runner.run({ ...step, uid: randomUUID() }, options)).toBe('unchanged');
      const unless = (live: Live) => `it is ${live.metadata.name}`;
      await expect(runner.run({ ...step, uid: object.metadata.uid, unless }, options)).rejects.toThrow(Postponed);
      expect(await client.find(resources.ConfigMap, ref)).toBeDefined();
      expect(await runner.run({ ...step, uid: object.metadata.uid }, options)).toBe('deleted');
      expect(await client.find(resources.ConfigMap, ref)).toBeUndefined();
      expect(await runner.run({ ...step, uid: object.metadata.uid }, options)).toBe('unchanged');
    });

    it('lose to a change between their look and their write', async () => {
      const wanted = configMap(namespace, unique(), { a: '1' });
      await client.create(resources.ConfigMap, wanted);
      const runner = new StepRunner(client, () => undefined);
      let looks = 0;
      const unless = () => {
        looks++;
        return undefined;
      };
      const meddling = { signal: AbortSignal.timeout(60_000), confirm };
      const raced = new StepRunner(
        interposed(client, async () => {
          await client.patch(resources.ConfigMap, wanted.metadata, {
            type: 'merge',
            body: { data: { b: String(looks) } },
          });
        }),
        () => undefined,
      );
      const failed = await raced.run({ kind: 'apply', object: wanted, unless }, meddling).catch((error: unknown) => error);
      expect([looks, isConflict(failed)]).toEqual([1, true]);
      expect(await runner.run({ kind: 'apply', object: wanted }, meddling)).toBe('changed');
    });
  });
}

/** The client, noting its writes, or with `all` everything it is asked. */
function spied(client: KubeClient, calls: string[], all = false): KubeClient {
  const reads = ['get', 'find', 'list', 'listAll', 'watch'];
  return new Proxy(client, {
    get(target, property) {
      const member = Reflect.get(target, property, target) as unknown;
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        if (all || !reads.includes(String(property))) calls.push(String(property));
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
}

/** The client, with something done before each apply. */
function interposed(client: KubeClient, before: () => Promise<void>): KubeClient {
  return new Proxy(client, {
    get(target, property) {
      const member = Reflect.get(target, property, target) as (...args: unknown[]) => unknown;
      if (typeof member !== 'function') return member;
      if (property !== 'apply') return member.bind(target);
      return async (...args: unknown[]) => {
        await before();
        return Reflect.apply(member, target, args);
      };
    },
  });
}
