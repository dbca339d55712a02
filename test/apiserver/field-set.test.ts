import { describe, expect, it } from 'vitest';
import {
  changedFields,
  difference,
  fieldsOf,
  isEmptySet,
  merge,
  pathsOf,
  removedFields,
  union,
  withoutFields,
  type FieldSet,
} from './field-set.ts';

const object = {
  metadata: { labels: { a: '1' }, finalizers: ['x', 'y'] },
  spec: {
    replicas: 2,
    selector: { matchLabels: { a: '1' } },
    containers: [
      { name: 'm', image: 'i', args: ['1', '2'] },
      { name: 'n', image: 'j' },
    ],
    tolerations: [{ key: 'k' }],
  },
};

describe('field sets', () => {
  it('are written as Kubernetes writes them', () => {
    expect(fieldsOf(object)).toEqual({
      'f:metadata': { 'f:labels': { 'f:a': {} }, 'f:finalizers': { 'v:"x"': {}, 'v:"y"': {} } },
      'f:spec': {
        'f:replicas': {},
        'f:selector': {},
        'f:containers': {
          'k:{"name":"m"}': { '.': {}, 'f:name': {}, 'f:image': {}, 'f:args': {} },
          'k:{"name":"n"}': { '.': {}, 'f:name': {}, 'f:image': {} },
        },
        'f:tolerations': {},
      },
    });
    expect(pathsOf(fieldsOf(object))).toContain('.spec.containers[name="m"].image');
  });

  it('tell what changed, and what went', () => {
    const changed = structuredClone(object);
    changed.spec.replicas = 3;
    changed.spec.containers[0]!.args!.push('3');
    changed.spec.containers.pop();
    changed.metadata.finalizers = ['y', 'z'];
    expect(pathsOf(changedFields(object, changed))).toEqual([
      '.metadata.finalizers[="z"]',
      '.spec.replicas',
      '.spec.containers[name="m"].args',
    ]);
    expect(pathsOf(removedFields(object, changed))).toEqual([
      '.metadata.finalizers[="x"]',
      '.spec.containers[name="n"]',
      '.spec.containers[name="n"].name',
      '.spec.containers[name="n"].image',
    ]);
    expect([changedFields(object, object), removedFields(object, object)]).toEqual([{}, {}]);
  });

  it('add and subtract like sets', () => {
    const a = fieldsOf({ x: 1, y: { p: 1, q: 1 } });
    const b = fieldsOf({ y: { q: 1, r: 1 }, z: 1 });
    expect(pathsOf(union(a, b)).sort()).toEqual(['.x', '.y.p', '.y.q', '.y.r', '.z']);
    expect(pathsOf(difference(a, b))).toEqual(['.x', '.y.p']);
    expect(isEmptySet(difference(a, a))).toBe(true);
    expect(difference(union(a, b), b)).toEqual(difference(a, b));
    expect(union(a, {})).toEqual(a);
  });

  it('cut values: items by their keys, and what is left empty', () => {
    const cut = (set: FieldSet, keep: FieldSet = {}) => withoutFields(object, set, keep) as typeof object | undefined;
    const finalizers = fieldsOf({ metadata: { finalizers: ['x'] } });
    expect(cut(fieldsOf({ metadata: { labels: { a: '' } } }), finalizers)!.metadata).toEqual({ finalizers: ['x', 'y'] });
    const one = { 'f:spec': { 'f:containers': { 'k:{"name":"n"}': { '.': {} } } } };
    const other = { 'f:spec': { 'f:containers': { 'k:{"name":"m"}': { '.': {} } } } };
    expect(cut(one, other)!.spec.containers).toHaveLength(1);
    const finalizer = (name: string) => ({ 'f:metadata': { 'f:finalizers': { [`v:"${name}"`]: {} } } });
    expect(cut(finalizer('x'), finalizer('y'))!.metadata.finalizers).toEqual(['y']);
    expect(cut(fieldsOf(object))).toBeUndefined();
  });

  it('take with the last field that somebody owns the defaults beside it, which nobody does', () => {
    const live = { start: { journal: { name: 'binlog.1', position: 4 } }, other: 1 };
    const cut = withoutFields(live, fieldsOf({ start: { journal: { name: '' } } }), fieldsOf({ start: { latest: true } }));
    expect(cut).toEqual({ start: {}, other: 1 });
  });

  it('keep of a cut what others have', () => {
    const item = (fields: FieldSet): FieldSet => ({ 'f:spec': { 'f:containers': { 'k:{"name":"m"}': fields } } });
    const cut = withoutFields(object, item({ '.': {}, 'f:args': {}, 'f:image': {} }), item({ 'f:image': {} })) as typeof object;
    expect(cut.spec.containers[0]).toEqual({ name: 'm', image: 'i' });
    const labels = withoutFields(object, fieldsOf({ metadata: { labels: { a: '' } } }), fieldsOf({ metadata: { labels: {} } }));
    expect((labels as typeof object).metadata.labels).toEqual({});
  });
});

describe('merge', () => {
  it('puts one into the other, item by item', () => {
    const wanted = {
      spec: { containers: [{ name: 'n', image: 'new' }, { name: 'o' }], tolerations: [], selector: { matchLabels: { b: '2' } } },
    };
    expect(merge(object, wanted)).toMatchObject({
      metadata: object.metadata,
      spec: {
        replicas: 2,
        containers: [object.spec.containers[0], { name: 'n', image: 'new' }, { name: 'o' }],
        tolerations: [],
        selector: { matchLabels: { b: '2' } },
      },
    });
  });
});
