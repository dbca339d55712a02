import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { isConflict, isInvalid, isNotFound, resources, type KubeClient, type StatefulSet } from '../../../operator/kube/index.ts';
import { disruptionBudget, statefulSet } from '../objects.ts';
import { failure, managers, type ContractContext } from './context.ts';

/** Status, generation and deletion. */
export function lifecycleContract(on: ContractContext): void {
  describe('status', () => {
    let client: KubeClient;
    let namespace: string;
    const { unique, made, at } = on;
    beforeAll(() => {
      ({ client, namespace } = on.server);
    });

    it('is its own writing: the spec ignores it, and it ignores the spec', async () => {
      const wanted = statefulSet(namespace, unique('set'));
      const first = await client.apply(resources.StatefulSet, { ...wanted, status: { replicas: 7 } });
      expect(first.status?.replicas ?? 0).toBe(0);
      expect(first.metadata.generation).toBe(1);
      const identity = {
        apiVersion: wanted.apiVersion,
        kind: wanted.kind,
        metadata: { namespace, name: wanted.metadata.name },
      };
      const status = { replicas: 3, readyReplicas: 2, observedGeneration: 1 };
      const second = await client.apply(
        resources.StatefulSet,
        { ...identity, status },
        {
          subresource: 'status',
        },
      );
      expect(second.status).toMatchObject(status);
      expect(second.metadata.generation).toBe(1);
      expect(second.spec).toEqual(first.spec);
      expect(managers(second)['lockkeeper Apply status']).toContain('.status.readyReplicas');
      const again = await client.apply(
        resources.StatefulSet,
        { ...identity, status },
        {
          subresource: 'status',
        },
      );
      expect(again.metadata.resourceVersion).toBe(second.metadata.resourceVersion);
      const body = { spec: { replicas: 9 }, status: { replicas: 4 } };
      const third = await client.patch(resources.StatefulSet, at(first), { type: 'merge', body }, { subresource: 'status' });
      expect([third.spec!.replicas, third.status!.replicas]).toEqual([3, 4]);
      const fourth = await client.patch(resources.StatefulSet, at(first), { type: 'merge', body });
      expect([fourth.spec!.replicas, fourth.status!.replicas, fourth.metadata.generation]).toEqual([9, 4, 2]);
    });

    it('of what is not there is not created', async () => {
      const { apiVersion, kind } = resources.StatefulSet;
      const object = { apiVersion, kind, metadata: { namespace, name: unique() }, status: { replicas: 1 } } as StatefulSet;
      expect(isNotFound(await failure(client.apply(resources.StatefulSet, object, { subresource: 'status' })))).toBe(true);
    });

    it('goes only with a kind that has it', async () => {
      const object = await made();
      const patch = client.patch(resources.ConfigMap, at(object), { type: 'merge', body: {} }, { subresource: 'status' });
      expect(isNotFound(await failure(patch))).toBe(true);
    });
  });

  describe('generation', () => {
    let client: KubeClient;
    let namespace: string;
    const { unique } = on;
    beforeAll(() => {
      ({ client, namespace } = on.server);
    });

    it('counts changes of the spec alone', async () => {
      const wanted = disruptionBudget(namespace, unique('budget'));
      const first = await client.apply(resources.PodDisruptionBudget, wanted);
      expect(first.metadata.generation).toBe(1);
      const labelled = { ...wanted, metadata: { ...wanted.metadata, labels: { a: 'b' }, annotations: { c: 'd' } } };
      expect((await client.apply(resources.PodDisruptionBudget, labelled)).metadata.generation).toBe(1);
      const changed = { ...labelled, spec: { ...wanted.spec!, maxUnavailable: 2 } };
      expect((await client.apply(resources.PodDisruptionBudget, changed)).metadata.generation).toBe(2);
    });
  });

  describe('deletion', () => {
    let client: KubeClient;
    let namespace: string;
    const { unique, made, at } = on;
    beforeAll(() => {
      ({ client, namespace } = on.server);
    });

    it('with preconditions spares any other object', async () => {
      const object = await made();
      const { uid, resourceVersion } = object.metadata;
      const other = await failure(client.delete(resources.ConfigMap, at(object), { preconditions: { uid: randomUUID() } }));
      expect(isConflict(other)).toBe(true);
      expect(other.message).toContain('does not match the UID in record');
      await client.patch(resources.ConfigMap, at(object), { type: 'merge', body: { data: { z: '1' } } });
      const stale = await failure(client.delete(resources.ConfigMap, at(object), { preconditions: { uid, resourceVersion } }));
      expect(isConflict(stale)).toBe(true);
      expect(stale.message).toContain('does not match the ResourceVersion in record');
      const newest = await client.get(resources.ConfigMap, at(object));
      await client.delete(resources.ConfigMap, at(object), {
        preconditions: { uid, resourceVersion: newest.metadata.resourceVersion },
      });
      expect(await client.find(resources.ConfigMap, at(object))).toBeUndefined();
      expect(isNotFound(await failure(client.delete(resources.ConfigMap, at(object))))).toBe(true);
    });

    it('waits for finalizers, and lets no new ones be added', async () => {
      const wanted = statefulSet(namespace, unique('set'));
      const finalizers = ['lockkeeper.io/test'];
      const object = await client.create(resources.StatefulSet, { ...wanted, metadata: { ...wanted.metadata, finalizers } });
      await client.delete(resources.StatefulSet, at(object));
      const going = await client.get(resources.StatefulSet, at(object));
      expect(going.metadata.deletionTimestamp).toMatch(/Z$/);
      expect(going.metadata.deletionGracePeriodSeconds).toBe(0);
      expect(going.metadata.generation).toBe(2);
      await client.delete(resources.StatefulSet, at(object));
      expect((await client.get(resources.StatefulSet, at(object))).metadata.resourceVersion).toBe(going.metadata.resourceVersion);
      const patch = (names: string[]) =>
        client.patch(resources.StatefulSet, at(object), { type: 'merge', body: { metadata: { finalizers: names } } });
      const error = await failure(patch([...finalizers, 'lockkeeper.io/more']));
      expect(isInvalid(error)).toBe(true);
      expect(error.message).toContain('no new finalizers can be added if the object is being deleted');
      await patch([]);
      expect(await client.find(resources.StatefulSet, at(object))).toBeUndefined();
    });

    it('in the foreground waits for dependents', async () => {
      const object = await made();
      await client.delete(resources.ConfigMap, at(object), { propagation: 'Foreground' });
      // With a garbage collector it is gone soon; without one the finalizer stays.
      const left = await client.find(resources.ConfigMap, at(object));
      if (left !== undefined) expect(left.metadata.finalizers).toEqual(['foregroundDeletion']);
      if (left !== undefined)
        await client.patch(resources.ConfigMap, at(object), { type: 'merge', body: { metadata: { finalizers: null } } });
    });
  });
}
