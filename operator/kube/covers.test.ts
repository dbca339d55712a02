import { describe, expect, it } from 'vitest';
import { covers, imageOf } from './covers.ts';

describe('covers', () => {
  const wanted = {
    metadata: { labels: { a: '1' } },
    spec: {
      replicas: 3,
      selector: { matchLabels: { a: '1' } },
      template: {
        spec: {
          containers: [
            {
              name: 'main',
              image: 'x:1',
              args: ['a', 'b'],
              ports: [{ containerPort: 80 }],
              resources: { requests: { cpu: '1000m' } },
            },
          ],
          volumes: [{ name: 'tmp', emptyDir: {} }],
          nodeSelector: { zone: 'z' },
        },
      },
    },
  };
  /** As the server stores it: defaults, another manager's label, its way to write quantities. */
  const live = () => ({
    metadata: { labels: { a: '1', theirs: 'x' }, uid: 'u' },
    spec: {
      replicas: 3,
      podManagementPolicy: 'OrderedReady',
      selector: { matchLabels: { a: '1' } },
      template: {
        spec: {
          dnsPolicy: 'ClusterFirst',
          containers: [
            { name: 'injected', image: 'y' },
            {
              name: 'main',
              image: 'x:1',
              imagePullPolicy: 'IfNotPresent',
              args: ['a', 'b'],
              ports: [{ containerPort: 80, protocol: 'TCP' }],
              resources: { requests: { cpu: '1' } },
            },
          ],
          volumes: [{ name: 'tmp', emptyDir: {} }],
          nodeSelector: { zone: 'z' },
        },
      },
    },
    status: { replicas: 3 },
  });

  it('is so when the live object only has more', () => {
    expect(covers(live(), wanted)).toBe(true);
  });

  type Change = (object: any) => unknown; // eslint-disable-line @typescript-eslint/no-explicit-any
  const main: Change = (object) => object.spec.template.spec.containers[1];
  it.each<[string, Change]>([
    ['a number', (object) => (object.spec.replicas = 2)],
    ['a label', (object) => delete object.metadata.labels.a],
    ['a field of an item', (object) => ((main(object) as { image: string }).image = 'x:2')],
    [
      'an item',
      (object) => (object as { spec: { template: { spec: { containers: unknown[] } } } }).spec.template.spec.containers.pop(),
    ],
    ['a list that is replaced as a whole', (object) => (main(object) as { args: string[] }).args.push('c')],
    ['the order of such a list', (object) => (main(object) as { args: string[] }).args.reverse()],
    ['a quantity', (object) => ((main(object) as { resources: object }).resources = { requests: { cpu: '2' } })],
    ['another key in a map that is replaced as a whole', (object) => (object.spec.template.spec.nodeSelector.disk = 'ssd')],
    ['a key of a selector', (object) => (object.spec.selector.matchLabels.b = '2')],
    ['a volume', (object) => (object.spec.template.spec.volumes = [])],
    ['a type', (object) => (object.spec.template.spec = 'text')],
  ])('is not so when %s differs', (_what, change) => {
    const object = live();
    change(object);
    expect(covers(object, wanted)).toBe(false);
  });

  it('takes empty, zero and absent for one, as the server does', () => {
    const empties = { a: '', b: 0, c: false, d: null, e: [], f: {}, g: undefined, h: { i: undefined } };
    expect(covers({}, empties)).toBe(true);
    expect(covers({ b: 3 }, { b: 0 })).toBe(false);
    expect(covers({ c: true }, { c: false })).toBe(false);
    expect(covers({ e: ['x'] }, { e: [] })).toBe(false);
    expect(covers({ a: 'x' }, { a: '' })).toBe(false);
    expect(covers({ nodeSelector: { x: 'y' } }, { nodeSelector: {} })).toBe(false);
    expect(covers({ f: { x: 1 } }, { f: {} })).toBe(true);
  });

  it('finds the items of sets', () => {
    expect(covers({ finalizers: ['theirs', 'ours'] }, { finalizers: ['ours'] })).toBe(true);
    expect(covers({ finalizers: ['theirs'] }, { finalizers: ['ours'] })).toBe(false);
  });

  it.each([
    ['1000m', '1'],
    ['0.5', '500m'],
    ['1024Mi', '1Gi'],
    ['1000', '1k'],
    ['2G', '2000M'],
  ])('knows %s and %s for one quantity, where quantities stand', (a, b) => {
    const field = (value: string) => ({ resources: { limits: { memory: value } }, emptyDir: { sizeLimit: value } });
    expect(covers(field(a), field(b))).toBe(true);
    expect(covers({ image: a }, { image: b })).toBe(false);
  });
});

describe('imageOf', () => {
  it('is what the live object has at the places asked for', () => {
    const wanted = { metadata: { labels: { a: '1' } }, spec: { containers: [{ name: 'm', cpu: '1.0' }], list: [1, 2] } };
    const live = {
      metadata: { labels: { a: '9', b: '2' } },
      spec: { containers: [{ name: 'n' }, { name: 'm', cpu: '1', x: 1 }], list: [3] },
    };
    expect(imageOf(live, wanted)).toEqual({
      metadata: { labels: { a: '9' } },
      spec: { containers: [{ name: 'm', cpu: '1' }], list: [3] },
    });
  });
});
