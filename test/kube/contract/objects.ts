import { beforeAll, describe, expect, it } from 'vitest';
import {
  isAlreadyExists,
  isInvalid,
  isNotFound,
  resources,
  type ConfigMap,
  type KubeClient,
} from '../../../operator/kube/index.ts';
import { configMap } from '../objects.ts';
import { failure, type ContractContext } from './context.ts';

/** Making, reading and listing objects. */
export function objectsContract(on: ContractContext): void {
  describe('objects', () => {
    let client: KubeClient;
    let namespace: string;
    const { unique, made, at } = on;
    beforeAll(() => {
      ({ client, namespace } = on.server);
    });

    it('are created with what the server adds, and read as they are', async () => {
      const object = await made({ a: '1' });
      expect(object.metadata.uid).toMatch(/^[0-9a-f]{8}-/);
      expect(object.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(object.metadata.generation).toBeUndefined();
      expect(await client.get(resources.ConfigMap, at(object))).toEqual(object);
      expect(await client.find(resources.ConfigMap, at(object))).toEqual(object);
    });

    it('get a name made for them', async () => {
      const object = { ...configMap(namespace, ''), metadata: { namespace, generateName: 'made-' } } as unknown as ConfigMap;
      const [one, two] = [await client.create(resources.ConfigMap, object), await client.create(resources.ConfigMap, object)];
      expect(one.metadata.name).toMatch(/^made-[a-z0-9]{5}$/);
      expect(one.metadata.name).not.toBe(two.metadata.name);
    });

    it('that are missing are named', async () => {
      const error = await failure(client.get(resources.StatefulSet, { namespace, name: 'absent' }));
      expect(isNotFound(error)).toBe(true);
      expect(error.message).toBe(`get StatefulSet ${namespace}/absent: statefulsets.apps "absent" not found`);
      expect(error.details).toMatchObject({ name: 'absent', group: 'apps', kind: 'statefulsets' });
      expect(await client.find(resources.StatefulSet, { namespace, name: 'absent' })).toBeUndefined();
    });

    it('are not made twice', async () => {
      const object = await made();
      const error = await failure(made({}, object.metadata.name));
      expect(isAlreadyExists(error)).toBe(true);
      expect(error.message).toContain(`configmaps "${object.metadata.name}" already exists`);
    });

    it('are refused with the field that is wrong', async () => {
      for (const [object, field] of [
        [{ ...configMap(namespace, 'UPPER') }, 'metadata.name'],
        [
          { ...configMap(namespace, unique()), metadata: { namespace, name: unique(), labels: { a: 'x'.repeat(64) } } },
          'metadata.labels',
        ],
      ] as const) {
        const error = await failure(client.create(resources.ConfigMap, object));
        expect(isInvalid(error)).toBe(true);
        expect(error.details.causes?.map((cause) => cause.field)).toEqual([field]);
      }
    });

    it('are judged without being stored in a dry run', async () => {
      const object = configMap(namespace, unique());
      expect((await client.create(resources.ConfigMap, object, { dryRun: true })).data).toEqual(object.data);
      expect(await client.find(resources.ConfigMap, object.metadata)).toBeUndefined();
      expect((await client.apply(resources.ConfigMap, object, { dryRun: true })).data).toEqual(object.data);
      expect(await client.find(resources.ConfigMap, object.metadata)).toBeUndefined();
      const live = await made({ a: '1' });
      await client.delete(resources.ConfigMap, at(live), { dryRun: true });
      expect(await client.get(resources.ConfigMap, at(live))).toEqual(live);
    });

    it('of a kind that is not served are not found', async () => {
      const error = await failure(client.request('get x', { method: 'GET', path: '/apis/absent.example/v1/things' }));
      expect(isNotFound(error)).toBe(true);
    });
  });

  describe('lists', () => {
    let client: KubeClient;
    let namespace: string;
    const { unique } = on;
    beforeAll(() => {
      ({ client, namespace } = on.server);
    });

    it('come in pages of one revision, and whole', async () => {
      const group = unique('group');
      const names = ['a', 'b', 'c', 'd', 'e'].map((letter) => `${group}-${letter}`);
      for (const each of names) {
        await client.create(resources.ConfigMap, {
          ...configMap(namespace, each),
          metadata: { namespace, name: each, labels: { group } },
        });
      }
      const query = { namespace, labelSelector: `group=${group}`, limit: 2 };
      const first = await client.list(resources.ConfigMap, query);
      expect(first.items.map(({ metadata }) => metadata.name)).toEqual(names.slice(0, 2));
      await client.delete(resources.ConfigMap, { namespace, name: names[3]! });
      const second = await client.list(resources.ConfigMap, { ...query, continue: first.continue });
      expect(second.items.map(({ metadata }) => metadata.name)).toEqual(names.slice(2, 4));
      expect(second.resourceVersion).toBe(first.resourceVersion);
      const all = await client.listAll(resources.ConfigMap, query);
      expect(all.items.map(({ metadata }) => metadata.name)).toEqual(names.filter((_, index) => index !== 3));
      expect(all.items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    });

    it('take selectors', async () => {
      const group = unique('group');
      const labelled = async (extra: Record<string, string>) => {
        const object = {
          ...configMap(namespace, unique()),
          metadata: { namespace, name: unique(), labels: { group, ...extra } },
        };
        return (await client.create(resources.ConfigMap, object)).metadata.name;
      };
      const [red, blue, none] = [await labelled({ color: 'red' }), await labelled({ color: 'blue' }), await labelled({})];
      const select = async (text: string) =>
        (await client.list(resources.ConfigMap, { namespace, labelSelector: `group=${group},${text}` })).items
          .map(({ metadata }) => metadata.name)
          .sort();
      expect(await select('color=red')).toEqual([red]);
      expect(await select('color!=red')).toEqual([blue, none].sort());
      expect(await select('color in (red, blue)')).toEqual([red, blue].sort());
      expect(await select('color notin (red)')).toEqual([blue, none].sort());
      expect(await select('color')).toEqual([red, blue].sort());
      expect(await select('!color')).toEqual([none]);
      const byName = await client.list(resources.ConfigMap, { namespace, fieldSelector: `metadata.name=${red}` });
      expect(byName.items).toHaveLength(1);
    });

    it('that are empty have a revision', async () => {
      const empty = await client.list(resources.Lease, { namespace, labelSelector: 'nobody=here' });
      expect(empty.items).toEqual([]);
      expect(Number(empty.resourceVersion)).toBeGreaterThan(0);
    });
  });
}
