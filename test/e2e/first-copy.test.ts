import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../integration/source-helpers.ts';
import { expectSameData, startMariadb, startMysql, type DbServer } from '../servers/index.ts';
import { BEGUN, freezeInCopy, killInCopy, MOMENT_TAKEN } from '../support/held-copy.ts';
import { lockkeeper, LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { instanceDocuments, pipelineDocuments, writeManifest } from '../support/manifests.ts';

/** Whole pipelines whose source changes while they copy: what the copy and the stream behind it make of it together. */

let source: DbServer;
let target: DbServer;
let serverId = 9000;

beforeAll(async () => {
  [source, target] = await Promise.all([startMysql({ name: 'source' }), startMysql({ name: 'target' })]);
});

afterAll(async () => {
  await Promise.all([source?.kill9(), target?.kill9()]);
});

/** A pipeline of the schemas whose names begin with its own name. */
function manifestOf(name: string, spec: Record<string, unknown> = {}, from: DbServer = source, to: DbServer = target): string {
  return writeManifest(
    instanceDocuments({
      name: `${name}-source`,
      source: from,
      serverId: (serverId += 10),
      spec: { filter: { include: [`${name}\\w*\\..*`] } },
    }),
    pipelineDocuments({ name, instance: `${name}-source`, target: to, spec: { divergence: 'Stop', ...spec } }),
  );
}

async function untilSame(lockkeeper: LockkeeperProcess, name: string, from: DbServer = source): Promise<number> {
  await lockkeeper.untilCaughtUp(name, from, target);
  return (await expectSameData(from, target, { schemaMap: { [name]: name } })).rows;
}

test('without GTIDs, a transaction in parts that begins exactly where the tables were read', async () => {
  await using plain = await startMysql({ config: { gtid_mode: false, enforce_gtid_consistency: false } });
  await plain.query(
    'CREATE DATABASE parts; CREATE TABLE parts.t (id INT PRIMARY KEY, v LONGBLOB); INSERT INTO parts.t VALUES (1, NULL)',
  );
  const manifest = manifestOf('parts', {}, plain);
  await killInCopy(manifest, BEGUN);
  await plain.query('INSERT INTO parts.t VALUES (2, NULL)');
  await using lockkeeper = await freezeInCopy(manifest, 1);
  const blob = "REPEAT('x', 1000000)";
  const connection = await plain.connect({ multipleStatements: true });
  const inserts = Array.from({ length: 20 }, (_, i) => `INSERT INTO parts.t VALUES (${i + 10}, ${blob})`);
  await connection.query(`BEGIN; ${inserts.join(';')}; COMMIT`);
  await connection.end();
  lockkeeper.signal('SIGCONT');
  expect(await untilSame(lockkeeper, 'parts', plain)).toBe(22);
});

test.each([
  { name: 'none', what: 'dropped', statements: 'DROP TABLE none.t' },
  { name: 'moved', what: 'renamed and dropped', statements: 'RENAME TABLE moved.t TO moved._t_old; DROP TABLE moved._t_old' },
  {
    name: 'along',
    what: 'dropped along with a table that no copy has seen',
    statements: 'CREATE TABLE along.brief (id INT PRIMARY KEY); DROP TABLE along.brief, along.t',
  },
])('every table is $what while it is copied', async ({ name, statements }) => {
  await source.query(`CREATE DATABASE ${name}; CREATE TABLE ${name}.t (id INT PRIMARY KEY); INSERT INTO ${name}.t VALUES (1)`);
  await using lockkeeper = await freezeInCopy(manifestOf(name), MOMENT_TAKEN);
  await source.query(statements);
  lockkeeper.signal('SIGCONT');
  await lockkeeper.untilPhase(name, 'running');
  await source.query(`CREATE TABLE ${name}.t (id INT PRIMARY KEY, v INT); INSERT INTO ${name}.t VALUES (1, 1)`);
  expect(await untilSame(lockkeeper, name)).toBe(1);
});

test('Always copies anew where a position is stored: once, not at every start, and goes on after a kill', async () => {
  await source.query(
    `CREATE DATABASE anew; CREATE TABLE anew.t (id INT PRIMARY KEY, v INT); CREATE TABLE anew.gone (id INT PRIMARY KEY); CREATE TABLE anew.keyless (v INT);
     INSERT INTO anew.t VALUES (1,1),(2,2),(3,3); INSERT INTO anew.gone VALUES (1); INSERT INTO anew.keyless VALUES (1),(1)`,
  );
  const [whenNew, always] = ['WhenNew', 'Always'].map((mode) => manifestOf('anew', { initialLoad: { mode, parallelism: 1 } }));
  const begun = async () =>
    String((await target.query("SELECT started_at FROM lockkeeper.snapshot WHERE pipeline='default/anew'"))[0]!['started_at']);
  const run = async (manifest: string) => {
    await using worker = await LockkeeperProcess.run(manifest);
    await untilSame(worker, 'anew');
    expect((await worker.status('anew')).divergence).toEqual({
      missingOnUpdate: 0,
      missingOnDelete: 0,
      existingOnInsert: 0,
      repaired: 0,
    });
    expect(await worker.stop()).toBe(0);
  };
  await run(whenNew!);
  await source.query('CREATE TABLE anew.streamed (id INT PRIMARY KEY); INSERT INTO anew.streamed VALUES (1)');
  await run(whenNew!);
  const first = await begun();

  await source.query(
    `UPDATE anew.t SET v=v+10; ALTER TABLE anew.t ADD COLUMN w INT DEFAULT 4; DROP TABLE anew.gone; INSERT INTO anew.streamed VALUES (2);
     FLUSH BINARY LOGS; INSERT INTO anew.keyless VALUES (2)`,
  );
  await purgeBinlogs(source);
  {
    await using stuck = await LockkeeperProcess.run(whenNew!);
    expect((await stuck.untilPhase('anew', 'suspended')).lastError).toMatchObject({ code: 'LK1109' });
  }
  expect((await lockkeeper(['check', '-f', whenNew!])).stdout).toContain('LK1109');
  expect((await lockkeeper(['check', '-f', always!])).stdout).not.toContain('LK1109');
  await killInCopy(always!, 6);
  await source.query('UPDATE anew.t SET v=v+100 WHERE id=2; INSERT INTO anew.streamed VALUES (3)');
  const second = await begun();
  expect(second).not.toBe(first);
  await run(always!);
  await source.query('INSERT INTO anew.streamed VALUES (4); INSERT INTO anew.keyless VALUES (3)');
  await run(always!);
  expect(await begun()).toBe(second);

  // Asked for again by way of another value.
  await target.query('DELETE FROM anew.t WHERE id=1');
  await source.query('INSERT INTO anew.keyless VALUES (4)');
  {
    await using other = await LockkeeperProcess.run(whenNew!);
    await other.untilCaughtUp('anew', source, target);
  }
  expect(await begun()).toBe(second);
  await run(always!);
  expect(await begun()).not.toBe(second);
});

test('a pipeline whose checkpoint was removed copies anew, and not over rows unasked', async () => {
  await source.query('CREATE DATABASE removed; CREATE TABLE removed.t (v INT); INSERT INTO removed.t VALUES (1)');
  const [whenNew, always] = ['WhenNew', 'Always'].map((mode) => manifestOf('removed', { initialLoad: { mode } }));
  {
    await using lockkeeper = await LockkeeperProcess.run(whenNew!);
    await untilSame(lockkeeper, 'removed');
    await source.query('INSERT INTO removed.t VALUES (2)');
    await untilSame(lockkeeper, 'removed');
  }
  await target.query("DELETE FROM lockkeeper.checkpoint WHERE pipeline='default/removed'");
  {
    await using lockkeeper = await LockkeeperProcess.run(whenNew!);
    expect((await lockkeeper.untilPhase('removed', 'suspended')).lastError).toMatchObject({ code: 'LK1601' });
  }
  await using lockkeeper = await LockkeeperProcess.run(always!);
  expect(await untilSame(lockkeeper, 'removed')).toBe(2);
});

test('databases are dropped and made while they are copied', async () => {
  const schemas = ['dbs_dropped', 'dbs_remade', 'dbs_emptied', 'dbs_altered'];
  for (const schema of schemas)
    await source.query(
      `CREATE DATABASE ${schema}; CREATE TABLE ${schema}.t (id INT PRIMARY KEY); INSERT INTO ${schema}.t VALUES (1)`,
    );
  const manifest = manifestOf('dbs');
  await killInCopy(manifest, BEGUN);
  await source.query(
    `CREATE DATABASE dbs_new; CREATE TABLE dbs_new.t (id INT PRIMARY KEY); INSERT INTO dbs_new.t VALUES (1);
     CREATE DATABASE dbs_short; CREATE TABLE dbs_short.t (id INT PRIMARY KEY); DROP DATABASE dbs_short`,
  );
  await using lockkeeper = await freezeInCopy(manifest, 1);
  await source.query(
    `DROP DATABASE dbs_dropped; DROP DATABASE dbs_remade; CREATE DATABASE dbs_remade CHARACTER SET latin1; CREATE TABLE dbs_remade.t (id INT PRIMARY KEY, v INT);
     INSERT INTO dbs_remade.t VALUES (1,1),(2,2); DROP DATABASE dbs_emptied; CREATE DATABASE dbs_emptied; ALTER DATABASE dbs_altered CHARACTER SET latin1`,
  );
  lockkeeper.signal('SIGCONT');
  await lockkeeper.untilCaughtUp('dbs', source, target);
  const there = [...schemas, 'dbs_new'].filter((schema) => schema !== 'dbs_dropped');
  const schemaMap = Object.fromEntries(there.map((schema) => [schema, schema]));
  await expectSameData(source, target, { schemaMap });
  const names = async (server: DbServer) =>
    (
      await server.query(
        "SELECT schema_name AS s, default_character_set_name AS c FROM information_schema.schemata WHERE schema_name LIKE 'dbs\\_%' ORDER BY 1",
      )
    ).map((row) => `${row['s']} ${row['c']}`);
  expect(await names(target)).toEqual(await names(source));
  // All of them go on as at the source.
  await source.query(
    `CREATE DATABASE dbs_dropped; CREATE TABLE dbs_dropped.t (id INT PRIMARY KEY); INSERT INTO dbs_dropped.t VALUES (3);
     INSERT INTO dbs_remade.t VALUES (3,3); CREATE TABLE dbs_emptied.t (id INT PRIMARY KEY); INSERT INTO dbs_emptied.t VALUES (3); DROP DATABASE dbs_altered`,
  );
  await lockkeeper.untilCaughtUp('dbs', source, target);
  await expectSameData(source, target, { tables: ['dbs_dropped.t', 'dbs_remade.t', 'dbs_emptied.t', 'dbs_new.t'] });
  expect(await names(target)).toEqual(await names(source));
});

test('tables swap their names while they are copied, as online schema changes make them do', async () => {
  const rows = Array.from({ length: 500 }, (_, i) => `(${i}, 'v${i}')`).join();
  await source.query(
    `CREATE DATABASE swaps; CREATE TABLE swaps.t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO swaps.t VALUES ${rows};
     CREATE TABLE swaps.u LIKE swaps.t; INSERT INTO swaps.u SELECT * FROM swaps.t; CREATE TABLE swaps.big LIKE swaps.t; INSERT INTO swaps.big SELECT * FROM swaps.t;
     INSERT INTO swaps.big SELECT id+1000, v FROM swaps.t; ANALYZE TABLE swaps.t, swaps.u, swaps.big`,
  );
  // The begin of the record, the moment, three tables and that they are listed; eleven chunks of the largest, planned and copied, and its end.
  const largestDone = 6 + 22 + 1;
  await using lockkeeper = await freezeInCopy(
    manifestOf('swaps', { initialLoad: { chunkRows: 100, parallelism: 1 } }),
    largestDone,
  );
  await source.query(
    `CREATE TABLE swaps._t_gho LIKE swaps.t; ALTER TABLE swaps._t_gho ADD COLUMN extra INT NOT NULL DEFAULT 5;
     INSERT INTO swaps._t_gho (id, v) SELECT id, v FROM swaps.t; UPDATE swaps.t SET v='x' WHERE id=1; REPLACE INTO swaps._t_gho (id, v) VALUES (1, 'x');
     RENAME TABLE swaps.t TO swaps._t_del, swaps._t_gho TO swaps.t; DROP TABLE swaps._t_del; INSERT INTO swaps.t VALUES (9999, 'after', 6);
     CREATE TABLE swaps._big_new LIKE swaps.big; INSERT INTO swaps._big_new SELECT * FROM swaps.big; RENAME TABLE swaps.big TO swaps._big_old, swaps._big_new TO swaps.big;
     CREATE TABLE swaps.brief (id INT PRIMARY KEY); INSERT INTO swaps.brief VALUES (1); DROP TABLE swaps.brief, swaps.u;
     CREATE TABLE swaps.made SELECT id FROM swaps.t WHERE id<10; ALTER TABLE swaps.made RENAME TO swaps.renamed`,
  );
  lockkeeper.signal('SIGCONT');
  await untilSame(lockkeeper, 'swaps');
  await source.query(
    "DROP TABLE swaps._big_old; INSERT INTO swaps.big VALUES (-1, 'end'); INSERT INTO swaps.renamed VALUES (-1)",
  );
  await untilSame(lockkeeper, 'swaps');
  const { divergence } = await lockkeeper.status('swaps');
  expect(divergence).toEqual({ missingOnUpdate: 0, missingOnDelete: 0, existingOnInsert: 0, repaired: 0 });
});

test('tables are dropped and renamed before an interrupted copy goes on', async () => {
  const names = ['a', 'b', 'c', 'd'];
  const size = (name: string) => 400 - 50 * names.indexOf(name);
  for (const name of names) {
    const rows = Array.from({ length: size(name) }, (_, i) => `(${i}, ${i})`).join();
    await source.query(
      `CREATE DATABASE IF NOT EXISTS paused; CREATE TABLE paused.${name} (id INT PRIMARY KEY, v INT); INSERT INTO paused.${name} VALUES ${rows}; ANALYZE TABLE paused.${name}`,
    );
  }
  const manifest = manifestOf('paused', { initialLoad: { chunkRows: 100, parallelism: 1 } });
  // Table a is done, b in part, c and d not begun.
  await killInCopy(manifest, 21);
  const states = await target.query(
    "SELECT source_table AS t, state FROM lockkeeper.snapshot_table WHERE pipeline='default/paused' ORDER BY 1",
  );
  expect(states.map((row) => `${row['t']} ${row['state']}`)).toEqual(['a done', 'b copying', 'c copying', 'd copying']);
  await source.query(
    `UPDATE paused.a SET v=-1; UPDATE paused.b SET v=-1; RENAME TABLE paused.a TO paused.a2, paused.b TO paused.b2; UPDATE paused.a2 SET v=-2; DELETE FROM paused.b2 WHERE id<50;
     UPDATE paused.c SET v=-1; DROP TABLE paused.c; CREATE TABLE paused.c (v VARCHAR(10)); INSERT INTO paused.c VALUES ('new'); DROP TABLE paused.d`,
  );
  await using lockkeeper = await LockkeeperProcess.run(manifest);
  await untilSame(lockkeeper, 'paused');
  await source.query("RENAME TABLE paused.b2 TO paused.b; INSERT INTO paused.c VALUES ('newer'); UPDATE paused.a2 SET v=-3");
  await untilSame(lockkeeper, 'paused');
  const { divergence } = await lockkeeper.status('paused');
  expect(divergence).toEqual({ missingOnUpdate: 0, missingOnDelete: 0, existingOnInsert: 0, repaired: 0 });
});

test('statements that the stream could not apply came before the tables were read', async () => {
  await source.query(
    `CREATE DATABASE merged; CREATE TABLE merged.a (id INT PRIMARY KEY); CREATE TABLE merged.b (id INT PRIMARY KEY); INSERT INTO merged.a VALUES (1); INSERT INTO merged.b VALUES (2);
     CREATE DATABASE merged_part; CREATE TABLE merged_part.t (id INT PRIMARY KEY); CREATE TABLE merged_part.secret (id INT PRIMARY KEY)`,
  );
  const tables = [
    { source: '/merged\\.(a|b)/', target: 'merged.all' },
    { source: '/merged_part\\.t/', target: 'merged_part.t' },
  ];
  const manifest = manifestOf('merged', { tables });
  await killInCopy(manifest, BEGUN);
  await source.query(
    `ALTER TABLE merged.a ADD COLUMN v INT DEFAULT 7; ALTER TABLE merged.b ADD COLUMN v INT DEFAULT 8; INSERT INTO merged.a VALUES (3, 3); DROP DATABASE merged_part`,
  );
  await using lockkeeper = await LockkeeperProcess.run(manifest);
  await lockkeeper.untilCaughtUp('merged', source, target);
  await source.query('INSERT INTO merged.b VALUES (4, 4)');
  await lockkeeper.untilCaughtUp('merged', source, target);
  expect((await target.query('SELECT id, v FROM merged.all ORDER BY id')).map(({ id, v }) => `${id} ${v}`)).toEqual([
    '1 7',
    '2 8',
    '3 3',
    '4 4',
  ]);
  await source.query('ALTER TABLE merged.a ADD COLUMN w INT');
  expect((await lockkeeper.untilPhase('merged', 'suspended')).lastError).toMatchObject({ code: 'LK1502' });
});

test('MariaDB: a table is made anew with rows exactly where it was read; sequences, which are in no copy', async () => {
  await using from = await startMariadb({ name: 'source' });
  await using to = await startMariadb({ name: 'target' });
  await from.query('CREATE DATABASE made; CREATE TABLE made.t (id INT PRIMARY KEY); INSERT INTO made.t VALUES (1),(2)');
  const manifest = manifestOf('made', {}, from, to);
  await killInCopy(manifest, BEGUN);
  await from.query('CREATE SEQUENCE made.s; CREATE SEQUENCE made.brief; SELECT SETVAL(made.s, 500); DROP SEQUENCE made.brief');
  // The moment, the begin of the table, that it is listed, its chunk planned and copied, its end.
  await using lockkeeper = await freezeInCopy(manifest, 6);
  await from.query('CREATE OR REPLACE TABLE made.t (id INT PRIMARY KEY, v INT) SELECT 1 AS id, 7 AS v');
  await from.query('SELECT SETVAL(made.s, 900)');
  lockkeeper.signal('SIGCONT');
  await lockkeeper.untilCaughtUp('made', from, to);
  await expectSameData(from, to, { tables: ['made.t'] });
  const next = async (server: DbServer) => (await server.query('SELECT next_not_cached_value AS n FROM made.s'))[0];
  expect(await next(to)).toEqual(await next(from));
  const names = await to.query("SELECT table_name AS t FROM information_schema.tables WHERE table_schema='made' ORDER BY 1");
  expect(names.map((row) => String(row['t']))).toEqual(['s', 't']);
});

async function purgeBinlogs(server: DbServer): Promise<void> {
  await eventually(async () => {
    const journals = (await server.query('SHOW BINARY LOGS')).map((row) => String(row['Log_name']));
    await server.query(`PURGE BINARY LOGS TO '${journals.at(-1)}'`);
    return (await server.query('SHOW BINARY LOGS')).length === 1;
  }, 'the old binlogs are purged');
}
