import { describe, expect, it } from 'vitest';
import { LockkeeperError } from '../../common/errors.ts';
import { TableFilter } from './table-filter.ts';

function filterOf(include: string[], exclude: string[] = []): TableFilter {
  return new TableFilter({ include, exclude });
}

function errorOf(include: string[]): LockkeeperError {
  try {
    filterOf(include);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(LockkeeperError);
    return thrown as LockkeeperError;
  }
  throw new Error(`${include.join()} was accepted`);
}

// `${schema}.${table}` to whether it passes. Doubled backslashes are as in canal's properties files.
const cases: [include: string[], exclude: string[], passing: string[], failing: string[]][] = [
  [['.*\\..*'], [], ['shop.orders', 'Shop.Orders', 'a.b', 'x y.z', 'büro.straße'], []],
  [['.*\\\\..*'], [], ['shop.orders', 'a.b'], []],
  [['test\\.t1'], [], ['test.t1', 'TEST.T1', 'Test.t1'], ['test.t10', 'xtest.t1', 'testxt1', 'test.t']],
  [['test\\\\.t1'], [], ['test.t1'], ['testxt1', 'test.t11']],
  [['TEST\\.T1'], [], ['test.t1'], ['test.t2']],
  [['canal\\.canal.*'], [], ['canal.canal', 'canal.canal_x'], ['canal.xcanal', 'canalxcanal']],
  [['canal\\..*'], [], ['canal.a', 'canal.'], ['canalx.a', 'xcanal.a']],
  [['canal\\.test1,canal\\.test2'], [], ['canal.test1', 'canal.test2'], ['canal.test3', 'canal.test1,canal.test2']],
  [['canal\\.test1', 'canal\\.test2'], [], ['canal.test1', 'canal.test2'], ['canal.test3']],
  [[' canal\\.test1 , canal\\.test2 '], [], ['canal.test1', 'canal.test2'], []],
  [['shop\\.foo,shop\\.foot'], [], ['shop.foo', 'shop.foot'], ['shop.foots']],
  [['shop\\.foot,shop\\.foo'], [], ['shop.foo', 'shop.foot'], ['shop.foots']],
  // An alternation stands whole, where `^a|b$` would not.
  [['shop\\.a|shop\\.b'], [], ['shop.a', 'shop.b'], ['shop.ab', 'shop.aXXX', 'Xshop.b']],
  [['shop\\.(a|b)'], [], ['shop.a', 'shop.b'], ['shop.c', 'shop.ab']],
  // A comma inside braces, brackets or parentheses is part of the pattern.
  [['shop\\.t\\d{1,2}'], [], ['shop.t1', 'shop.t12'], ['shop.t', 'shop.t123']],
  [['shop\\.t\\\\d{1,2},crm\\.x'], [], ['shop.t1', 'crm.x'], ['shop.t123']],
  [['shop\\.t[,x]'], [], ['shop.t,', 'shop.tx'], ['shop.t']],
  [['shop\\.t\\,x'], [], ['shop.t,x'], ['shop.t']],
  [['shop_\\d+\\.orders'], [], ['shop_1.orders', 'shop_99.orders'], ['shop_.orders', 'shop_x.orders']],
  [['^shop\\.orders$'], [], ['shop.orders'], ['shop.orders2']],
  [['shop.orders'], [], ['shop.orders'], ['shop.order', 'shopXorders.x']],
  [['shop\\.[^_].*'], [], ['shop.a', 'shop.orders'], ['shop._tmp']],
  [['shop\\.(?!tmp_).*'], [], ['shop.orders'], ['shop.tmp_1']],
  [['shop\\..*'], ['shop\\.tmp_.*'], ['shop.orders'], ['shop.tmp_1', 'shop.TMP_x', 'crm.a']],
  [['shop\\..*'], ['shop\\.a,shop\\.b'], ['shop.c'], ['shop.a', 'shop.B']],
  [['.*\\..*'], ['.*\\._.*_(gho|ghc|del)'], ['shop.orders'], ['shop._orders_gho', 'shop._orders_del']],
  [['shop\\..*'], ['.*\\..*'], [], ['shop.orders']],
  [
    ['.*\\..*'],
    [],
    [],
    [
      'mysql.user',
      'MySQL.user',
      'sys.x',
      'information_schema.tables',
      'INFORMATION_SCHEMA.TABLES',
      'performance_schema.a',
      'lockkeeper.checkpoint',
    ],
  ],
  [['mysql\\.user', 'lockkeeper\\..*'], [], [], ['mysql.user', 'lockkeeper.ddl']],
  [['mysql2\\..*'], [], ['mysql2.user'], ['mysql.user']],
  [['shop\\.a\nb'], [], ['shop.a\nb'], ['shop.a']],
  [['shop\\..*'], [], ['shop.a\nb'], []],
  [['shop\\.a\\x5cb'], [], ['shop.a\\b'], ['shop.ab']],
  [[], [], [], ['shop.orders']],
];

describe('TableFilter', () => {
  describe.each(cases)('include %j exclude %j', (include, exclude, passing, failing) => {
    const filter = filterOf(include, exclude);
    const passes = (name: string) => filter.passes(name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1));
    if (passing.length > 0) it.each(passing)('passes %s', (name) => expect([passes(name), passes(name)]).toEqual([true, true]));
    if (failing.length > 0) it.each(failing)('stops %s', (name) => expect([passes(name), passes(name)]).toEqual([false, false]));
  });

  it('judges a schema by what its tables may be', () => {
    const filter = filterOf(['shop\\..*', 'crm_\\d+\\.orders', 'old.*'], ['shop2\\..*', 'crm_9\\..+']);
    const may = (schema: string) => filter.mayPassSchema(schema);
    expect(may('shop')).toBe(true);
    expect(may('SHOP')).toBe(true);
    expect(may('crm_1')).toBe(true);
    expect(may('crm_9')).toBe(false);
    // old.* has no escaped dot, so it cannot be cut into schema and table: it may match anything.
    expect(may('other')).toBe(true);
    expect(may('mysql')).toBe(false);
    expect(may('Lockkeeper')).toBe(false);
  });

  it('judges a schema exactly where all patterns have their dot', () => {
    const filter = filterOf(['shop\\..*', 'crm\\.orders'], ['crm\\..*']);
    expect(['shop', 'crm', 'other', 'shopx'].map((schema) => filter.mayPassSchema(schema))).toEqual([true, false, false, false]);
  });

  it('reads a list of thousands of names in one entry', () => {
    const names = Array.from({ length: 3000 }, (_, index) => `shop\\.t${index}`);
    const filter = filterOf([names.join(',')]);
    expect(filter.passes('shop', 't2999')).toBe(true);
    expect(filter.passes('shop', 't3000')).toBe(false);
  });

  it('answers as plain matching does, whatever came before', () => {
    const filter = filterOf(['a\\..*'], ['a\\.b']);
    for (let i = 0; i < 250_000; i++) expect(filter.passes('a', `t${i}`)).toBe(true);
    expect(filter.passes('a', 'b')).toBe(false);
    expect(filter.passes('b', 'a')).toBe(false);
  });
});

describe('a bad pattern', () => {
  it.each([
    ['shop\\.(a', /unterminated group/],
    ['shop\\.a)', /unmatched '\)'/],
    ['shop\\.a)(b', /unmatched '\)'/],
    ['shop\\.[a', /unterminated character class/],
    ['*\\.orders', /nothing to repeat/],
    ['shop\\.a++', /nothing to repeat/],
    ['shop\\.[z-a]', /range out of order/],
    ['shop\\.a{3,1}', /numbers out of order/],
    ['shop\\.\\', /\\ at end of pattern/],
    ['shop', /no dot/],
    ['shop_\\d+', /no dot/],
    ['shop\\.a,,shop\\.b', /empty/],
    [',', /empty/],
    ['', /empty/],
    ['shop\\.(a+)+', /repeats a group that itself varies/],
    ['(.*)*\\.x', /repeats a group that itself varies/],
    ['shop\\.(a|aa)*', /repeats a group that itself varies/],
    ['shop\\.(a|b){5}', /repeats a group that itself varies/],
    ['shop\\.((a*b)c)+', /repeats a group that itself varies/],
    ['shop\\.(?:a?){40}', /repeats a group that itself varies/],
    ['.*.*.*.*.*.*.*\\.x', /too many parts that vary/],
    [`shop\\.${'a?'.repeat(50)}`, /too many parts that vary/],
    [`shop\\.(${'(a?)'.repeat(50)})`, /too many parts that vary/],
    [`shop\\.${'a'.repeat(600)}`, /it has 606 characters, at most 512/],
    ['shop\\.\\Qa\\E', /escape \\Q/],
    ['shop\\.\\Aa', /escape \\A/],
    ['shop\\.[[:alpha:]]+', /POSIX class/],
  ])('%s', (pattern, reason) => {
    const error = errorOf(['ok\\..*', pattern]);
    expect(error.code).toBe('LK1007');
    expect(error.details).toMatchObject({ field: 'spec.filter.include[1]' });
    expect(String(error.details?.reason)).toMatch(reason);
    expect(error.message).toContain('spec.filter.include[1]');
    expect(error.found === undefined ? '' : pattern).toContain((error.found ?? 'x').slice(0, 70).replace(/\.\.\.$/, ''));
  });

  it.each([
    'shop\\.(abc)+',
    'shop\\.(\\d{2})*',
    'shop\\.(a|b)?',
    'shop\\.(a.*)?',
    '.*_.*_.*\\..*_.*_.*',
    'shop\\.[^:]+',
    'a\\.(x.*|y.*|z.*|u.*|v.*|w.*|t.*|s.*)',
  ])('is not %s', (pattern) => expect(() => filterOf([pattern])).not.toThrow());

  it('names the exclude list too', () => {
    expect(() => filterOf(['a\\..*'], ['(']).passes('a', 'b')).toThrow(/spec\.filter\.exclude\[0\]/);
  });

  it('that is let through never takes long', () => {
    // The worst that is accepted, on the longest names that do not match.
    const filter = filterOf(['.*a.*a.*a.*a\\.x']);
    const started = performance.now();
    expect(filter.passes('a'.repeat(64), 'a'.repeat(64))).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
