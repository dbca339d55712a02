import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../common/log.ts';
import { StepRunner } from '../../operator/kube/carry-out.ts';
import {
  EventRecorder,
  Informer,
  LeaderElection,
  NameTaken,
  Postponed,
  addFinalizer,
  isConflict,
  ownerReference,
  removeFinalizer,
  resourceOf,
  resources,
  type ConfigMap,
  type KubeClient,
  type KubeObject,
  type Live,
  type Resource,
} from '../../operator/kube/index.ts';
import { configMap, oneOfEach, statefulSet } from './objects.ts';
import type { ContractServer } from './server-contract.ts';

const log = createLogger('silent');

/** The operator's machinery on a server; the same on the real one and on ours. */
export function machineryContract(name: string, open: () => Promise<ContractServer>): void {
  describe(name, () => {
    let server: ContractServer;
    let client: KubeClient;
    let namespace: string;
    const unique = (prefix = 'x') => `${prefix}-${randomUUID().slice(0, 8)}`;
    const confirm = () => Promise.resolve();

    beforeAll(async () => {
      server = await open();
      ({ client, namespace } = server);
    });
    afterAll(() => server.close());

    /** An informer at work, with what it told, until the test is over. */
    const informed = async <T extends KubeObject, R>(
      resource: Resource<T>,
      labels: Record<string, string>,
      use: (informer: Informer<T>, told: string[]) => Promise<R>,
    ): Promise<R> => {
      const stop = new AbortController();
      const informer = new Informer(resource, { namespace, labels }, { client, log });
      const told: string[] = [];
      informer.onChange((change) => {
        const object = change.kind === 'deleted' ? change.before : change.now;
        told.push(`${change.kind} ${object.metadata.name}`);
      });
      const running = informer.run(stop.signal);
      await informer.whenSynced;
      try {
        return await use(informer, told);
      } finally {
        stop.abort();
        await running;
      }
    };

    describe('informer', () => {
      it('has what was there, and follows what happens', async () => {
        const labels = { group: unique('group') };
        const make = (objectName: string, data: Record<string, string>) =>
          client.create(resources.ConfigMap, {
            ...configMap(namespace, objectName, data),
            metadata: { namespace, name: objectName, labels },
          });
        const [first, second] = [unique('first'), unique('second')];
        await make(first, { a: '1' });
        await informed(resources.ConfigMap, labels, async ({ cache }, told) => {
          expect(cache.list(namespace).map(({ metadata }) => metadata.name)).toEqual([first]);
          await make(second, { a: '2' });
          await client.patch(resources.ConfigMap, { namespace, name: first }, { type: 'merge', body: { data: { a: '3' } } });
          await client.delete(resources.ConfigMap, { namespace, name: second });
          await vi.waitFor(
            () => expect(told).toEqual([`added ${first}`, `added ${second}`, `updated ${first}`, `deleted ${second}`]),
            10_000,
          );
          expect(cache.get(`${namespace}/${first}`)).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: '3' } });
          expect(cache.get(`${namespace}/${first}`)!.metadata.managedFields).toBeUndefined();
        });
      });
    });

    describe('steps', () => {
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
        await informed(resources.StatefulSet, labels, async ({ cache }) => {
          const requests: string[] = [];
          const runner = new StepRunner(
            spied(client, requests, true),
            <T extends KubeObject>() => cache as never as undefined | T as never,
          );
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

    describe('finalizers', () => {
      it('go on and off without disturbing others', async () => {
        const object = await client.create(resources.ConfigMap, configMap(namespace, unique()));
        const one = await addFinalizer(client, resources.ConfigMap, object, 'lockkeeper.io/one');
        const two = await addFinalizer(client, resources.ConfigMap, one, 'lockkeeper.io/two');
        expect(two.metadata.finalizers).toEqual(['lockkeeper.io/one', 'lockkeeper.io/two']);
        await expect(removeFinalizer(client, resources.ConfigMap, one, 'lockkeeper.io/one')).rejects.toSatisfy(isConflict);
        await removeFinalizer(client, resources.ConfigMap, two, 'lockkeeper.io/one');
        const left = await client.get(resources.ConfigMap, object.metadata);
        expect(left.metadata.finalizers).toEqual(['lockkeeper.io/two']);
        await client.delete(resources.ConfigMap, object.metadata);
        await removeFinalizer(
          client,
          resources.ConfigMap,
          await client.get(resources.ConfigMap, object.metadata as never),
          'lockkeeper.io/two',
        );
        expect(await client.find(resources.ConfigMap, object.metadata as never)).toBeUndefined();
        await removeFinalizer(client, resources.ConfigMap, two, 'lockkeeper.io/two');
      });
    });

    describe('Events', () => {
      it('are stored on their object, and counted when they repeat', async () => {
        const object = await client.create(resources.ConfigMap, configMap(namespace, unique()));
        const events = new EventRecorder({ client, log, instance: 'operator-0' });
        for (let time = 0; time < 3; time++) events.record(object, { type: 'Warning', reason: 'Broken', note: 'it does not go' });
        events.record(object, { type: 'Normal', reason: 'Repaired', note: 'it goes' });
        await events.flush();
        const fieldSelector = `involvedObject.uid=${object.metadata.uid}`;
        const { items } = await client.list(resources.Event, { namespace, fieldSelector });
        const shown = items.map(({ type, reason, message, count }) => `${type} ${reason} ${message} x${count}`).sort();
        expect(shown).toEqual(['Normal Repaired it goes x1', 'Warning Broken it does not go x3']);
        expect(items[0]).toMatchObject({
          involvedObject: { kind: 'ConfigMap', name: object.metadata.name, namespace },
          source: { component: 'lockkeeper-operator' },
          reportingInstance: 'operator-0',
        });
      });
    });

    describe('election', () => {
      it('has one leader, and the next at once when that one stops', async () => {
        const lease = { namespace, name: unique('lease') };
        const story: string[] = [];
        const candidate = (identity: string, stop: AbortController) => {
          const times = { leaseMs: 4000, renewMs: 3000, retryMs: 200 };
          return new LeaderElection({ client, lease, identity, log, ...times }).run(stop.signal, async (term) => {
            story.push(`${identity} leads`);
            await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
            story.push(`${identity} ends ${term.aborted ? 'its term' : 'too early'}`);
          });
        };
        const [first, second] = [new AbortController(), new AbortController()];
        const one = candidate('one', first);
        await vi.waitFor(() => expect(story).toEqual(['one leads']), 10_000);
        const two = candidate('two', second);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        expect(story).toEqual(['one leads']);
        const before = performance.now();
        first.abort();
        expect(await one).toBe('stopped');
        await vi.waitFor(() => expect(story).toContain('two leads'), 10_000);
        expect(performance.now() - before).toBeLessThan(3000);
        const held = await client.get(resources.Lease, lease);
        expect(held.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
        second.abort();
        expect(await two).toBe('stopped');
        expect((await client.get(resources.Lease, lease)).spec!.holderIdentity).toBeUndefined();
        expect(story).toEqual(['one leads', 'one ends its term', 'two leads', 'two ends its term']);
      });
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
