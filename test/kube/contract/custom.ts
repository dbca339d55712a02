import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../../common/log.ts';
import {
  Manager,
  findCondition,
  isConflict,
  isInvalid,
  judge,
  resources,
  writeStatus,
  type KubeClient,
  type SyncPipelineResource,
  type ZkEnsembleResource,
} from '../../../operator/kube/index.ts';
import { Outside, addSample } from '../sample-reconciler.ts';
import { failure, type ContractContext } from './context.ts';

/** Lockkeeper's own kinds, on a server that has them. */
export function customContract(on: ContractContext): void {
  describe('custom resources', () => {
    let client: KubeClient;
    let namespace: string;
    const unique = () => on.unique('e');
    const ensemble = (objectName: string, spec: unknown = {}): ZkEnsembleResource => ({
      apiVersion: 'lockkeeper.io/v1alpha1',
      kind: 'ZkEnsemble',
      metadata: { namespace, name: objectName },
      spec,
    });
    const apply = (object: ZkEnsembleResource) => client.apply(resources.ZkEnsemble, object, { fieldManager: 'kubectl' });
    const { at } = on;

    beforeAll(() => {
      ({ client, namespace } = on.server);
    });

    it('get defaults, and a generation that counts changes of the spec', async () => {
      const wanted = ensemble(unique(), { voters: { replicas: 5 }, observers: [{ region: 'east' }] });
      const first = await apply(wanted);
      expect(first.spec).toEqual({
        image: 'zookeeper:3.9',
        voters: { region: 'home', replicas: 5 },
        observers: [{ region: 'east', replicas: 2 }],
        externalMembers: [],
        config: { tickTime: 2000, initLimit: 10, syncLimit: 5, maxClientCnxns: 60, autopurgeHours: 6, extra: {} },
        storage: { data: { size: '10Gi' }, ephemeral: false, reclaimPolicy: 'Retain' },
        pod: { resources: { requests: {}, limits: {} }, nodeSelector: {}, tolerations: [], annotations: {} },
        paused: false,
      });
      expect(first.metadata.generation).toBe(1);
      expect((await apply(wanted)).metadata.resourceVersion).toBe(first.metadata.resourceVersion);
      const second = await apply({ ...wanted, spec: { voters: { replicas: 7 } } });
      expect(second.spec).toMatchObject({ voters: { replicas: 7 }, observers: [] });
      expect(second.metadata.generation).toBe(2);
      const labelled = await client.patch(resources.ZkEnsemble, at(first), {
        type: 'merge',
        body: { metadata: { labels: { a: 'b' } } },
      });
      expect(labelled.metadata.generation).toBe(2);
    });

    it('merge observers by region', async () => {
      const wanted = ensemble(unique(), { observers: [{ region: 'east', replicas: 2 }] });
      const first = await apply(wanted);
      const theirs = { ...wanted, spec: { observers: [{ region: 'west', replicas: 1 }] } };
      const both = await client.apply(resources.ZkEnsemble, theirs, { fieldManager: 'gitops', force: false });
      expect((both.spec as { observers: unknown }).observers).toEqual([
        { region: 'east', replicas: 2 },
        { region: 'west', replicas: 1 },
      ]);
      expect(first.metadata.uid).toBe(both.metadata.uid);
    });

    it('are refused with the field and the rule', async () => {
      const even = await failure(apply(ensemble(unique(), { voters: { replicas: 4 } })));
      expect(isInvalid(even)).toBe(true);
      expect(even.details.causes?.map(({ field }) => field)).toContain('spec.voters.replicas');
      expect(even.message).toContain('must be odd');
      const large = await failure(apply(ensemble(unique(), { config: { tickTime: 5 } })));
      expect(large.details.causes?.map(({ field }) => field)).toContain('spec.config.tickTime');
    });

    it('are refused with a field that there is not', async () => {
      const object = ensemble(unique(), { voter: { replicas: 3 } });
      const created = await failure(client.create(resources.ZkEnsemble, object));
      expect([created.status, created.message]).toEqual([400, expect.stringContaining('unknown field "spec.voter"')]);
      expect((await failure(apply(object))).status).toBeGreaterThanOrEqual(400);
      expect(await client.find(resources.ZkEnsemble, object.metadata)).toBeUndefined();
    });

    it('are refused a change that cannot be made', async () => {
      const first = await apply(ensemble(unique()));
      const error = await failure(apply(ensemble(first.metadata.name, { voters: { region: 'away' } })));
      expect([isInvalid(error), error.message]).toEqual([true, expect.stringContaining('cannot be changed')]);
    });

    describe('status', () => {
      const conditions = (status: 'True' | 'False', before?: ZkEnsembleResource) =>
        judge(before?.status?.conditions, [{ type: 'Ready', status, reason: 'Tested', message: 'x' }], 1, Date.UTC(2026, 0, 1));

      it('is written once, whole, and without touching the spec', async () => {
        const object = await apply(ensemble(unique()));
        const members = [{ id: 1, role: 'voter' as const, ready: true }];
        const status = { observedGeneration: 1, conditions: conditions('True'), members };
        const written = await writeStatus(client, resources.ZkEnsemble, object, status);
        expect([written!.status, written!.spec, written!.metadata.generation]).toEqual([status, object.spec, 1]);
        expect(await writeStatus(client, resources.ZkEnsemble, written!, status)).toBeUndefined();
        const { members: _members, ...fewer } = status;
        expect((await writeStatus(client, resources.ZkEnsemble, written!, fewer))!.status).toEqual(fewer);
        // By somebody who has seen an older one: not at all.
        await expect(writeStatus(client, resources.ZkEnsemble, object, status)).rejects.toSatisfy(isConflict);
      });

      it('of an object that was made anew is not written', async () => {
        const object = await apply(ensemble(unique()));
        await client.delete(resources.ZkEnsemble, at(object));
        const status = { conditions: conditions('True') };
        await expect(writeStatus(client, resources.ZkEnsemble, object, status)).rejects.toMatchObject({ status: 404 });
        await apply(ensemble(object.metadata.name));
        await expect(writeStatus(client, resources.ZkEnsemble, object, status)).rejects.toSatisfy(isConflict);
        expect((await client.get(resources.ZkEnsemble, at(object))).status).toBeUndefined();
      });

      it('is judged by its schema', async () => {
        const object = await apply(ensemble(unique()));
        const wrong = { ...ensemble(object.metadata.name), spec: undefined, status: { members: [{ id: 'one' }] } };
        const error = await failure(client.apply(resources.ZkEnsemble, wrong as never, { subresource: 'status' }));
        expect(error.status).toBeGreaterThanOrEqual(400);
        expect((await client.get(resources.ZkEnsemble, at(object))).status).toBeUndefined();
      });

      it('keeps conditions of others', async () => {
        const object = await apply(ensemble(unique()));
        const theirs = { ...conditions('True')[0]!, type: 'Theirs' };
        const { apiVersion, kind } = object;
        const body = { apiVersion, kind, metadata: at(object), status: { conditions: [theirs] } } as ZkEnsembleResource;
        await client.apply(resources.ZkEnsemble, body, { subresource: 'status', fieldManager: 'theirs' });
        const newest = await client.get(resources.ZkEnsemble, at(object));
        const written = await writeStatus(client, resources.ZkEnsemble, newest, { conditions: conditions('False') });
        expect(written!.status!.conditions!.map(({ type }) => type).sort()).toEqual(['Ready', 'Theirs']);
      });
    });

    it('of the other kinds are served, too', async () => {
      const instance = { apiVersion: 'lockkeeper.io/v1alpha1', kind: 'CanalInstance', metadata: { namespace, name: unique() } };
      const spec = {
        serverId: 1234,
        master: { host: 'mysql.home' },
        zkEnsembleRef: { name: 'main' },
        credentialsSecretRef: { name: 'source' },
      };
      const made = await client.create(resources.CanalInstance, { ...instance, spec });
      expect(made.spec).toMatchObject({ master: { host: 'mysql.home', port: 3306 } });
      const target = { host: 'mysql.east', credentialsSecretRef: { name: 'target' } };
      const pipeline: SyncPipelineResource = {
        apiVersion: 'lockkeeper.io/v1alpha1',
        kind: 'SyncPipeline',
        metadata: { namespace, name: unique() },
        spec: { canalInstanceRef: { name: made.metadata.name }, region: 'east', target },
      };
      expect((await client.create(resources.SyncPipeline, pipeline)).spec).toMatchObject({
        state: 'Running',
        apply: { mode: 'Auto' },
      });
    });

    it('are reconciled, and then nothing is written any more', async () => {
      const outside = new Outside();
      const stop = new AbortController();
      const manager = new Manager({ client, log: createLogger('silent'), instance: 'operator', namespaces: [namespace] });
      const controller = addSample(manager, outside);
      const running = manager.run(stop.signal);
      const objectName = unique();
      const ready = async () =>
        findCondition((await client.get(resources.ZkEnsemble, { namespace, name: objectName })).status?.conditions, 'Ready');
      await apply(ensemble(objectName, { observers: [{ region: 'east' }] }));
      await vi.waitFor(async () => expect(await ready()).toMatchObject({ reason: 'NotReady' }), 20_000);
      const versions = async () => {
        await vi.waitFor(() => expect(controller.idle).toBe(true), 10_000);
        const sets = await client.list(resources.StatefulSet, { namespace });
        const ours = sets.items.filter(({ metadata }) => metadata.name.startsWith(objectName));
        const object = await client.get(resources.ZkEnsemble, { namespace, name: objectName });
        return [object, ...ours].map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`);
      };
      const before = await versions();
      expect(before).toHaveLength(3);
      for (let turn = 0; turn < 5; turn++) {
        manager.enqueueAll();
        expect(await versions()).toEqual(before);
      }
      await client.delete(resources.ZkEnsemble, { namespace, name: objectName });
      await vi.waitFor(
        async () => expect(await client.find(resources.ZkEnsemble, { namespace, name: objectName })).toBeUndefined(),
        10_000,
      );
      expect(outside.of(`${namespace}/${objectName}`).size).toBe(0);
      stop.abort();
      await running;
    });
  });
}
