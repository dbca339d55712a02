import { describe, expect, it } from 'vitest';
import { collectionPath, groupOf, objectPath, resourceOf, resources } from './resources.ts';

describe('paths', () => {
  it('of the core group, of others, and of kinds without namespace', () => {
    expect(objectPath(resources.Pod, { namespace: 'shop', name: 'a' })).toBe('/api/v1/namespaces/shop/pods/a');
    expect(objectPath(resources.StatefulSet, { namespace: 'shop', name: 'a' }, 'status')).toBe(
      '/apis/apps/v1/namespaces/shop/statefulsets/a/status',
    );
    expect(objectPath(resources.StorageClass, { name: 'fast' })).toBe('/apis/storage.k8s.io/v1/storageclasses/fast');
    expect(collectionPath(resources.SyncPipeline)).toBe('/apis/lockkeeper.io/v1alpha1/syncpipelines');
    expect(collectionPath(resources.SyncPipeline, 'shop')).toBe('/apis/lockkeeper.io/v1alpha1/namespaces/shop/syncpipelines');
  });

  it('let no name leave its place', () => {
    expect(objectPath(resources.Pod, { namespace: 'a/b', name: '../x?y' })).toBe('/api/v1/namespaces/a%2Fb/pods/..%2Fx%3Fy');
  });

  it('need a namespace where there is one', () => {
    expect(() => objectPath(resources.Pod, { name: 'a' })).toThrow('Pod a has no namespace');
  });
});

describe('resourceOf', () => {
  it('knows each of our kinds by apiVersion and kind', () => {
    for (const each of Object.values(resources)) {
      expect(resourceOf({ apiVersion: each.apiVersion, kind: each.kind, metadata: { name: 'x' } })).toBe(each);
    }
  });

  it('refuses others', () => {
    expect(() => resourceOf({ apiVersion: 'v2', kind: 'Pod', metadata: { name: 'x' } })).toThrow('no path is known');
  });
});

describe('groupOf', () => {
  it('is empty for the core group', () => {
    expect([groupOf('v1'), groupOf('apps/v1')]).toEqual(['', 'apps']);
  });
});
