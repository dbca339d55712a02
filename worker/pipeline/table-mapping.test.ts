import { describe, expect, it } from 'vitest';
import { LockkeeperError } from '../../common/errors.ts';
import { fixedTarget, namesOf, parseMappingRule } from '../../crds/table-name.ts';
import { TableMapping } from './table-mapping.ts';

type Rule = [source: string, target?: string | null];

function mappingOf(rules: Rule[], ignoreCase = false): TableMapping {
  return new TableMapping(
    rules.map(([source, target]) => ({ source, target: target ?? null })),
    { ignoreCase },
  );
}

/** Name parts are written with a bar between, since both may have dots: `schema|table`. */
function map(mapping: TableMapping, name: string): string | null {
  const [schema = '', table = ''] = name.split('|');
  const target = mapping.mapTable(schema, table);
  return target === null ? null : `${target.schema}|${target.table}`;
}

const cases: [rules: Rule[], results: Record<string, string | null>][] = [
  // Nothing given: everything keeps its name.
  [[], { 'shop|orders': 'shop|orders', 'Ä.b|c d': 'Ä.b|c d' }],
  // Names.
  [
    [['shop.orders', 'dr.orders']],
    { 'shop|orders': 'dr|orders', 'shop|order': null, 'dr|orders': null, 'Shop|orders': null, 'shop|Orders': null },
  ],
  [[['shop.orders']], { 'shop|orders': 'shop|orders', 'shop|items': null }],
  [
    [
      ['shop.orders', 'dr.x'],
      ['shop.items', 'dr.x'],
    ],
    { 'shop|orders': 'dr|x', 'shop|items': 'dr|x' },
  ],
  [[['shop.a$1', 'dr.b']], { 'shop|a$1': 'dr|b' }],
  [[['shop.a', 'dr.b$x']], { 'shop|a': 'dr|b$x' }],
  [[['`my.shop`.`a.b`', '`d.r`.`x``y`']], { 'my.shop|a.b': 'd.r|x`y', 'my|shop.a.b': null }],
  [[['`s[1-2]`.`t*`', 'dr.`a$1`']], { 's[1-2]|t*': 'dr|a$1', 's1|t': null }],
  [[['büro.straße', 'büro2.straße']], { 'büro|straße': 'büro2|straße' }],
  [[['shop-1.or ders', 'dr.x']], { 'shop-1|or ders': 'dr|x' }],
  // The first match wins.
  [
    [
      ['shop.orders', 'a.a'],
      ['/shop\\.(.*)/', 'b.$1'],
    ],
    { 'shop|orders': 'a|a', 'shop|items': 'b|items' },
  ],
  [
    [
      ['/shop\\.(.*)/', 'b.$1'],
      ['shop.orders', 'a.a'],
    ],
    { 'shop|orders': 'b|orders' },
  ],
  [
    [
      ['/shop\\..*/', null],
      ['/(.*)\\.(.*)/', 'dr_$1.$2'],
    ],
    { 'shop|x': 'shop|x', 'crm|x': 'dr_crm|x' },
  ],
  // Shards.
  [
    [['shop[1-64].orders', 'dr.orders']],
    {
      'shop1|orders': 'dr|orders',
      'shop64|orders': 'dr|orders',
      'shop0|orders': null,
      'shop65|orders': null,
      'shop01|orders': null,
      'shop|orders': null,
      'shop1x|orders': null,
      'shop1|order': null,
    },
  ],
  [
    [['shop[01-32].orders', 'dr.orders']],
    {
      'shop01|orders': 'dr|orders',
      'shop32|orders': 'dr|orders',
      'shop1|orders': null,
      'shop001|orders': null,
      'shop33|orders': null,
    },
  ],
  [[['shop[1-4].orders', 'dr[1-4].orders']], { 'shop1|orders': 'dr1|orders', 'shop4|orders': 'dr4|orders' }],
  [[['shop[1-4].orders', 'dr[001-004].orders']], { 'shop1|orders': 'dr001|orders', 'shop4|orders': 'dr004|orders' }],
  [
    [['shop[01-12].orders', 'dr[1-12].orders']],
    { 'shop01|orders': 'dr1|orders', 'shop12|orders': 'dr12|orders', 'shop1|orders': null },
  ],
  [[['shop[5-8].orders', 'dr[105-108].orders']], { 'shop5|orders': 'dr105|orders', 'shop8|orders': 'dr108|orders' }],
  [
    [['shop.orders_[0-3]', 'dr.orders']],
    { 'shop|orders_0': 'dr|orders', 'shop|orders_3': 'dr|orders', 'shop|orders_4': null, 'shop|orders_': null },
  ],
  [[['shop.orders_[0-3]', 'dr.o[0-3]x']], { 'shop|orders_0': 'dr|o0x', 'shop|orders_3': 'dr|o3x' }],
  [
    [['shop[1-2].orders_[1-3]', 'dr[1-2].orders_[1-3]']],
    { 'shop2|orders_3': 'dr2|orders_3', 'shop2|orders_4': null, 'shop3|orders_1': null },
  ],
  [[['shop[1-2].orders_[1-3]', 'dr.orders_[1-3]']], { 'shop1|orders_3': 'dr|orders_3', 'shop2|orders_3': 'dr|orders_3' }],
  [[['shop[1-2].orders_[1-3]']], { 'shop1|orders_3': 'shop1|orders_3', 'shop3|orders_1': null }],
  [[['shop[1-4].orders', 'dr.orders_[1-4]']], { 'shop3|orders': 'dr|orders_3' }],
  [[['shop.orders_[1-4]', 'dr[11-14].orders']], { 'shop|orders_3': 'dr13|orders' }],
  [[['shop[1-3].orders', 'dr[1-3].orders_[7-9]']], { 'shop2|orders': 'dr2|orders_8' }],
  [[['s[7-7].t', 'd[9-9].t']], { 's7|t': 'd9|t', 's8|t': null }],
  [[['[1-3].t', 'd.[4-6]']], { '2|t': 'd|5', '|t': null }],
  [[['shop[0-10].t', 'd.t']], { 'shop0|t': 'd|t', 'shop10|t': 'd|t', 'shop00|t': null }],
  [[['a[1-2]1.t', 'd.t']], { 'a11|t': 'd|t', 'a21|t': 'd|t', 'a1|t': null, 'a111|t': null }],
  // Patterns.
  [
    [['/shop_(\\d+)\\.(.*)/', 'dr_$1.$2_copy']],
    { 'shop_7|orders': 'dr_7|orders_copy', 'shop_x|orders': null, 'xshop_7|orders': null },
  ],
  [[['/shop_(\\d+)\\.orders/', 'dr.orders']], { 'shop_1|orders': 'dr|orders', 'shop_1|orders2': null }],
  [[['/shop\\.(orders|items)/', 'dr.$1']], { 'shop|orders': 'dr|orders', 'shop|items': 'dr|items', 'shop|x': null }],
  [[['/shop\\\\.(.*)/', 'dr.$1']], { 'shop|orders': 'dr|orders' }],
  [[['/(.*)\\.(.*)/', '$2.$1']], { 'a|b': 'b|a' }],
  [[['/(.*)\\.(.*)/', '$1_$1.$2']], { 'a|b': 'a_a|b' }],
  [[['/(.*)\\.(.*)/', '$1.$2$$1']], { 'a|b': 'a|b$1' }],
  [[['/(.*)\\.(.*)/', '$1.x$$$2']], { 'a|b': 'a|x$b' }],
  [[['/(.*)\\.(.*)/', '$1.$2$']], { 'a|b': 'a|b$' }],
  [[['/(.*)\\.(.*)/', '`$1`.$2']], { 'a|b': '$1|b' }],
  [[['/(a)(b)(c)(d)(e)(f)(g)(h)(i)\\.(.*)/', '$1.$10']], { 'abcdefghi|t': 'a|t' }],
  [[['/(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\\.(.*)/', '$10.$11']], { 'abcdefghij|t': 'j|t' }],
  [[['/(a)\\.(.*)/', '$10.$20']], { 'a|t': 'a0|t0' }],
  [[['/(a)\\.(.*)/', '$01.$02']], { 'a|t': 'a|t' }],
  [[['/(a)\\.(.*)/', '$1.$2']], { 'a|b.c': 'a|b.c' }],
  [[['/(.*)\\.(.*)/', 'dr_$1.$2']], { 'a.b|c': 'dr_a.b|c', 'a|b.c': 'dr_a|b.c' }],
  [[['/shop(_x)?\\.(.*)/', 'dr$1.$2']], { 'shop|a': 'dr|a', 'shop_x|a': 'dr_x|a' }],
  [[['/(?:shop|crm)\\.(?<t>.*)/', 'dr.$1']], { 'shop|a': 'dr|a', 'crm|a': 'dr|a' }],
  [[['/(\\w+)\\.\\1_(\\w+)/', '$1.$2']], { 'shop|shop_a': 'shop|a', 'shop|crm_a': null }],
  [[['/shop\\.(?!tmp).*/', null]], { 'shop|a': 'shop|a', 'shop|tmp1': null }],
  [[['/shop.orders/', 'dr.orders']], { 'shop|orders': 'dr|orders' }],
  [[['/Shop\\..*/', 'dr.x']], { 'Shop|a': 'dr|x', 'shop|a': null }],
  [[['/shop\\.a|crm\\.b/', 'dr.x']], { 'shop|a': 'dr|x', 'crm|b': 'dr|x', 'shop|ab': null }],
];

describe('mapTable', () => {
  describe.each(cases)('%j', (rules, results) => {
    const mapping = mappingOf(rules);
    it.each(Object.entries(results))('%s: %s', (name, expected) => {
      expect(map(mapping, name)).toBe(expected);
      expect(map(mapping, name)).toBe(expected);
    });
  });

  it('gives the same object each time', () => {
    const mapping = mappingOf([['/(.*)\\.(.*)/', 'dr_$1.$2']]);
    expect(mapping.mapTable('a', 'b')).toBe(mapping.mapTable('a', 'b'));
  });

  it('ignores case where the source does', () => {
    const mapping = mappingOf(
      [
        ['Shop.Orders', 'dr.A'],
        ['S[1-3].T', 'dr[1-3].B'],
        ['/Crm\\.(.*)/', 'dr.$1'],
      ],
      true,
    );
    expect([map(mapping, 'shop|orders'), map(mapping, 's2|t'), map(mapping, 'CRM|Xy')]).toEqual(['dr|A', 'dr2|B', 'dr|Xy']);
    expect(mapping.mapSchema('SHOP')).toBe('dr');
  });

  it.each([
    ['/(.*)\\.x(.*)/', '$1.$2', 'a', 'x', /an empty table name for a\.x/],
    ['/shop(.*)\\.(.*)/', '$1.$2', 'shop', 'a', /an empty schema name for shop\.a/],
    ['/(.*)\\.(.*)/', '$1.${2}'.replace('${2}', '$2$2'), 'a', 'b'.repeat(33), /a table name of 66 characters \(at most 64\)/],
  ])('refuses what %s to %s makes of %s.%s', (source, target, schema, table, reason) => {
    const mapping = mappingOf([[source, target]]);
    expect(() => mapping.mapTable(schema, table)).toThrow(reason);
    expect(() => mapping.mapTable(schema, table)).toThrow(expect.objectContaining({ code: 'LK1010' }) as Error);
  });
});

describe('whole schemas', () => {
  // schema to [mapSchema, mayMatchSchema, coversSchema]
  const table: [Rule[], Record<string, [string | null, boolean, boolean]>][] = [
    [[], { shop: ['shop', true, true] }],
    [[['shop.orders', 'dr.orders']], { shop: ['dr', true, false], crm: [null, false, false], dr: [null, false, false] }],
    [
      [
        ['shop.orders', 'dr.orders'],
        ['shop.items', 'dr.items'],
      ],
      { shop: ['dr', true, false] },
    ],
    [
      [
        ['shop.orders', 'dr.orders'],
        ['shop.items', 'dr2.items'],
      ],
      { shop: [null, true, false] },
    ],
    [[['shop.orders']], { shop: ['shop', true, false] }],
    [[['shop[1-4].orders', 'dr[1-4].orders']], { shop3: ['dr3', true, false], shop5: [null, false, false] }],
    [[['shop[1-4].orders', 'dr.orders']], { shop3: ['dr', true, false] }],
    [[['shop.o[1-4]', 'dr[1-4].o']], { shop: [null, true, false] }],
    [[['/shop\\.(.*)/', 'dr.$1']], { shop: ['dr', true, true], crm: [null, false, false] }],
    [[['/shop\\..+/', null]], { shop: ['shop', true, true] }],
    [[['/shop\\.o.*/', 'dr.x']], { shop: ['dr', true, false] }],
    [[['/(shop_\\d+)\\.(.*)/', 'dr_$1.$2']], { shop_1: ['dr_shop_1', true, true], shop_x: [null, false, false] }],
    [[['/(.*)\\.(.*)/', 'dr_$1.$2']], { any: ['dr_any', true, true] }],
    [[['/(.*)\\.(.*)/', 'dr_$2.$1']], { any: [null, true, true] }],
    [[['/(.*)\\.(.*)/', '`$1`.$2']], { any: ['$1', true, true] }],
    [[['/(.*).(.*)/', 'dr.$2']], { any: [null, true, false] }],
    [[['/a\\.b|c\\.d/', 'dr.x']], { a: [null, true, false], z: [null, true, false] }],
    [[['/(\\w+)\\.\\1/', 'dr.x']], { a: [null, true, false] }],
    [[['/a\\.(?!x).*/', 'dr.x']], { a: [null, true, false] }],
    [
      [
        ['shop.orders', 'a.x'],
        ['/shop\\.(.*)/', 'b.$1'],
      ],
      { shop: [null, true, true] },
    ],
    // What comes after an entry that takes the whole schema gets nothing of it.
    [
      [
        ['/shop\\.(.*)/', 'b.$1'],
        ['shop.orders', 'a.x'],
      ],
      { shop: ['b', true, true] },
    ],
    [
      [
        ['/shop\\.(.*)/', 'b.$1'],
        ['/(.*)\\.(.*)/', 'all.$2'],
      ],
      { shop: ['b', true, true], crm: ['all', true, true] },
    ],
  ];
  describe.each(table)('%j', (rules, expected) => {
    const mapping = mappingOf(rules);
    it.each(Object.entries(expected))('%s: %j', (schema, answers) => {
      expect([mapping.mapSchema(schema), mapping.mayMatchSchema(schema), mapping.coversSchema(schema)]).toEqual(answers);
    });
  });
});

describe('a bad entry', () => {
  it.each<[source: string, target: string | null, code: string, field: 'source' | 'target', reason: RegExp]>([
    ['orders', null, 'LK1010', 'source', /expected schema\.table/],
    ['a.b.c', null, 'LK1010', 'source', /one dot.*backquotes/],
    ['.b', null, 'LK1010', 'source', /expected schema\.table/],
    ['a.', null, 'LK1010', 'source', /expected schema\.table/],
    ['`a.b', null, 'LK1010', 'source', /expected schema\.table/],
    ['``.b', null, 'LK1010', 'source', /expected schema\.table/],
    [' shop.orders', null, 'LK1010', 'source', /space beside/],
    ['shop.orders ', null, 'LK1010', 'source', /space beside/],
    ['shop.`a `', null, 'LK1010', 'source', /end with a space/],
    ['shop.*', null, 'LK1010', 'source', /\* is not part of a plain name.*a pattern stands between slashes/],
    ['(shop).orders', null, 'LK1010', 'source', /\( is not part/],
    ['shop.or?', null, 'LK1010', 'source', /\? is not part/],
    ['shop\\.orders', null, 'LK1010', 'source', /\\ is not part/],
    ['shop{1,2}.orders', null, 'LK1010', 'source', /\{ is not part/],
    ['shop[1,2].orders', null, 'LK1010', 'source', /a range is written \[1-64\]/],
    ['shop[1-].orders', null, 'LK1010', 'source', /a range is written/],
    ['shop[a-c].orders', null, 'LK1010', 'source', /a range is written/],
    ['shop[1-2][3-4].orders', null, 'LK1010', 'source', /one in each part/],
    ['shop[4-1].orders', null, 'LK1010', 'source', /runs backwards/],
    ['shop[01-128].orders', null, 'LK1010', 'source', /equally many digits/],
    ['shop[1-09].orders', null, 'LK1010', 'source', /equally many digits/],
    ['shop[0-9999999999].orders', null, 'LK1010', 'source', /too large/],
    ['shop[1-1000].orders_[1-1000]', null, 'LK1010', 'source', /1000000 tables, at most 100000/],
    [`${'a'.repeat(65)}.b`, null, 'LK1010', 'source', /at most 64 characters, this one 65/],
    [`${'a'.repeat(62)}[1-100].b`, null, 'LK1010', 'source', /at most 64 characters, this one 65/],
    ['/shop\\.(/', 'dr.x', 'LK1007', 'source', /unterminated group/],
    ['/shop/', 'dr.x', 'LK1007', 'source', /no dot/],
    ['//', 'dr.x', 'LK1007', 'source', /no dot/],
    ['/', 'dr.x', 'LK1010', 'source', /ends with a slash/],
    ['/shop\\.(a+)+/', 'dr.x', 'LK1007', 'source', /exponential/],
    ['/shop\\..*', 'dr.x', 'LK1010', 'source', /ends with a slash/],
    // One to many.
    ['shop.orders', 'dr[1-4].orders', 'LK1010', 'target', /one table \(shop\.orders\) cannot go to many/],
    ['shop.orders', 'dr.orders_[1-4]', 'LK1010', 'target', /cannot go to many/],
    ['shop[1-4].orders', 'dr[1-3].orders', 'LK1010', 'target', /has 3 shards.* has 4/],
    ['shop[1-3].orders', 'dr[1-4].orders', 'LK1010', 'target', /has 4 shards.* has 3/],
    ['shop[1-3].orders_[1-2]', 'dr[1-2].orders_[1-2]', 'LK1010', 'target', /has 2 shards.* has 3/],
    // Targets.
    ['shop.orders', 'dr', 'LK1010', 'target', /expected schema\.table/],
    ['shop.orders', '/dr\\..*/', 'LK1010', 'target', /is not part of a plain name|expected schema\.table/],
    ['shop.orders', 'dr.$1', 'LK1010', 'target', /\$1 stands for a group/],
    ['shop[1-4].orders', 'dr$1.orders', 'LK1010', 'target', /\$1 stands for a group/],
    ['/shop\\.(.*)/', 'dr.$2', 'LK1010', 'target', /uses \$2, but the pattern .* has groups \$1 only/],
    ['/(.*)\\.(.*)/', '$1.$3', 'LK1010', 'target', /uses \$3, but .* groups \$1 to \$2/],
    ['/shop\\..*/', 'dr.$1', 'LK1010', 'target', /has no group/],
    ['/shop\\.(.*)/', 'dr.$0', 'LK1010', 'target', /uses \$0/],
    ['/shop\\.(.*)/', 'dr.$00', 'LK1010', 'target', /uses \$0/],
    ['/shop\\.(.*)/', 'dr[1-4].x', 'LK1010', 'target', /not a pattern or a range/],
    ['/shop\\.(.*)/', 'dr.x*', 'LK1010', 'target', /not a pattern or a range/],
    ['/shop\\.(.*)/', `dr.${'x'.repeat(65)}`, 'LK1010', 'target', /at most 64/],
  ])('%s to %s', (source, target, code, field, reason) => {
    let error: unknown;
    try {
      mappingOf([['ok.ok'], [source, target]]);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(LockkeeperError);
    const { details, message, remedy } = error as LockkeeperError;
    expect((error as LockkeeperError).code).toBe(code);
    expect(details?.field).toBe(`spec.tables[1].${field}`);
    expect(message).toContain(`spec.tables[1].${field}`);
    expect(String(details?.reason)).toMatch(reason);
    expect(remedy).not.toBe('');
  });
});

describe('shards, at random', () => {
  const random = seeded(20240607);
  const below = (limit: number) => Math.floor(random() * limit);

  it('sends each shard to its own number and nothing else anywhere', () => {
    for (let round = 0; round < 300; round++) {
      const size = 1 + below(200);
      const [from, to] = [below(2) === 0 ? below(5) : below(500), below(500)];
      const padSource = below(2) === 0;
      const padTarget = below(2) === 0;
      const source = range(from, size, padSource);
      const target = range(to, size, padTarget);
      const inSchema = below(2) === 0;
      const mapping = mappingOf(
        inSchema ? [[`s${source.text}x.t`, `d${target.text}.t`]] : [[`s.t${source.text}x`, `d.t${target.text}`]],
      );
      const result = (name: string) => map(mapping, inSchema ? `s${name}x|t` : `s|t${name}x`);
      const seen = new Set<string>();
      for (let index = 0; index < size; index++) {
        const expected = inSchema ? `d${target.name(index)}|t` : `d|t${target.name(index)}`;
        expect(result(source.name(index))).toBe(expected);
        seen.add(expected);
      }
      expect(seen.size).toBe(size);
      for (const outside of [
        source.name(size),
        ...(from > 0 ? [source.name(-1)] : []),
        '',
        'a',
        '-1',
        `0${source.name(0)}`,
        `${source.name(0)} `,
      ]) {
        expect(result(outside), `${outside} in ${source.text}`).toBeNull();
      }
    }
  });

  it('lists the very names that it maps', () => {
    for (let round = 0; round < 100; round++) {
      const schemas = range(below(100), 1 + below(12), below(2) === 0);
      const tables = range(below(100), 1 + below(12), below(2) === 0);
      const text = `a${schemas.text}.b${tables.text}c`;
      const mapping = mappingOf([[text, 'd.e']]);
      const names = namesOf(parseMappingRule({ source: text, target: null }, 'f').source) ?? [];
      expect(new Set(names.map(({ schema, table }) => `${schema}.${table}`)).size).toBe(schemas.size * tables.size);
      for (const { schema, table } of names) expect(mapping.mapTable(schema, table)).toEqual({ schema: 'd', table: 'e' });
    }
  });

  it('refuses every difference in size', () => {
    for (let round = 0; round < 100; round++) {
      const [a, b] = [1 + below(50), 1 + below(50)];
      const make = () => mappingOf([[`s${range(below(50), a, false).text}.t`, `d${range(below(50), b, false).text}.t`]]);
      if (a === b) expect(make).not.toThrow();
      else expect(make).toThrow(/shards/);
    }
  });

  it('treats a random name without ranges as itself', () => {
    const letters = 'abcXYZ019_$-äß ';
    for (let round = 0; round < 500; round++) {
      const word = () =>
        `w${Array.from({ length: 1 + below(10) }, () => letters[below(letters.length)]).join('')}w`.replaceAll(/\$(?=\d)/g, '');
      const [schema, table] = [word(), word()];
      expect(mappingOf([[`${schema}.${table}`]]).mapTable(schema, table)).toEqual({ schema, table });
      expect(mappingOf([[`\`${schema}\`.\`${table}\``]]).mapTable(schema, table)).toEqual({ schema, table });
    }
  });
});

describe('fixedTarget', () => {
  it.each<[string, string | null, string | null]>([
    ['shop.orders', 'dr.orders', 'dr.orders'],
    ['shop[1-4].orders', 'dr.orders', 'dr.orders'],
    ['shop[1-4].orders', 'dr[1-4].orders', null],
    ['/shop\\.(.*)/', 'dr.all', 'dr.all'],
    ['/shop\\.(.*)/', 'dr.a$$1', 'dr.a$1'],
    ['/shop\\.(.*)/', 'dr.$1', null],
    ['/shop\\.(.*)/', null, null],
  ])('%s to %s: %s', (source, target, expected) => {
    const fixed = fixedTarget(parseMappingRule({ source, target }, 'f'));
    expect(fixed && `${fixed.schema}.${fixed.table}`).toBe(expected);
  });
});

function range(from: number, size: number, padded: boolean) {
  const width = padded ? Math.max(2, String(from + size - 1).length) : 0;
  const name = (index: number) => String(from + index).padStart(width, '0');
  // Only bounds that begin with a zero make a range padded; else the widest number must be as wide as the first.
  return { size, name, text: `[${name(0)}-${name(size - 1)}]` };
}

/** mulberry32: small and the same everywhere. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
