import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMariadb, startMysql, type DbServer } from '../servers/index.ts';
import { killInCopy } from '../support/held-copy.ts';
import { lockkeeper, LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { instanceDocuments, pipelineDocuments, writeManifest } from '../support/manifests.ts';

/** MariaDB's system-versioned tables: their history is rows too, and arrives to the microsecond or not at all. */

let source: DbServer;
let target: DbServer;
let serverId = 9800;

beforeAll(async () => {
  [source, target] = await Promise.all([startMariadb({ name: 'source' }), startMariadb({ name: 'target' })]);
});
afterAll(async () => {
  await Promise.all([source?.kill9(), target?.kill9()]);
});

function manifestOf(name: string, to: DbServer, spec: Record<string, unknown> = {}): string {
  return writeManifest(
    instanceDocuments({ source, serverId: (serverId += 10), spec: { filter: { include: [`${name}\\..*`] } } }),
    pipelineDocuments({ name, target: to, spec: { divergence: 'Stop', ...spec } }),
  );
}

/** Every row that a table ever held, with the times at which it did. */
async function history(server: DbServer, table: string, [from, to] = ['row_start', 'row_end']): Promise<string[]> {
  const rows = await server.query(`SELECT t.*, ${from} AS since, ${to} AS until FROM ${table} FOR SYSTEM_TIME ALL AS t`);
  return rows.map((row) => JSON.stringify(row)).sort();
}

const periods: Record<string, [string, string] | undefined> = { named: ['since_when', 'until_when'] };

async function expectSameHistory(schema: string, tables: readonly string[], rows: number): Promise<void> {
  let count = 0;
  for (const table of tables) {
    const here = await history(source, `${schema}.${table}`, periods[table]);
    expect(await history(target, `${schema}.${table}`, periods[table])).toEqual(here);
    count += here.length;
  }
  expect(count).toBeGreaterThanOrEqual(rows);
}

test('history is copied, and goes on: changes, DELETE HISTORY, DDL over it', async () => {
  const numbers = Array.from({ length: 500 }, (_, i) => `(${i}, ${i})`).join();
  await source.query(
    `CREATE DATABASE v; CREATE TABLE v.t (id INT PRIMARY KEY, n INT) WITH SYSTEM VERSIONING; CREATE TABLE v.keyless (a INT, n INT) WITH SYSTEM VERSIONING;
     CREATE TABLE v.named (id INT PRIMARY KEY, n INT, since_when TIMESTAMP(6) GENERATED ALWAYS AS ROW START, until_when TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE, PERIOD FOR SYSTEM_TIME (since_when, until_when)) WITH SYSTEM VERSIONING;
     CREATE TABLE v.part (id INT PRIMARY KEY, n INT, w INT WITHOUT SYSTEM VERSIONING, twice INT AS (n*2) STORED, UNIQUE KEY (n)) WITH SYSTEM VERSIONING;
     INSERT INTO v.t VALUES ${numbers}; INSERT INTO v.keyless VALUES (1,1),(1,1),(2,2); INSERT INTO v.named (id, n) VALUES (1,1),(2,2); INSERT INTO v.part (id, n, w) VALUES (1,1,1),(2,2,2);
     UPDATE v.t SET n=n+1 WHERE id<100; DELETE FROM v.t WHERE id>450; INSERT INTO v.t VALUES (460, 0); UPDATE v.keyless SET n=5 WHERE a=1 LIMIT 1; DELETE FROM v.keyless WHERE a=2; UPDATE v.named SET n=10 WHERE id=1; DELETE FROM v.named WHERE id=2; UPDATE v.part SET n=30 WHERE id=2`,
  );
  const tables = ['t', 'keyless', 'named', 'part'];
  const manifest = manifestOf('v', target, { initialLoad: { chunkRows: 100, parallelism: 1 } });
  // Rows of the first table are written, and taken back by the kill.
  await killInCopy(manifest, { before: 9 });
  await source.query('UPDATE v.t SET n=n+1 WHERE id<10; DELETE FROM v.keyless WHERE a=1 LIMIT 1');
  await using lockkeeper = await LockkeeperProcess.run(manifest);
  await lockkeeper.untilCaughtUp('v', source, target);
  await expectSameHistory('v', tables, 600);
  const connection = await source.connect({ multipleStatements: true });
  await connection.query(
    `UPDATE v.t SET n=-1 WHERE id=1; UPDATE v.t SET n=-2 WHERE id=1; REPLACE INTO v.t VALUES (2, 7); BEGIN; UPDATE v.t SET n=1 WHERE id=3; UPDATE v.t SET n=2 WHERE id=3; DELETE FROM v.t WHERE id=3; INSERT INTO v.t VALUES (3,3); COMMIT;
     UPDATE v.keyless SET n=6; DELETE FROM v.keyless WHERE a=1 LIMIT 1; INSERT INTO v.named (id, n) VALUES (2, 3); UPDATE v.named SET n=4; UPDATE v.part SET w=9; UPDATE v.part SET n=n+5; DELETE HISTORY FROM v.t BEFORE SYSTEM_TIME '2020-01-01'`,
  );
  await lockkeeper.untilCaughtUp('v', source, target);
  await expectSameHistory('v', tables, 600);
  await connection.query(
    `SET system_versioning_alter_history=KEEP; ALTER TABLE v.t ADD COLUMN z INT DEFAULT 4; UPDATE v.t SET z=5 WHERE id=1; CREATE TABLE v.made (id INT PRIMARY KEY); INSERT INTO v.made VALUES (1),(2);
     ALTER TABLE v.made ADD SYSTEM VERSIONING; DELETE FROM v.made WHERE id=1; DELETE HISTORY FROM v.t; UPDATE v.t SET z=6 WHERE id=1`,
  );
  await connection.end();
  await lockkeeper.untilCaughtUp('v', source, target);
  await expectSameHistory('v', [...tables, 'made'], 460);
});

test('a table gets its history while it is copied', async () => {
  await source.query('CREATE DATABASE x; CREATE TABLE x.t (id INT PRIMARY KEY, n INT); INSERT INTO x.t VALUES (1,1),(2,2)');
  const manifest = manifestOf('x', target);
  await killInCopy(manifest, { before: 6 });
  await source.query('ALTER TABLE x.t ADD SYSTEM VERSIONING; UPDATE x.t SET n=3 WHERE id=1');
  await using lockkeeper = await LockkeeperProcess.run(manifest);
  await lockkeeper.untilCaughtUp('x', source, target);
  await expectSameHistory('x', ['t'], 3);
});

test('where history cannot be kept this is said before anything is copied, and by a stream that has begun', async () => {
  await source.query(
    'CREATE DATABASE w; CREATE TABLE w.t (id INT PRIMARY KEY, n INT) WITH SYSTEM VERSIONING; INSERT INTO w.t VALUES (1,1); UPDATE w.t SET n=2',
  );
  await using mysql = await startMysql({ name: 'mysql' });
  const cases = [
    { name: 'a', to: target, spec: { apply: { mode: 'Sql' } } },
    { name: 'b', to: mysql, spec: {} },
  ];
  for (const { to, spec } of cases) {
    const manifest = manifestOf('w', to, spec);
    expect((await lockkeeper(['check', '-f', manifest])).stdout).toContain('LK1315');
    await using worker = await LockkeeperProcess.run(manifest);
    const { lastError } = await worker.untilPhase('w', 'suspended');
    expect(lastError).toMatchObject({ code: 'LK1315', message: expect.stringContaining('w.t') as string });
    expect(lastError?.remedy).toContain('filter');
    const there = await to.query("SELECT table_name FROM information_schema.tables WHERE table_schema='w'");
    expect(there).toEqual([]);
    await to.query('DELETE FROM lockkeeper.checkpoint');
  }
  // A table made by hand without versions, and rows that follow.
  for (const mode of ['Auto', 'Sql']) {
    await target.query(
      'CREATE DATABASE IF NOT EXISTS w; CREATE OR REPLACE TABLE w.t (id INT PRIMARY KEY, n INT); INSERT INTO w.t VALUES (1,2); DELETE FROM lockkeeper.checkpoint',
    );
    await using worker = await LockkeeperProcess.run(
      manifestOf('w', target, { apply: { mode }, initialLoad: { mode: 'Never' } }),
    );
    await worker.untilPhase('w', 'running');
    await source.query('UPDATE w.t SET n=n+1');
    const { lastError } = await worker.untilPhase('w', 'suspended');
    expect(lastError).toMatchObject({ code: 'LK1315', found: expect.stringContaining('row_start') as string });
    expect(await target.query('SELECT n FROM w.t')).toEqual([{ n: 2 }]);
  }
});

test('a table with versions at the target alone keeps a history of its own', async () => {
  await source.query('CREATE DATABASE u; CREATE TABLE u.t (id INT PRIMARY KEY, n INT); INSERT INTO u.t VALUES (1,1),(2,2)');
  await target.query('CREATE DATABASE u; CREATE TABLE u.t (id INT PRIMARY KEY, n INT) WITH SYSTEM VERSIONING');
  await using lockkeeper = await LockkeeperProcess.run(manifestOf('u', target));
  await lockkeeper.untilCaughtUp('u', source, target);
  // Events of a table without versions tell whole seconds.
  await sleep(1100);
  await source.query('UPDATE u.t SET n=10 WHERE id=1; DELETE FROM u.t WHERE id=2');
  await lockkeeper.untilCaughtUp('u', source, target);
  expect(await target.query('SELECT id, n FROM u.t')).toEqual([{ id: 1, n: 10 }]);
  expect((await history(target, 'u.t')).length).toBe(3);
});
