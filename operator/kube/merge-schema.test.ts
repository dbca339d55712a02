import { expect, it } from 'vitest';
import { isAtomicMap, isSet, itemKey, itemKeys } from './merge-schema.ts';

it('names items as Kubernetes does', () => {
  expect(itemKeys('containers', [])).toEqual(['name']);
  expect(itemKeys('ports', [{ containerPort: 1 }])).toEqual(['containerPort', 'protocol']);
  expect(itemKeys('ports', [{ port: 1 }])).toEqual(['port', 'protocol']);
  expect(itemKeys('tolerations', [{}])).toBeUndefined();
  expect(itemKeys('constructor', [])).toBeUndefined();
  expect([isSet('finalizers'), isSet('args'), isAtomicMap('selector'), isAtomicMap('labels')]).toEqual([
    true,
    false,
    true,
    false,
  ]);
});

it('fills in the part of a name that has a default', () => {
  const keys = ['containerPort', 'protocol'];
  expect(itemKey({ containerPort: 80 }, keys)).toBe(itemKey({ protocol: 'TCP', containerPort: 80, name: 'x' }, keys));
  expect(itemKey({ containerPort: 80, protocol: 'UDP' }, keys)).toBe('{"containerPort":80,"protocol":"UDP"}');
});
