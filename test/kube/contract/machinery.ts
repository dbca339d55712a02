import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../../common/log.ts';
import {
  EventRecorder,
  LeaderElection,
  addFinalizer,
  isConflict,
  removeFinalizer,
  resources,
  type KubeClient,
} from '../../../operator/kube/index.ts';
import { configMap } from '../objects.ts';
import type { ContractContext } from './context.ts';
import { withInformer } from './with-informer.ts';

const log = createLogger('silent');

/** Informers, finalizers, Events and elections. */
export function machineryContract(on: ContractContext): void {
  describe('the machinery', () => {
    let client: KubeClient;
    let namespace: string;
    const { unique } = on;
    beforeAll(() => {
      ({ client, namespace } = on.server);
    });

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
        await withInformer(on.server, resources.ConfigMap, labels, async ({ cache }, told) => {
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
