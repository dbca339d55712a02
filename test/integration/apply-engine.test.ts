import mysql from 'mysql2/promise';
import { expect, test } from 'vitest';
import { TargetTablePlans } from '../../worker/pipeline/table-plans.ts';
import { TargetSession } from '../../worker/target/session.ts';
import { TableMetadataCache } from '../../worker/target/table-metadata.ts';
import { startMariadb } from '../servers/index.ts';
import { captured } from './sql-harness.ts';

test('a target table without transactions is refused in every mode', async () => {
  await using server = await startMariadb();
  const { host, port, user, password } = server;
  const admin = await mysql.createConnection({ host, port, user, password, multipleStatements: true });
  await admin.query(
    'CREATE DATABASE src; CREATE DATABASE dst; CREATE TABLE src.t (id INT); CREATE TABLE dst.t (id INT) ENGINE=MyISAM',
  );
  const [item] = await captured(server, 'src', 'dst', () => admin.query('INSERT INTO src.t VALUES (1)'));
  const session = await TargetSession.open({ host, port, user, password });
  const maps = item!.events.map(({ table }) => table);
  for (const mode of ['Auto', 'Raw', 'Sql'] as const) {
    const load = () =>
      new TargetTablePlans({ metadata: new TableMetadataCache(session), mode, rawRefused: null, onNotice: () => undefined }).load(
        maps,
      );
    await expect(load()).rejects.toMatchObject({ code: 'LK1314', found: 'ENGINE=MyISAM' });
    await admin.query('ALTER TABLE dst.t ENGINE=InnoDB');
    await load();
    await admin.query('ALTER TABLE dst.t ENGINE=MyISAM');
    await session.query('COMMIT');
  }
  session.destroy();
  await admin.end();
});
