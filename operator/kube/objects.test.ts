import { describe as group, expect, expectTypeOf, it } from 'vitest';
import { describe, keyOf, refOf, type NetworkPolicy, type Pod } from './objects.ts';

group('keys', () => {
  it('are namespace/name, or name, and lead back to it', () => {
    expect(keyOf({ namespace: 'shop', name: 'main' })).toBe('shop/main');
    expect(keyOf({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } })).toBe('a');
    expect(refOf('shop/main')).toEqual({ namespace: 'shop', name: 'main' });
    expect(refOf('a')).toEqual({ name: 'a' });
  });

  it('name an object for people', () => {
    expect(describe({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'shop', name: 'a' } })).toBe('Pod shop/a');
  });
});

group('types', () => {
  it('are as in JSON', () => {
    expectTypeOf<NonNullable<Pod['metadata']['creationTimestamp']>>().toEqualTypeOf<string>();
    expectTypeOf<NonNullable<NonNullable<Pod['status']>['startTime']>>().toEqualTypeOf<string>();
    type Rule = NonNullable<NonNullable<NetworkPolicy['spec']>['ingress']>[number];
    expectTypeOf<Rule>().toHaveProperty('from');
  });
});
