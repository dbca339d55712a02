import { beforeEach, describe, expect, it } from 'vitest';
import { ObjectCache, type Change } from './cache.ts';
import type { Live, Pod } from './objects.ts';

type LivePod = Live<Pod>;

const pod = (name: string, uid: string, version: number, extra: Partial<Pod['metadata']> = {}): LivePod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'shop',
    uid,
    resourceVersion: String(version),
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...extra,
  },
});

describe('ObjectCache', () => {
  let cache: ObjectCache<Pod>;
  let seen: string[];
  const note = (change: Change<Pod>) => {
    const object = change.kind === 'deleted' ? change.before : change.now;
    seen.push(`${change.kind} ${object.metadata.name} ${object.metadata.uid}@${object.metadata.resourceVersion}`);
  };
  const list = (version: number, ...objects: LivePod[]) =>
    cache.take({ kind: 'listed', objects, resourceVersion: String(version) });

  beforeEach(() => {
    seen = [];
    cache = new ObjectCache<Pod>({ indexes: { node: (each) => [each.spec?.nodeName ?? ''] } }, note);
  });

  it('is synced once a list was taken in, be it empty', () => {
    expect(cache.synced).toBe(false);
    list(1);
    expect(cache.synced).toBe(true);
  });

  it('follows a list and the changes after it', () => {
    list(5, pod('a', 'u1', 3), pod('b', 'u2', 5));
    cache.take({ kind: 'changed', object: pod('a', 'u1', 6) });
    cache.take({ kind: 'deleted', object: pod('b', 'u2', 7) });
    cache.take({ kind: 'changed', object: pod('c', 'u3', 8) });
    expect(seen).toEqual(['added a u1@3', 'added b u2@5', 'updated a u1@6', 'deleted b u2@5', 'added c u3@8']);
    expect(cache.list().map(({ metadata }) => metadata.name)).toEqual(['a', 'c']);
    expect([cache.get('shop/a')?.metadata.resourceVersion, cache.get('shop/b'), cache.size]).toEqual(['6', undefined, 2]);
  });

  it('removes what another list no longer has, and says nothing of what is the same', () => {
    list(5, pod('a', 'u1', 3), pod('b', 'u2', 5));
    seen = [];
    list(9, pod('a', 'u1', 3), pod('c', 'u3', 9));
    expect(seen).toEqual(['deleted b u2@5', 'added c u3@9']);
  });

  it('tells an object made anew under its name from the old one: in a list', () => {
    list(5, pod('a', 'u1', 3));
    list(9, pod('a', 'u2', 8));
    expect(seen).toEqual(['added a u1@3', 'deleted a u1@3', 'added a u2@8']);
  });

  it('tells an object made anew under its name from the old one: in a watch that missed the deletion', () => {
    list(5, pod('a', 'u1', 3));
    cache.take({ kind: 'changed', object: pod('a', 'u2', 8) });
    expect(seen).toEqual(['added a u1@3', 'deleted a u1@3', 'added a u2@8']);
  });

  it('does not remove an object for the deletion of an earlier one', () => {
    list(5, pod('a', 'u2', 5));
    cache.take({ kind: 'deleted', object: pod('a', 'u1', 6) });
    expect(cache.get('shop/a')?.metadata.uid).toBe('u2');
  });

  it('freezes, and drops managed fields and last-applied annotations', () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', kept: 'yes' };
    list(5, pod('a', 'u1', 3, { annotations, managedFields: [{ manager: 'x', operation: 'Apply', apiVersion: 'v1' }] }));
    const { metadata } = cache.get('shop/a')!;
    expect(metadata.managedFields).toBeUndefined();
    expect(metadata.annotations).toEqual({ kept: 'yes' });
    expect(() => ((metadata as { name: string }).name = 'b')).toThrow(TypeError);
    expect(() => ((metadata.annotations as Record<string, string>).more = 'x')).toThrow(TypeError);
  });

  it('finds objects by namespace, owner and indexes of one’s own, and after changes too', () => {
    const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 's', uid: 'o1', controller: true };
    const placed = (version: number, nodeName: string): LivePod => ({
      ...pod('a', 'u1', version, { ownerReferences: [owner] }),
      spec: { nodeName, containers: [] },
    });
    list(5, placed(3, 'n1'), pod('b', 'u2', 4, { namespace: 'other' }));
    expect(cache.list('shop').map(({ metadata }) => metadata.name)).toEqual(['a']);
    expect(cache.ownedBy('o1').map(({ metadata }) => metadata.name)).toEqual(['a']);
    expect(cache.byIndex('node', 'n1')).toHaveLength(1);
    cache.take({ kind: 'changed', object: placed(6, 'n2') });
    expect([cache.byIndex('node', 'n1'), cache.byIndex('node', 'n2')]).toMatchObject([[], [{ metadata: { name: 'a' } }]]);
    cache.take({ kind: 'deleted', object: placed(7, 'n2') });
    expect([cache.ownedBy('o1'), cache.byIndex('node', 'n2')]).toEqual([[], []]);
    expect(() => cache.byIndex('colour', 'red')).toThrow("there is no index 'colour'");
  });

  describe('learns from answers to writes', () => {
    it('what the watch will say only later', () => {
      list(5, pod('a', 'u1', 3));
      cache.learn(pod('a', 'u1', 7));
      cache.learn(pod('b', 'u2', 8));
      expect(seen).toEqual(['added a u1@3', 'updated a u1@7', 'added b u2@8']);
      cache.take({ kind: 'changed', object: pod('a', 'u1', 6) });
      cache.take({ kind: 'changed', object: pod('a', 'u1', 7) });
      cache.take({ kind: 'changed', object: pod('b', 'u2', 8) });
      expect(seen).toHaveLength(3);
    });

    it('nothing that is known to be over', () => {
      list(5);
      cache.take({ kind: 'changed', object: pod('a', 'u1', 6) });
      cache.take({ kind: 'deleted', object: pod('a', 'u1', 8) });
      cache.learn(pod('a', 'u1', 7));
      expect(cache.get('shop/a')).toBeUndefined();
    });

    it('nothing before there is a list', () => {
      cache.learn(pod('a', 'u1', 7));
      expect(cache.get('shop/a')).toBeUndefined();
    });

    it('and keeps it through a list from before', () => {
      list(5, pod('a', 'u1', 3), pod('c', 'u3', 4));
      cache.learn(pod('a', 'u1', 9));
      cache.learn(pod('b', 'u2', 10));
      list(8, pod('a', 'u1', 6));
      expect(cache.get('shop/a')?.metadata.resourceVersion).toBe('9');
      expect(cache.get('shop/b')?.metadata.uid).toBe('u2');
      expect(cache.get('shop/c')).toBeUndefined();
      list(11, pod('a', 'u1', 9));
      expect(cache.get('shop/b')).toBeUndefined();
    });

    it('and does not bring back an earlier object of that name', () => {
      list(5, pod('a', 'u1', 3));
      cache.learn(pod('a', 'u2', 9));
      list(8, pod('a', 'u1', 6));
      expect(cache.get('shop/a')?.metadata.uid).toBe('u2');
    });

    it('only what belongs in here', () => {
      cache = new ObjectCache<Pod>({ labels: { app: 'x' }, namespace: 'shop' });
      list(5);
      cache.learn(pod('a', 'u1', 7));
      cache.learn(pod('b', 'u2', 8, { labels: { app: 'x' }, namespace: 'other' }));
      cache.learn(pod('c', 'u3', 9, { labels: { app: 'x' } }));
      expect(cache.list().map(({ metadata }) => metadata.name)).toEqual(['c']);
    });
  });
});
