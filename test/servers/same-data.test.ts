import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DbServer } from './db-server.ts';
import { startMariadb } from './mariadb.ts';
import { startMysql } from './mysql.ts';
import { expectSameData, tableChecksums } from './same-data.ts';

const everyType = `
CREATE TABLE shop.types (
  id BIGINT UNSIGNED PRIMARY KEY, ti TINYINT, de DECIMAL(40,10), fl FLOAT, db DOUBLE, bi BIT(64), ye YEAR, da DATE, tm TIME(6), dt DATETIME(6),
  ts TIMESTAMP(6) NULL, ch CHAR(5), vc VARCHAR(50) CHARACTER SET utf8mb4, lt VARCHAR(50) CHARACTER SET latin1, bn BINARY(5), vb VARBINARY(9),
  bl BLOB, tx TEXT, en ENUM('a','b'), se SET('x','y'), js JSON, ge GEOMETRY, ge2 POINT);
INSERT INTO shop.types VALUES
  (18446744073709551615, -128, -1234567890.0123456789, 0.1, 0.1, 18446744073709551615, 2155, '9999-12-31', '-838:59:59.000000', '1000-01-01 00:00:00.000001',
   '2038-01-19 03:14:07.999999', 'é', '😀', 'é', x'0001', x'00', x'ff00', 'x', 'b', 'x,y', '{"a": [1, 2.5, "é"]}', ST_GeomFromText('POINT(1 2)'), NULL),
  (0, NULL, 0, -0.0, 1.7976931348623157e308, 0, 1901, NULL, NULL, NULL, NULL, '', '', '', '', '', '', '', NULL, '', NULL, NULL, NULL);
CREATE TABLE shop.nokey (a INT, b VARCHAR(10));
INSERT INTO shop.nokey VALUES (1, NULL), (1, NULL), (2, 'x'), (2, 'NULL');
CREATE TABLE shop.\`odd \`\`name\` (\`a b\` INT PRIMARY KEY);
`;

describe.each([
  { pair: 'MySQL', start: startMysql },
  { pair: 'MariaDB', start: startMariadb },
])('expectSameData between two $pair servers', ({ start }) => {
  let source: DbServer;
  let target: DbServer;

  beforeAll(async () => {
    [source, target] = await Promise.all([start(), start()]);
  });

  afterAll(() => Promise.all([source.kill9(), target.kill9()]));

  beforeEach(async () => {
    for (const server of [source, target])
      await server.query(`DROP SCHEMA IF EXISTS shop; CREATE SCHEMA shop CHARACTER SET utf8mb4; ${everyType}`);
  });

  async function difference(change: string): Promise<string> {
    await target.query(change);
    return expectSameData(source, target).then(
      () => 'none',
      (error: unknown) => (error as Error).message,
    );
  }

  test('equal data is equal', async () => {
    expect(await expectSameData(source, target)).toEqual({ tables: 3, rows: 6 });
  });

  test.each([
    ["UPDATE shop.types SET vc = '😁' WHERE id > 5", 'at id=18446744073709551615'],
    ['UPDATE shop.types SET fl = 0.10000001 WHERE id > 5', 'fl=0.1'],
    ['UPDATE shop.types SET db = 0.10000000000000002 WHERE id > 5', 'db=0.1'],
    ["UPDATE shop.types SET vc = ' ' WHERE id = 0", 'vc='],
    ["UPDATE shop.types SET bn = x'0002' WHERE id > 5", 'bn='],
    ['UPDATE shop.types SET bl = NULL WHERE id = 0', 'bl=NULL'],
    ["UPDATE shop.types SET tm = '-838:59:58.999999' WHERE id > 5", 'tm='],
    ["UPDATE shop.types SET se = 'x' WHERE id > 5", 'se='],
    ['UPDATE shop.types SET bi = bi - 1 WHERE id > 5', 'bi='],
    [`UPDATE shop.types SET js = '{"a": [1, 2.5, "e"]}' WHERE id > 5`, 'js='],
    ["UPDATE shop.types SET ge = ST_GeomFromText('POINT(2 1)') WHERE id > 5", 'ge='],
    ['DELETE FROM shop.types WHERE id = 0', 'target: no such row'],
    ['INSERT INTO shop.types (id) VALUES (7)', 'source: no such row'],
    ["UPDATE shop.nokey SET b = NULL WHERE b = 'NULL'", 'shop.nokey has 4 rows in the source, 4 in the target'],
    ['DELETE FROM shop.nokey WHERE a = 1 LIMIT 1', '2 times'],
    ['UPDATE shop.nokey SET a = 3 WHERE a = 1', 'a=1'], // a pair of equal rows, which XOR would lose
    ['DROP TABLE shop.nokey', 'shop.nokey is missing in the target'],
    ['CREATE TABLE shop.extra (a INT)', 'shop.extra is in the target but not in the source'],
    ['ALTER TABLE shop.nokey ADD c INT', 'has columns a, b, c'],
  ])('finds %s', async (change, message) => {
    expect(await difference(change)).toContain(message);
  });

  test('maps schemas and compares only the tables it is given', async () => {
    await target.query(
      'CREATE SCHEMA IF NOT EXISTS dr; CREATE TABLE dr.nokey AS SELECT * FROM shop.nokey; UPDATE shop.nokey SET a = 9',
    );
    expect(await expectSameData(source, target, { schemaMap: { shop: 'dr' }, tables: ['shop.nokey'] })).toEqual({
      tables: 1,
      rows: 4,
    });
    await expect(expectSameData(source, target, { tables: ['shop.nokey'] })).rejects.toThrow('differ');
    await expect(expectSameData(source, target, { schemaMap: { shop: 'dr' } })).rejects.toThrow(
      'dr.types is missing in the target',
    );
    await target.query('DROP SCHEMA dr');
  });

  test('refuses to compare nothing', async () => {
    await source.query('DROP SCHEMA shop');
    await expect(expectSameData(source, target)).rejects.toThrow('no table to compare');
  });

  test('tableChecksums gives each table a count and a hash', async () => {
    const checksums = await tableChecksums(source, ['shop']);
    expect([...checksums.keys()].sort()).toEqual(['shop.nokey', 'shop.odd `name', 'shop.types']);
    expect(checksums).toEqual(await tableChecksums(target, ['shop']));
    expect(checksums.get('shop.nokey')?.rows).toBe(4);
  });
});

test('compares a MySQL source with a MariaDB target', async () => {
  await using source = await startMysql();
  await using target = await startMariadb();
  for (const server of [source, target]) await server.query(`CREATE SCHEMA shop CHARACTER SET utf8mb4; ${everyType}`);
  expect(await expectSameData(source, target)).toEqual({ tables: 3, rows: 6 });
});
