import { expect, test } from 'vitest';
import { charsetOfCollation } from '../../worker/target/sql/charset.ts';
import { startMariadb, startMysql, type DbServer } from '../servers/index.ts';

const collations = {
  mysql: 'SELECT ID AS id, CHARACTER_SET_NAME AS charset FROM information_schema.COLLATIONS',
  mariadb:
    'SELECT ID AS id, CHARACTER_SET_NAME AS charset FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE ID IS NOT NULL',
};

test.each<[string, () => Promise<DbServer>]>([
  ['MySQL', startMysql],
  ['MariaDB', startMariadb],
])('the character set of every collation id of %s is known', async (_name, start) => {
  await using server = await start();
  const rows = await server.query(collations[server.flavor]);
  expect(rows.length).toBeGreaterThan(200);
  expect(rows.filter((row) => charsetOfCollation(Number(row['id'])) !== row['charset'])).toEqual([]);
});
