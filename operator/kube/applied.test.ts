import { describe, expect, it } from 'vitest';
import { APPLIED_ANNOTATION, AppliedObjects, canonicalJson, stamp } from './applied.ts';
import type { KubeObject, Live } from './objects.ts';

interface Thing extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>>;
}

const thing = (spec: Record<string, unknown>): Thing => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'a', namespace: 'shop' },
  spec,
});
const stored = (object: Thing, spec: Record<string, unknown> = {}): Live<Thing> => ({
  ...object,
  metadata: { ...object.metadata, uid: 'u', resourceVersion: '5', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { ...object.spec, ...spec },
});

describe('stamp', () => {
  it('is the same for the same object, whatever the order of its keys', () => {
    expect(stamp(thing({ a: 1, b: { c: 2, d: 3 } }))).toEqual(stamp(thing({ b: { d: 3, c: 2 }, a: 1 })));
    expect(canonicalJson({ b: [{ d: 1, c: undefined }], a: null })).toBe('{"a":null,"b":[{"d":1}]}');
  });

  it('differs when anything does', () => {
    const digest = (object: Thing) => stamp(object).metadata.annotations![APPLIED_ANNOTATION];
    expect(digest(thing({ a: 1 }))).not.toBe(digest(thing({ a: 2 })));
    expect(digest(thing({ a: 1 }))).not.toBe(digest(thing({ a: 1, b: undefined, c: 1 })));
  });

  it('keeps the annotations there are', () => {
    const object = { ...thing({}), metadata: { name: 'a', annotations: { x: 'y' } } };
    expect(stamp(object).metadata.annotations).toMatchObject({ x: 'y' });
  });
});

describe('AppliedObjects', () => {
  it('tells a live object that is as applied', () => {
    const wanted = stamp(thing({ a: 1 }));
    expect(new AppliedObjects().isAsApplied(stored(wanted, { defaulted: true }), wanted)).toBe(true);
    expect(new AppliedObjects().isAsApplied(stored(wanted, { a: 2 }), wanted)).toBe(false);
  });

  it('sees that a field was dropped, by the digest', () => {
    const before = stamp(thing({ a: 1, b: 2 }));
    expect(new AppliedObjects().isAsApplied(stored(before), stamp(thing({ a: 1 })))).toBe(false);
  });

  it('remembers what the server makes of a value, until that changes', () => {
    const applied = new AppliedObjects();
    const wanted = stamp(thing({ duration: '60s' }));
    const live = stored(wanted, { duration: '1m0s' });
    expect(applied.isAsApplied(live, wanted)).toBe(false);
    applied.remember(live, wanted);
    expect(applied.isAsApplied(live, wanted)).toBe(true);
    expect(applied.isAsApplied(stored(wanted, { duration: '2m0s' }), wanted)).toBe(false);
    expect(applied.isAsApplied(live, stamp(thing({ duration: '61s' })))).toBe(false);
    applied.forget('u');
    expect(applied.isAsApplied(live, wanted)).toBe(false);
  });
});
