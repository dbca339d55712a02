import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  isAlreadyExists,
  isConflict,
  isInvalid,
  isNotFound,
  KubeError,
  resources,
  type ConfigMap,
  type KubeClient,
  type Lease,
  type Live,
  type Service,
  type StatefulSet,
} from '../../operator/kube/index.ts';
import type { WatchLine } from '../../operator/kube/client.ts';
import { pathsOf, type FieldSet } from '../apiserver/field-set.ts';
import { clientService, configMap, deployment, disruptionBudget, headlessService, statefulSet, volumeClaim } from './objects.ts';

/** A server that the contract is asked of, with a namespace that nobody else uses. */
export interface ContractServer {
  readonly client: KubeClient;
  readonly namespace: string;
  /** A revision whose history is gone. */
  expiredRevision(): Promise<string>;
  close(): Promise<void>;
}

/** What failed; fails the test when nothing did. */
async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(KubeError);
  return error as KubeError;
}

function managers(object: Live): Record<string, string[]> {
  return Object.fromEntries(
    (object.metadata.managedFields ?? []).map((entry) => [
      `${entry.manager} ${entry.operation}${entry.subresource === undefined ? '' : ` ${entry.subresource}`}`,
      pathsOf(entry.fieldsV1 as FieldSet).sort(),
    ]),
  );
}

/** What the operator takes for granted of an API server; run against the real one, and against ours to prove that it is alike. */
export function serverContract(name: string, open: () => Promise<ContractServer>): void {
  describe(name, () => {
    let server: ContractServer;
    let client: KubeClient;
    let namespace: string;
    const unique = (prefix = 'x') => `${prefix}-${randomUUID().slice(0, 8)}`;
    const made = (data?: Record<string, string>, objectName = unique()) =>
      client.create(resources.ConfigMap, configMap(namespace, objectName, data));
    const at = (object: Live) => ({ namespace, name: object.metadata.name });

    beforeAll(async () => {
      server = await open();
      ({ client, namespace } = server);
    });
    afterAll(() => server.close());

    describe('objects', () => {
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

    describe('changes', () => {
      it('in an old version are refused', async () => {
        const first = await made({ a: '1' });
        const second = await client.replace(resources.ConfigMap, { ...first, data: { a: '2' } });
        expect(second.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
        const error = await failure(client.replace(resources.ConfigMap, { ...first, data: { a: '3' } }));
        expect(isConflict(error)).toBe(true);
        expect(error.message).toContain(
          'the object has been modified; please apply your changes to the latest version and try again',
        );
        const patch = { metadata: { resourceVersion: first.metadata.resourceVersion }, data: { a: '4' } };
        expect(isConflict(await failure(client.patch(resources.ConfigMap, at(first), { type: 'merge', body: patch })))).toBe(
          true,
        );
      });

      it('that change nothing leave the version', async () => {
        const object = await made({ a: '1' });
        const replaced = await client.replace(resources.ConfigMap, object);
        expect(replaced.metadata.resourceVersion).toBe(object.metadata.resourceVersion);
        const patched = await client.patch(resources.ConfigMap, at(object), { type: 'merge', body: { data: { a: '1' } } });
        expect(patched.metadata.resourceVersion).toBe(object.metadata.resourceVersion);
      });

      it('by merge patch remove with null', async () => {
        const object = await made({ a: '1', b: '2' });
        const patched = await client.patch(resources.ConfigMap, at(object), {
          type: 'merge',
          body: { data: { a: null, c: '3' } },
        });
        expect(patched.data).toEqual({ b: '2', c: '3' });
      });

      it('by JSON patch are all or nothing', async () => {
        const object = await made({ a: '1' });
        const patch = (value: string) =>
          client.patch(resources.ConfigMap, at(object), {
            type: 'json',
            body: [
              { op: 'test', path: '/data/a', value },
              { op: 'add', path: '/data/b', value: '2' },
              { op: 'remove', path: '/data/a' },
            ],
          });
        expect(isInvalid(await failure(patch('9')))).toBe(true);
        expect((await patch('1')).data).toEqual({ b: '2' });
      });

      it('with another uid are refused', async () => {
        const object = await made();
        const metadata = { ...at(object), uid: randomUUID() };
        const body = { metadata };
        expect(isConflict(await failure(client.patch(resources.ConfigMap, at(object), { type: 'merge', body })))).toBe(true);
        const wanted = { ...configMap(namespace, object.metadata.name), metadata };
        expect(isConflict(await failure(client.apply(resources.ConfigMap, wanted)))).toBe(true);
        expect(isConflict(await failure(client.replace(resources.ConfigMap, wanted)))).toBe(true);
      });

      it('of what is not there are not found', async () => {
        const absent = { namespace, name: unique() };
        expect(isNotFound(await failure(client.patch(resources.ConfigMap, absent, { type: 'merge', body: {} })))).toBe(true);
        const object = { ...configMap(namespace, ''), metadata: absent };
        expect(isNotFound(await failure(client.replace(resources.ConfigMap, object)))).toBe(true);
      });
    });

    describe('server-side apply', () => {
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

    describe('status', () => {
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
        expect((await client.get(resources.StatefulSet, at(object))).metadata.resourceVersion).toBe(
          going.metadata.resourceVersion,
        );
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

    describe('watches', () => {
      /** The lines that come until `count` have, without bookmarks. */
      const lines = async (query: { resourceVersion: string; labelSelector: string }, count: number) => {
        const abort = new AbortController();
        const found: string[] = [];
        const watch = await client.watch(resources.ConfigMap, { namespace, timeoutSeconds: 60, ...query }, abort.signal);
        for await (const { type, object } of watch) {
          if (type === 'BOOKMARK') continue;
          const { metadata, data } = object as Live<ConfigMap>;
          found.push(`${type} ${metadata.name.split('-')[0]} ${data?.v ?? ''}`);
          if (found.length === count) break;
        }
        abort.abort();
        return found;
      };

      it('tell what happened since a revision, and what happens', async () => {
        const group = unique('group');
        const start = (await client.list(resources.ConfigMap, { namespace, labelSelector: `group=${group}` })).resourceVersion;
        const metadata = { namespace, name: unique('a'), labels: { group } };
        const object = await client.create(resources.ConfigMap, {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata,
          data: { v: '1' },
        });
        const watched = lines({ resourceVersion: start, labelSelector: `group=${group}` }, 6);
        const change = (body: object) =>
          client.patch(resources.ConfigMap, at(object), { type: 'merge', body: body as Record<string, unknown> });
        await change({ data: { v: '2' } });
        await change({ metadata: { labels: { group: 'other' } } });
        await change({ data: { v: '3' } });
        await change({ metadata: { labels: { group } } });
        await client.delete(resources.ConfigMap, at(object));
        await client.create(resources.ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { v: '4' } });
        expect(await watched).toEqual(['ADDED a 1', 'MODIFIED a 2', 'DELETED a 2', 'ADDED a 3', 'DELETED a 3', 'ADDED a 4']);
      });

      it('give a deleted object the revision of its deletion', async () => {
        const object = await made();
        const abort = new AbortController();
        const query = { namespace, resourceVersion: object.metadata.resourceVersion, timeoutSeconds: 60 };
        const watch = await client.watch(resources.ConfigMap, query, abort.signal);
        await client.delete(resources.ConfigMap, at(object));
        for await (const { type, object: last } of watch) {
          const { metadata } = last as Live;
          if (type !== 'DELETED' || metadata.name !== object.metadata.name) continue;
          expect(Number(metadata.resourceVersion)).toBeGreaterThan(Number(object.metadata.resourceVersion));
          break;
        }
        abort.abort();
      });

      it('from a revision that is gone say so', async () => {
        const resourceVersion = await server.expiredRevision();
        const abort = new AbortController();
        const query = { namespace, resourceVersion, timeoutSeconds: 60 };
        let line: WatchLine | undefined;
        try {
          for await (const each of await client.watch(resources.ConfigMap, query, abort.signal)) {
            line = each;
            break;
          }
        } catch (error) {
          line = { type: 'ERROR', object: { code: (error as KubeError).status, reason: (error as KubeError).reason } };
        }
        abort.abort();
        expect(line).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
      });

      it('end after the time asked for', async () => {
        const { resourceVersion } = await client.list(resources.Lease, { namespace });
        const abort = new AbortController();
        let seen = 0;
        for await (const _line of await client.watch(
          resources.Lease,
          { namespace, resourceVersion, timeoutSeconds: 1 },
          abort.signal,
        ))
          seen++;
        expect(seen).toBeLessThan(3);
      });
    });

    describe('kinds', () => {
      it('Secret: stringData becomes data', async () => {
        const secret = {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { namespace, name: unique() },
          stringData: { password: 'käse' },
        };
        const live = await client.create(resources.Secret, secret);
        expect(live.data).toEqual({ password: Buffer.from('käse').toString('base64') });
        expect(live.stringData).toBeUndefined();
        expect(live.type).toBe('Opaque');
        const body = { type: 'kubernetes.io/tls' };
        expect(isInvalid(await failure(client.patch(resources.Secret, at(live), { type: 'merge', body })))).toBe(true);
      });

      it('Lease: times have six digits', async () => {
        const lease = (renewTime: string): Lease => ({
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { namespace, name: unique('lease') },
          spec: { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime },
        });
        expect((await failure(client.create(resources.Lease, lease('2026-01-01T00:00:00.123Z')))).status).toBe(400);
        const live = await client.create(resources.Lease, lease('2026-01-01T00:00:00.123000Z'));
        expect(live.spec!.renewTime).toBe('2026-01-01T00:00:00.123000Z');
        const { holderIdentity: _holder, ...spec } = live.spec!;
        const released = await client.replace(resources.Lease, { ...live, spec: { ...spec, leaseDurationSeconds: 1 } });
        expect(released.spec!.holderIdentity).toBeUndefined();
        expect(
          isInvalid(await failure(client.replace(resources.Lease, { ...released, spec: { ...spec, leaseDurationSeconds: 0 } }))),
        ).toBe(true);
        const { resourceVersion: _version, ...metadata } = released.metadata;
        expect(isInvalid(await failure(client.replace(resources.Lease, { ...released, metadata })))).toBe(true);
      });

      it('StatefulSet: only some fields of its spec change', async () => {
        const wanted = statefulSet(namespace, unique('set'));
        await client.apply(resources.StatefulSet, wanted);
        const error = await failure(
          client.apply(resources.StatefulSet, { ...wanted, spec: { ...wanted.spec!, serviceName: 'other' } }),
        );
        expect(isInvalid(error)).toBe(true);
        expect(error.message).toContain('updates to statefulset spec for fields other than');
        expect(
          (await client.apply(resources.StatefulSet, { ...wanted, spec: { ...wanted.spec!, replicas: 5 } })).spec!.replicas,
        ).toBe(5);
      });

      it('StatefulSet: what cannot work is refused, field by field', async () => {
        const wanted = statefulSet(namespace, unique('set'));
        const { template } = wanted.spec!;
        const container = template.spec!.containers[0]!;
        const cases: [Partial<NonNullable<StatefulSet['spec']>>, string][] = [
          [{ replicas: -1 }, 'spec.replicas'],
          [{ selector: { matchLabels: { app: 'other' } } }, 'spec.template.metadata.labels'],
          [
            {
              template: {
                ...template,
                spec: { ...template.spec!, containers: [{ ...container, volumeMounts: [{ name: 'none', mountPath: '/x' }] }] },
              },
            },
            'spec.template.spec.containers[0].volumeMounts[0].name',
          ],
          [
            { template: { ...template, spec: { ...template.spec!, containers: [{ ...container, name: 'Upper' }] } } },
            'spec.template.spec.containers[0].name',
          ],
        ];
        for (const [change, field] of cases) {
          const error = await failure(client.apply(resources.StatefulSet, { ...wanted, spec: { ...wanted.spec!, ...change } }));
          expect(isInvalid(error)).toBe(true);
          expect(error.details.causes?.map((cause) => cause.field)).toContain(field);
        }
      });

      it('StatefulSet and Deployment: their defaults', async () => {
        const set = await client.apply(resources.StatefulSet, statefulSet(namespace, unique('set')));
        expect(set.spec).toMatchObject({
          revisionHistoryLimit: 10,
          persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
          volumeClaimTemplates: [
            { apiVersion: 'v1', kind: 'PersistentVolumeClaim', spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } },
          ],
        });
        expect(set.spec!.template.spec).toMatchObject({
          restartPolicy: 'Always',
          dnsPolicy: 'ClusterFirst',
          schedulerName: 'default-scheduler',
          volumes: [{ configMap: { defaultMode: 420 } }, { emptyDir: {} }],
        });
        const container = set.spec!.template.spec!.containers[0]!;
        expect(container).toMatchObject({
          imagePullPolicy: 'IfNotPresent',
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          ports: [{ protocol: 'TCP' }, { protocol: 'TCP' }],
          resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } },
          readinessProbe: {
            httpGet: { scheme: 'HTTP' },
            timeoutSeconds: 1,
            periodSeconds: 5,
            successThreshold: 1,
            failureThreshold: 3,
          },
        });
        expect(container.env).toEqual([
          { name: 'MODE', value: 'voter' },
          { name: 'POD', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
          { name: 'EMPTY' },
        ]);
        const workers = await client.apply(resources.Deployment, deployment(namespace, unique('workers')));
        expect(workers.spec).toMatchObject({ revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
        expect(workers.spec!.template.spec!.volumes![0]).toMatchObject({ projected: { defaultMode: 420 } });
      });

      it('Service: gets an address, unless it is headless, and keeps it', async () => {
        const headless = await client.apply(resources.Service, headlessService(namespace, unique('svc')));
        expect(headless.spec).toMatchObject({ clusterIP: 'None', type: 'ClusterIP', sessionAffinity: 'None' });
        expect(headless.spec!.ports).toEqual([
          { name: 'client', port: 2181, protocol: 'TCP', targetPort: 2181 },
          { name: 'quorum', port: 2888, protocol: 'TCP', targetPort: 2888 },
        ]);
        const wanted = clientService(namespace, unique('svc'));
        const live = await client.apply(resources.Service, wanted);
        expect(live.spec!.clusterIP).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
        const again = await client.apply(resources.Service, {
          ...wanted,
          spec: { ...wanted.spec!, ports: [{ name: 'x', port: 1 }] },
        });
        expect(again.spec!.clusterIP).toBe(live.spec!.clusterIP);
        expect(again.spec!.ports).toEqual([{ name: 'x', port: 1, protocol: 'TCP', targetPort: 1 }]);
        const bad: Service = { ...clientService(namespace, unique('svc')), spec: { ports: [{ port: 1 }, { port: 2 }] } };
        expect((await failure(client.apply(resources.Service, bad))).details.causes?.[0]?.field).toBe('spec.ports[0].name');
      });

      it('PodDisruptionBudget: has one bound', async () => {
        const wanted = disruptionBudget(namespace, unique('budget'));
        const error = await failure(
          client.apply(resources.PodDisruptionBudget, { ...wanted, spec: { ...wanted.spec!, minAvailable: 1 } }),
        );
        expect(isInvalid(error)).toBe(true);
      });

      it('PersistentVolumeClaim: is protected, and its spec stays', async () => {
        const wanted = volumeClaim(namespace, unique('claim'));
        const live = await client.apply(resources.PersistentVolumeClaim, wanted);
        expect(live.metadata.finalizers).toEqual(['kubernetes.io/pvc-protection']);
        expect(live.spec).toMatchObject({ volumeMode: 'Filesystem', resources: { requests: { storage: '1Gi' } } });
        expect(live.status).toMatchObject({ phase: 'Pending' });
        const other = { ...wanted, spec: { ...wanted.spec!, accessModes: ['ReadWriteMany'] } };
        expect(isInvalid(await failure(client.apply(resources.PersistentVolumeClaim, other)))).toBe(true);
        await client.delete(resources.PersistentVolumeClaim, at(live));
        await client.patch(resources.PersistentVolumeClaim, at(live), {
          type: 'merge',
          body: { metadata: { finalizers: null } },
        });
      });
    });
  });
}
