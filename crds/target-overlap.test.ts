import { describe, expect, it } from 'vitest';
import { apiVersion, canalInstanceSchema, findOverlaps, serverKey, syncPipelineSchema } from './index.ts';

interface Spec {
  readonly instance?: string;
  readonly target?: string;
  readonly tables?: readonly (readonly [source: string, target?: string])[];
  readonly twoWay?: boolean;
}

const instanceOf = (name: string, host: string, include = ['.*\\..*'], exclude: string[] = []) =>
  canalInstanceSchema.parse({
    apiVersion,
    kind: 'CanalInstance',
    metadata: { name },
    spec: {
      zkEnsembleRef: { name: 'z' },
      master: { host },
      credentialsSecretRef: { name: 's' },
      serverId: 1,
      filter: { include, exclude },
    },
  });

const instances = [
  instanceOf('a', 'source-a'),
  instanceOf('b', 'source-b'),
  instanceOf('shop', 'source-s', ['shop\\..*']),
  instanceOf('shop-too', 'source-t', ['SHOP\\\\..*']),
  instanceOf('names', 'source-n', ['shop\\.orders,shop\\.items'], ['shop\\.items']),
  instanceOf('names-too', 'source-m', ['shop\\.orders', 'crm\\.x']),
  instanceOf('items', 'source-i', ['shop\\.items']),
];

function codes(...specs: Spec[]): string[] {
  return problems(...specs).map((error) => error.code);
}

function problems(...specs: Spec[]) {
  const pipelines = specs.map(({ instance = 'a', target = 'dr', tables = [], twoWay = false }, index) =>
    syncPipelineSchema.parse({
      apiVersion,
      kind: 'SyncPipeline',
      metadata: { name: `p${index}` },
      spec: {
        canalInstanceRef: { name: instance },
        target: { host: target.split(':')[0], port: Number(target.split(':')[1] ?? 3306), credentialsSecretRef: { name: 's' } },
        tables: tables.map(([source, to]) => ({ source, target: to ?? null })),
        twoWay: twoWay ? { group: 'g' } : null,
      },
    }),
  );
  return findOverlaps(pipelines, instances).map(({ error }) => error);
}

describe('two pipelines write one target table', () => {
  it.each<[what: string, a: Spec, b: Spec]>([
    ['one name', { tables: [['s.a', 'd.x']] }, { instance: 'b', tables: [['s.b', 'd.x']] }],
    ['one name in other case', { tables: [['s.a', 'd.X']] }, { instance: 'b', tables: [['s.b', 'D.x']] }],
    ['the same source twice', { tables: [['s.a', 'd.x']] }, { tables: [['s.a', 'd.x']] }],
    ['one host in other case', { tables: [['s.a', 'd.x']], target: 'DR' }, { tables: [['s.b', 'd.x']] }],
    [
      'localhost by two names',
      { tables: [['s.a', 'd.x']], target: 'localhost' },
      { tables: [['s.b', 'd.x']], target: '127.0.0.1' },
    ],
    ['name in quotes', { tables: [['s.a', '`d`.x']] }, { instance: 'b', tables: [['s.b', 'd.`x`']] }],
    ['shards that meet', { tables: [['s[1-4].a', 'd[1-4].x']] }, { instance: 'b', tables: [['t[1-4].a', 'd[4-7].x']] }],
    ['a shard and a name', { tables: [['s[1-4].a', 'd[1-4].x']] }, { instance: 'b', tables: [['s.b', 'd3.x']] }],
    ['padded and not', { tables: [['s[01-12].a', 'd[01-12].x']] }, { instance: 'b', tables: [['t[1-12].a', 'd[1-12].x']] }],
    ['many to one, twice', { tables: [['s[1-4].a', 'd.x']] }, { instance: 'b', tables: [['s[5-8].a', 'd.x']] }],
    ['patterns to one name', { tables: [['/s\\..*/', 'd.x']] }, { instance: 'b', tables: [['/t\\..*/', 'd.x']] }],
    ['a pattern and a name to one name', { tables: [['/s\\..*/', 'd.x']] }, { instance: 'b', tables: [['t.a', 'd.x']] }],
    ['a name that the other’s pattern takes', { tables: [['s.a', 'd.a']] }, { tables: [['/s\\.(.*)/', 'd.$1']] }],
    ['no mapping, one instance', {}, {}],
    ['no mapping, same filter', {}, { instance: 'b' }],
    ['no mapping, same filter spelt otherwise', { instance: 'shop' }, { instance: 'shop-too' }],
    ['no mapping, one name in both filters', { instance: 'names' }, { instance: 'names-too' }],
    ['no mapping, and a name that keeps its name', {}, { tables: [['s.a']] }],
    ['no mapping, and a pattern that keeps names', {}, { tables: [['/s\\..*/']] }],
    ['a pattern that keeps names, and no mapping', { tables: [['/s\\..*/']] }, {}],
    [
      'no mapping with a name in its filter, and that name',
      { instance: 'names' },
      { instance: 'b', tables: [['x.y', 'shop.orders']] },
    ],
    ['the same pattern twice', { tables: [['/s\\.(.*)/', 'd.$1']] }, { tables: [['/s\\.(.*)/', 'd.$1']] }],
    ['names kept on both', { tables: [['s.a'], ['s.b']] }, { instance: 'b', tables: [['s.b'], ['s.c']] }],
  ])('%s', (_, a, b) => {
    expect(codes(a, b)).toEqual(['LK1009']);
    expect(codes(b, a)).toEqual(['LK1009']);
  });

  it.each<[what: string, a: Spec, b: Spec]>([
    ['other names', { tables: [['s.a', 'd.x']] }, { tables: [['s.a', 'd.y']] }],
    ['other schemas', { tables: [['s.a', 'd.x']] }, { tables: [['s.a', 'e.x']] }],
    ['other hosts', { tables: [['s.a', 'd.x']], target: 'dr' }, { tables: [['s.b', 'd.x']], target: 'dr2' }],
    ['other ports', { tables: [['s.a', 'd.x']] }, { tables: [['s.b', 'd.x']], target: 'dr:3307' }],
    ['shards side by side', { tables: [['s[1-4].a', 'd[1-4].x']] }, { instance: 'b', tables: [['s[1-4].a', 'd[5-8].x']] }],
    ['no mapping to two targets', {}, { target: 'dr2' }],
    ['no mapping, filters apart', { instance: 'names' }, { instance: 'items' }],
    ['no mapping, patterns in the filters', { instance: 'a' }, { instance: 'shop' }],
    ['no mapping, and a name renamed', {}, { tables: [['s.a', 'd.x']] }],
    ['an excluded name', { instance: 'names' }, { instance: 'b', tables: [['x.y', 'shop.items']] }],
    [
      'patterns whose tables are unknown',
      { tables: [['/s\\.(.*)/', 'd.$1']] },
      { instance: 'b', tables: [['/s\\.(.*)/', 'd.$1']] },
    ],
    [
      'a name that an earlier entry takes away',
      {
        tables: [
          ['s.a', 'e.a'],
          ['/s\\.(.*)/', 'd.$1'],
        ],
      },
      { tables: [['s.a', 'd.a']] },
    ],
  ])('not: %s', (_, a, b) => expect(codes(a, b)).toEqual([]));

  it('is said with both names, the table and the sources', () => {
    const [error] = problems({ tables: [['s.a', 'd.x']] }, { instance: 'b', tables: [['s[1-2].b', 'd.x']] });
    expect(error?.message).toBe(
      'spec.tables: pipeline default/p1 and default/p0 write one target table: d.x of dr:3306 is written from s1.b and, by default/p0, from s.a',
    );
    expect(error?.details).toMatchObject({ pipeline: 'default/p1', other: 'default/p0', target: 'dr:3306' });
  });

  it('is said once for each pair', () => {
    const same: Spec = {
      tables: [
        ['s.a', 'd.x'],
        ['s.b', 'd.y'],
      ],
    };
    expect(codes(same, same, same)).toEqual(['LK1009', 'LK1009', 'LK1009']);
  });
});

describe('tables that lead back', () => {
  it.each<[what: string, specs: Spec[]]>([
    ['no mapping on one server', [{ target: 'source-a' }]],
    ['a name kept on one server', [{ target: 'source-a', tables: [['s.a']] }]],
    [
      'a chain on one server',
      [
        {
          target: 'source-a',
          tables: [
            ['s.a', 's.b'],
            ['s.b', 's.c'],
          ],
        },
      ],
    ],
    [
      'a target that the pattern takes again',
      [
        {
          target: 'source-a',
          tables: [
            ['s.a', 's.b'],
            ['/s\\.(.*)/', 'd.$1'],
          ],
        },
      ],
    ],
    [
      'there and back without mapping',
      [
        { instance: 'a', target: 'source-b' },
        { instance: 'b', target: 'source-a' },
      ],
    ],
    [
      'there and back by name',
      [
        { instance: 'a', target: 'source-b', tables: [['s.a', 'd.a']] },
        { instance: 'b', target: 'source-a', tables: [['d.a', 's.a']] },
      ],
    ],
    [
      'there and back, one of them two-way',
      [
        { instance: 'a', target: 'source-b', twoWay: true },
        { instance: 'b', target: 'source-a' },
      ],
    ],
  ])('%s', (_, specs) => expect(codes(...specs)).toEqual(['LK1010']));

  it.each<[what: string, specs: Spec[]]>([
    ['a rename on one server', [{ target: 'source-a', tables: [['s.a', 'd.a']] }]],
    [
      'there and on',
      [
        { instance: 'a', target: 'source-b' },
        { instance: 'b', target: 'dr' },
      ],
    ],
    [
      'there and back as another table',
      [
        { instance: 'a', target: 'source-b', tables: [['s.a', 'd.a']] },
        { instance: 'b', target: 'source-a', tables: [['d.a', 'x.a']] },
      ],
    ],
    [
      'there and back, both two-way',
      [
        { instance: 'a', target: 'source-b', twoWay: true },
        { instance: 'b', target: 'source-a', twoWay: true },
      ],
    ],
  ])('not: %s', (_, specs) => expect(codes(...specs)).toEqual([]));
});

describe('an entry that can never match', () => {
  it.each<[Spec, RegExp]>([
    [
      { instance: 'shop', tables: [['crm.a', 'd.a']] },
      /spec\.tables\[0\]\.source: crm\.a can never match: spec\.filter of CanalInstance default\/shop/,
    ],
    [{ instance: 'names', tables: [['shop.orders'], ['shop.items']] }, /spec\.tables\[1\]\.source/],
    [{ instance: 'shop', tables: [['crm[1-4].a', 'd.a']] }, /spec\.tables\[0\]/],
    [{ tables: [['mysql.user', 'd.a']] }, /system schemas never travel/],
    [{ tables: [['LockKeeper.ddl', 'd.a']] }, /system schemas never travel/],
  ])('%j', (spec, message) => {
    const found = problems(spec);
    expect(found.map((error) => error.code)).toEqual(['LK1010']);
    expect(found[0]?.message).toMatch(message);
  });

  it('counts only if none of its shards match', () => {
    expect(codes({ instance: 'names', tables: [['shop.[1-3]', 'd.a'], ['shop.orders']] })).toEqual(['LK1010']);
    expect(codes({ instance: 'shop', tables: [['/crm\\..*/', 'd.a']] })).toEqual([]);
  });
});

describe('a name that a pattern makes', () => {
  it('is refused where it is impossible, once for each table known', () => {
    const found = problems(
      { tables: [['/s(.*)\\.(.*)/', '$1.$2']] },
      {
        tables: [
          ['s.a', 'e.a'],
          ['s1.b', 'e.b'],
        ],
        target: 'other',
      },
    );
    expect(found.map((error) => error.message)).toEqual([
      expect.stringMatching(/^spec\.tables\[0\]\.target: \$1\.\$2 makes an empty schema name for s\.a/),
    ]);
  });
});

describe('many shards', () => {
  // Pair by pair they would take minutes, and the runner's time limit ends the test.
  it('are compared as ranges', () => {
    const shards = (from: number): Spec => ({
      tables: [[`s[${from}-${from + 199}].t[0-499]`, `d[${from}-${from + 199}].t[0-499]`]],
    });
    expect(codes(shards(0), shards(1000), { ...shards(2000), instance: 'b' })).toEqual([]);
  });
});

describe('serverKey', () => {
  it.each([
    ['MySQL.Home', 'mysql.home:3306'],
    ['mysql.home.', 'mysql.home:3306'],
    ['localhost', '127.0.0.1:3306'],
    ['::1', '127.0.0.1:3306'],
    ['fd00::A', 'fd00::a:3306'],
  ])('%s: %s', (host, key) => expect(serverKey({ host, port: 3306 })).toBe(key));
});
