import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { isConflict, isInvalid, isNotFound, resources, type KubeClient } from '../../../operator/kube/index.ts';
import { configMap } from '../objects.ts';
import { failure, type ContractContext } from './context.ts';

/** Changing objects by replacing and patching. */
export function changesContract(on: ContractContext): void {
  describe('changes', () => {
    let client: KubeClient;
    let namespace: string;
    const { unique, made, at } = on;
    beforeAll(() => {
      ({ client, namespace } = on.server);
    });

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
      expect(isConflict(await failure(client.patch(resources.ConfigMap, at(first), { type: 'merge', body: patch })))).toBe(true);
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
}
