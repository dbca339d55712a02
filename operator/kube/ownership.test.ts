import { expect, it } from 'vitest';
import type { Live } from './objects.ts';
import { controllerOf, isControlledBy, ownerKey, ownerReference } from './ownership.ts';
import { resources } from './resources.ts';

const owner = (uid: string): Live => ({
  apiVersion: 'lockkeeper.io/v1alpha1',
  kind: 'ZkEnsemble',
  metadata: { name: 'main', namespace: 'shop', uid, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
});
const child = (references: ReturnType<typeof ownerReference>[]) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'main', namespace: 'shop', ownerReferences: references },
});

it('ties an object to its controller, by uid', () => {
  const service = child([ownerReference(owner('u1'))]);
  expect(controllerOf(service)).toMatchObject({ uid: 'u1', controller: true, blockOwnerDeletion: true });
  expect(isControlledBy(service, owner('u1'))).toBe(true);
  expect(isControlledBy(service, owner('u2'))).toBe(false);
});

it('finds the key of a controller of the kind asked for', () => {
  const service = child([{ ...ownerReference(owner('u0')), controller: false }, ownerReference(owner('u1'))]);
  expect(ownerKey(service, resources.ZkEnsemble)).toBe('shop/main');
  expect(ownerKey(service, resources.CanalInstance)).toBeUndefined();
  expect(ownerKey(child([]), resources.ZkEnsemble)).toBeUndefined();
});
