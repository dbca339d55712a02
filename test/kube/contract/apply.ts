import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { isConflict, resources, type ConfigMap, type KubeClient, type StatefulSet } from '../../../operator/kube/index.ts';
import { configMap, statefulSet } from '../objects.ts';
import { failure, managers, type ContractContext } from './context.ts';

/** Server-side apply: who owns what, and who wins. */
export function applyContract(on: ContractContext): void {
  describe('server-side apply', () => {
    let client: KubeClient;
    let namespace: string;
    const { unique, at } = on;
    beforeAll(() => {
      ({ client, namespace } = on.server);
    });

    const apply = (object: ConfigMap, manager: string, force = false) =>
      client.apply(resources.ConfigMap, object, { fieldManager: manager, force });

    it('creates, and changes nothing the second time', async () => {
      const wanted = configMap(namespace, unique(), { a: '1' });
      const first = await apply(wanted, 'one');
      expect(first.data).toEqual({ a: '1' });
      expect(managers(first)).toEqual({
        'one Apply': ['.data.a', '.metadata.labels.app', '.metadata.labels.app.kubernetes.io/managed-by'],
      });
      const second = await apply(wanted, 'one');
      expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    });

    it('removes what is no longer applied, and leaves what others own', async () => {
      const wanted = configMap(namespace, unique(), { a: '1', b: '2' });
      await apply(wanted, 'one');
      await client.patch(
        resources.ConfigMap,
        wanted.metadata,
        { type: 'merge', body: { data: { c: '3' } } },
        { fieldManager: 'two' },
      );
      const after = await apply({ ...wanted, data: { b: '2' } }, 'one');
      expect(after.data).toEqual({ b: '2', c: '3' });
      expect(managers(after)['two Update']).toEqual(['.data.c']);
    });

    it('removes a whole map, too', async () => {
      const wanted = configMap(namespace, unique(), { a: '1' });
      await apply(wanted, 'one');
      const { data: _data, ...rest } = wanted;
      const after = await apply(rest, 'one');
      expect(after.data ?? {}).toEqual({});
    });

    it('refuses to change what another manager owns, and takes it by force', async () => {
      const wanted = configMap(namespace, unique(), { a: '1' });
      await apply(wanted, 'one');
      const error = await failure(apply({ ...wanted, data: { a: '2' } }, 'two'));
      expect(isConflict(error)).toBe(true);
      expect(error.message).toContain('Apply failed with 1 conflict: conflict with "one": .data.a');
      expect(error.details.causes).toEqual([
        { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' },
      ]);
      const forced = await apply({ ...wanted, data: { a: '2' } }, 'two', true);
      expect(forced.data).toEqual({ a: '2' });
      expect(managers(forced)['two Apply']).toContain('.data.a');
      expect(managers(forced)['one Apply']).not.toContain('.data.a');
    });

    it('names the way in which another manager wrote', async () => {
      const object = await client.create(resources.ConfigMap, configMap(namespace, unique(), { a: '1' }), {
        fieldManager: 'editor',
      });
      const error = await failure(apply(configMap(namespace, object.metadata.name, { a: '2' }), 'one'));
      expect(error.details.causes?.[0]?.message).toMatch(/^conflict with "editor" using v1/);
    });

    it('shares what several managers apply alike', async () => {
      const wanted = configMap(namespace, unique(), { a: '1' });
      await apply(wanted, 'one');
      const shared = await apply(wanted, 'two');
      expect([managers(shared)['one Apply'], managers(shared)['two Apply']]).toEqual([
        expect.arrayContaining(['.data.a']),
        expect.arrayContaining(['.data.a']),
      ]);
      const left = await apply({ ...wanted, data: {} }, 'one');
      expect(left.data).toEqual({ a: '1' });
      expect((await apply({ ...wanted, data: {} }, 'two')).data ?? {}).toEqual({});
    });

    it('loses fields to those who update them', async () => {
      const wanted = configMap(namespace, unique(), { a: '1' });
      await apply(wanted, 'one');
      const body = { data: { a: '9' } };
      const after = await client.patch(resources.ConfigMap, wanted.metadata, { type: 'merge', body }, { fieldManager: 'two' });
      expect(managers(after)['two Update']).toEqual(['.data.a']);
      expect(managers(after)['one Apply']).not.toContain('.data.a');
    });

    it('in a version that is not the newest is refused', async () => {
      const wanted = configMap(namespace, unique(), { a: '1' });
      const first = await apply(wanted, 'one');
      const second = await apply({ ...wanted, data: { a: '2' } }, 'one');
      const withVersion = (resourceVersion: string) => ({
        ...wanted,
        data: { a: '3' },
        metadata: { ...wanted.metadata, resourceVersion },
      });
      expect(isConflict(await failure(apply(withVersion(first.metadata.resourceVersion), 'one', true)))).toBe(true);
      expect((await apply(withVersion(second.metadata.resourceVersion), 'one', true)).data).toEqual({ a: '3' });
    });

    it('of what is not there, with its uid, creates nothing', async () => {
      const wanted = configMap(namespace, unique());
      const { metadata } = wanted;
      const error = await failure(
        apply({ ...wanted, metadata: { ...metadata, uid: randomUUID(), resourceVersion: '1' } }, 'one', true),
      );
      expect(isConflict(error)).toBe(true);
      expect(await client.find(resources.ConfigMap, wanted.metadata)).toBeUndefined();
    });

    it('merges lists by their keys', async () => {
      const name_ = unique('set');
      const wanted = statefulSet(namespace, name_);
      const first = await client.apply(resources.StatefulSet, wanted);
      const env = (set: StatefulSet) => set.spec!.template.spec!.containers[0]!.env?.map((each) => each.name);
      expect(env(first)).toEqual(['MODE', 'POD', 'EMPTY']);
      const theirs = { name: 'THEIRS', value: 'x' };
      const body = [{ op: 'add', path: '/spec/template/spec/containers/0/env/-', value: theirs }];
      await client.patch(resources.StatefulSet, at(first), { type: 'json', body }, { fieldManager: 'editor' });
      const container = wanted.spec!.template.spec!.containers[0]!;
      const fewer = {
        ...wanted,
        spec: {
          ...wanted.spec!,
          template: {
            ...wanted.spec!.template,
            spec: {
              ...wanted.spec!.template.spec!,
              containers: [{ ...container, env: [{ name: 'MODE', value: 'observer' }], args: ['x', 'y'] }],
            },
          },
        },
      };
      const after = await client.apply(resources.StatefulSet, fewer);
      expect(env(after)?.toSorted()).toEqual(['MODE', 'THEIRS']);
      expect(after.spec!.template.spec!.containers[0]).toMatchObject({ args: ['x', 'y'], image: 'zookeeper:3.9' });
      expect(after.metadata.generation).toBe(3);
    });

    it('keeps the finalizers of others', async () => {
      const wanted = configMap(namespace, unique());
      const mine = { ...wanted, metadata: { ...wanted.metadata, finalizers: ['lockkeeper.io/one'] } };
      await apply(mine, 'one');
      const body = [{ op: 'add', path: '/metadata/finalizers/-', value: 'lockkeeper.io/two' }];
      const both = await client.patch(resources.ConfigMap, wanted.metadata, { type: 'json', body }, { fieldManager: 'two' });
      expect(both.metadata.finalizers).toEqual(['lockkeeper.io/one', 'lockkeeper.io/two']);
      expect((await apply(wanted, 'one')).metadata.finalizers).toEqual(['lockkeeper.io/two']);
      await client.patch(resources.ConfigMap, wanted.metadata, {
        type: 'merge',
        body: { metadata: { finalizers: null } },
      });
    });
  });
}
