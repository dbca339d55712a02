import { beforeAll, describe, expect, it } from 'vitest';
import { resources, type ConfigMap, type KubeClient, type KubeError, type Live } from '../../../operator/kube/index.ts';
import type { WatchLine } from '../../../operator/kube/requests.ts';
import { type ContractContext } from './context.ts';

/** Watches. */
export function watchesContract(on: ContractContext): void {
  describe('watches', () => {
    let client: KubeClient;
    let namespace: string;
    const { unique, made, at } = on;
    beforeAll(() => {
      ({ client, namespace } = on.server);
    });

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
      const resourceVersion = await on.server.expiredRevision();
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

    it('and lists give metadata alone where that is asked for', async () => {
      const group = unique('group');
      const query = { namespace, labelSelector: `group=${group}`, metadataOnly: true };
      const { resourceVersion } = await client.list(resources.ConfigMap, query);
      const metadata = { namespace, name: unique('a'), labels: { group } };
      await client.create(resources.ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { v: '1' } });
      const { items } = await client.listAll(resources.ConfigMap, { ...query, limit: 1 });
      expect(items).toMatchObject([{ apiVersion: 'v1', kind: 'ConfigMap', metadata }]);
      expect(items[0]!.data).toBeUndefined();
      const abort = new AbortController();
      for await (const { type, object } of await client.watch(
        resources.ConfigMap,
        { ...query, resourceVersion, timeoutSeconds: 60 },
        abort.signal,
      )) {
        expect([type, (object as Live).metadata.name, (object as Live<ConfigMap>).data]).toEqual([
          'ADDED',
          metadata.name,
          undefined,
        ]);
        break;
      }
      abort.abort();
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
}
