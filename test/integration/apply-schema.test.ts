import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { laterColumns } from '../../worker/snapshot/snapshot-tables.ts';
import { ensureSchema } from '../../worker/target/schema.ts';
import { startMariadb, startMysql, type DbServer } from '../servers/index.ts';
import { openTarget } from './snapshot-helpers.ts';

describe.each([
  ['mysql', startMysql],
  ['mariadb', startMariadb],
])('the schema lockkeeper on %s', (_, start) => {
  let server: DbServer;

  beforeAll(async () => {
    server = await start({});
  });
  afterAll(() => server?.stop());

  it('gets the columns that an earlier version did not know, also by two workers at once', async () => {
    const columns = async () =>
      (
        await server.query(
          "SELECT table_name AS t, column_name AS c, column_type AS d FROM information_schema.columns WHERE table_schema='lockkeeper' ORDER BY table_name, ordinal_position",
        )
      ).map((row) => `${row['t']}.${row['c']} ${row['d']}`);
    const [one, other] = await Promise.all([openTarget(server), openTarget(server)]);
    await ensureSchema(one);
    const fresh = await columns();
    for (const { table, column } of laterColumns) await server.query(`ALTER TABLE lockkeeper.${table} DROP COLUMN ${column}`);
    await server.query(
      "INSERT INTO lockkeeper.snapshot (pipeline, format, state, start_position) VALUES ('default/p', 1, 'followed', '{}')",
    );
    await Promise.all([ensureSchema(one), ensureSchema(other)]);
    await ensureSchema(one);
    expect(await columns()).toEqual(fresh);
    expect(await server.query('SELECT mode FROM lockkeeper.snapshot')).toEqual([{ mode: 'Always' }]);
    for (const session of [one, other]) session.destroy();
  });
});
