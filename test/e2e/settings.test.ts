import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectSameData, startMysql, type DbServer } from '../servers/index.ts';
import { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { instanceDocuments, pipelineDocuments, writeManifest } from '../support/manifests.ts';

/** What manifests decide: which tables go where, where a pipeline begins, what a row that differs leads to. */

let source: DbServer;
let target: DbServer;

beforeAll(async () => {
  [source, target] = await Promise.all([startMysql(), startMysql()]);
});

afterAll(async () => {
  await Promise.all([source?.kill9(), target?.kill9()]);
});

/** Rows of a query at the target, each as its values joined by commas. */
async function at(server: DbServer, sql: string): Promise<string[]> {
  return (await server.query(sql)).map((row) => Object.values(row).map(String).join(','));
}

async function tablesOf(server: DbServer, schemas: string): Promise<string[]> {
  return at(
    server,
    `SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables WHERE table_schema LIKE '${schemas}' ORDER BY 1`,
  );
}

describe.each(['Raw', 'Sql'] as const)('tables and their targets in %s mode', (mode) => {
  const x = mode.toLowerCase();

  test('names, patterns with groups, shards to shards, shards to one, and what is filtered out', async () => {
    const shards = [1, 2, 3].map((i) => `${x}_shop${i}`);
    for (const [i, shard] of shards.entries()) {
      await source.query(
        `CREATE DATABASE ${shard}; CREATE TABLE ${shard}.orders (id INT PRIMARY KEY, v INT); CREATE TABLE ${shard}.items (id INT PRIMARY KEY);
         INSERT INTO ${shard}.orders VALUES (${i * 10}, 0), (${i * 10 + 1}, 0)`,
      );
    }
    await source.query(
      `CREATE DATABASE ${x}_app; CREATE TABLE ${x}_app.user_eu (id INT PRIMARY KEY, v INT); CREATE TABLE ${x}_app.log_old (id INT PRIMARY KEY);
       CREATE TABLE ${x}_app.tmp_1 (id INT PRIMARY KEY); CREATE DATABASE ${x}_secret; CREATE TABLE ${x}_secret.t (id INT PRIMARY KEY)`,
    );
    // A schema that is made of a pattern's group is known to nobody before its first table comes.
    await target.query(
      `CREATE DATABASE ${x}_asia; CREATE DATABASE ${x}_dr; CREATE TABLE ${x}_dr.all_orders (id INT PRIMARY KEY, v INT)`,
    );
    await using lockkeeper = await LockkeeperProcess.run(
      writeManifest(
        instanceDocuments({
          source,
          serverId: 8100,
          spec: { filter: { include: [`${x}_(shop\\d|app)\\..*`], exclude: ['.*\\.tmp_.*'] } },
        }),
        pipelineDocuments({
          name: x,
          target,
          spec: {
            apply: { mode },
            tables: [
              { source: `${x}_shop[1-3].orders`, target: `${x}_dr.all_orders` },
              { source: `${x}_shop[1-3].items`, target: `${x}_copy[11-13].items` },
              { source: `/${x}_app\\.(\\w+)_(\\w+)/`, target: `${x}_$2.$1` },
            ],
            initialLoad: { mode: 'WhenNew' },
          },
        }),
      ),
    );
    await lockkeeper.untilCaughtUp(x, source, target);
    expect(await at(target, `SELECT id, v FROM ${x}_dr.all_orders ORDER BY id`)).toEqual([
      '0,0',
      '1,0',
      '10,0',
      '11,0',
      '20,0',
      '21,0',
    ]);
    for (const [i, shard] of shards.entries()) {
      await source.query(
        `UPDATE ${shard}.orders SET v=${i + 1} WHERE id=${i * 10}; DELETE FROM ${shard}.orders WHERE id=${i * 10 + 1};
         INSERT INTO ${shard}.orders VALUES (${i * 10 + 5}, 5); INSERT INTO ${shard}.items VALUES (${i})`,
      );
    }
    await source.query(
      `INSERT INTO ${x}_app.user_eu VALUES (1,1); INSERT INTO ${x}_app.log_old VALUES (2); INSERT INTO ${x}_app.tmp_1 VALUES (3);
       INSERT INTO ${x}_secret.t VALUES (4); CREATE TABLE ${x}_app.user_asia (id INT PRIMARY KEY); INSERT INTO ${x}_app.user_asia VALUES (6);
       CREATE TABLE ${x}_app.tmp_2 (id INT); ALTER TABLE ${x}_app.user_eu ADD w INT DEFAULT 9; INSERT INTO ${x}_app.user_eu (id) VALUES (2)`,
    );
    await lockkeeper.untilCaughtUp(x, source, target);
    expect(await at(target, `SELECT id, v FROM ${x}_dr.all_orders ORDER BY id`)).toEqual([
      '0,1',
      '5,5',
      '10,2',
      '15,5',
      '20,3',
      '25,5',
    ]);
    await expectSameData(source, target, {
      schemaMap: { [`${x}_shop1`]: `${x}_copy11`, [`${x}_shop2`]: `${x}_copy12`, [`${x}_shop3`]: `${x}_copy13` },
      tables: shards.map((shard) => `${shard}.items`),
    });
    expect(await at(target, `SELECT id, v, w FROM ${x}_eu.user ORDER BY id`)).toEqual(['1,1,9', '2,null,9']);
    expect(await tablesOf(target, `${x}\\_%`)).toEqual(
      [
        `${x}_asia.user`,
        `${x}_copy11.items`,
        `${x}_copy12.items`,
        `${x}_copy13.items`,
        `${x}_dr.all_orders`,
        `${x}_eu.user`,
        `${x}_old.log`,
      ].sort(),
    );
  });
});

describe('where a pipeline begins', () => {
  test('latest, journal, timestamp, GTID; and only once', async () => {
    await source.query('CREATE DATABASE begins; CREATE TABLE begins.t (id INT PRIMARY KEY)');
    const places: { gtid: string; journal: { name: string; position: number }; time: string }[] = [];
    for (let id = 1; id <= 4; id++) {
      const [status] = await source.query('SHOW BINARY LOG STATUS');
      // Times are told apart by whole seconds.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      places.push({
        gtid: String(status!['Executed_Gtid_Set']).replaceAll('\n', ''),
        journal: { name: String(status!['File']), position: Number(status!['Position']) },
        time: new Date(Math.floor(Date.now() / 1000) * 1000).toISOString(),
      });
      await source.query(`INSERT INTO begins.t VALUES (${id})${id === 2 ? '; FLUSH BINARY LOGS' : ''}`);
    }
    const starts = {
      gtid: { gtid: places[1]!.gtid },
      journal: { journal: places[2]!.journal },
      first: { journal: { name: places[0]!.journal.name } },
      timestamp: { timestamp: places[3]!.time },
      latest: { latest: true },
    };
    const names = Object.keys(starts);
    for (const name of names)
      await target.query(`CREATE DATABASE begins_${name}; CREATE TABLE begins_${name}.t (id INT PRIMARY KEY)`);
    const manifest = writeManifest(
      ...Object.entries(starts).map(([name, start], i) => [
        ...instanceDocuments({
          name,
          source,
          serverId: 8200 + i,
          spec: { start, filter: { include: ['begins\\.t'] } },
        }),
        ...pipelineDocuments({
          name,
          instance: name,
          target,
          spec: {
            initialLoad: { mode: 'Never' },
            tables: [{ source: 'begins.t', target: `begins_${name}.t` }],
            divergence: 'Stop',
          },
        }),
      ]),
    );
    const lockkeeper = await LockkeeperProcess.run(manifest);
    // The first byte of the journal lies before CREATE DATABASE, whose twin is there already.
    const { lastError } = await lockkeeper.untilPhase('first', 'suspended');
    expect(lastError).toMatchObject({ code: 'LK1501', remedy: expect.stringContaining('UPDATE lockkeeper.ddl') as string });
    for (const name of names.filter((each) => each !== 'first')) await lockkeeper.untilCaughtUp(name, source, target);
    expect(await at(target, 'SELECT id FROM begins_gtid.t')).toEqual(['2', '3', '4']);
    expect(await at(target, 'SELECT id FROM begins_journal.t')).toEqual(['3', '4']);
    expect(await at(target, 'SELECT id FROM begins_timestamp.t')).toEqual(['4']);
    expect(await at(target, 'SELECT id FROM begins_latest.t')).toEqual([]);
    expect(await lockkeeper.stop()).toBe(0);
    await target.query('DROP DATABASE begins_first');
    await source.query('INSERT INTO begins.t VALUES (5)');
    await using again = await LockkeeperProcess.run(manifest);
    for (const name of names) await again.untilCaughtUp(name, source, target);
    expect(await at(target, 'SELECT id FROM begins_first.t')).toEqual(['1', '2', '3', '4', '5']);
    expect(await at(target, 'SELECT id FROM begins_gtid.t')).toEqual(['2', '3', '4', '5']);
    expect(await at(target, 'SELECT id FROM begins_timestamp.t')).toEqual(['4', '5']);
    expect(await at(target, 'SELECT id FROM begins_latest.t')).toEqual(['5']);
  });

  test('a source without GTIDs is followed by file and position, over a restart of both', async () => {
    await using plain = await startMysql({ config: { gtid_mode: false, enforce_gtid_consistency: false } });
    await plain.query(
      'CREATE DATABASE plain; CREATE TABLE plain.t (id INT PRIMARY KEY, v INT); INSERT INTO plain.t VALUES (1,1),(2,2)',
    );
    const manifest = writeManifest(
      instanceDocuments({ source: plain, serverId: 8300 }),
      pipelineDocuments({ name: 'plain', target, spec: { divergence: 'Stop' } }),
    );
    const first = await LockkeeperProcess.run(manifest);
    await first.untilCaughtUp('plain', plain, target);
    await plain.query(
      'UPDATE plain.t SET v=v+1; CREATE TABLE plain.u (id INT PRIMARY KEY); FLUSH BINARY LOGS; INSERT INTO plain.u VALUES (1)',
    );
    await first.untilCaughtUp('plain', plain, target);
    expect((await first.status('plain')).position?.gtid).toBeNull();
    await first.kill9();
    await plain.query('INSERT INTO plain.t VALUES (3,3); DELETE FROM plain.t WHERE id=1');
    await plain.restart();
    await plain.query('INSERT INTO plain.u VALUES (2)');
    await using second = await LockkeeperProcess.run(manifest);
    await second.untilCaughtUp('plain', plain, target);
    await plain.restart();
    await plain.query('INSERT INTO plain.u VALUES (3)');
    await second.untilCaughtUp('plain', plain, target);
    await expectSameData(plain, target, { tables: ['plain.t', 'plain.u'] });
    expect((await second.status('plain')).divergence).toEqual({
      missingOnUpdate: 0,
      missingOnDelete: 0,
      existingOnInsert: 0,
      repaired: 0,
    });
  });
});

test('rows that somebody changed at the target: repaired, left or a reason to stop, and always counted', async () => {
  const policies = ['Repair', 'Ignore', 'Stop'] as const;
  const ways = policies.flatMap((policy) =>
    (['Raw', 'Sql'] as const).map((mode) => ({ name: `${policy}-${mode}`.toLowerCase(), policy, mode })),
  );
  const twin = (name: string) => `div_${name.replace('-', '_')}`;
  await source.query(
    `CREATE DATABASE divs; CREATE TABLE divs.t (id INT PRIMARY KEY, v INT, u INT UNIQUE); CREATE TABLE divs.keyless (a INT, b INT);
     INSERT INTO divs.t VALUES (1,1,1),(2,2,2),(3,3,3),(4,4,4); INSERT INTO divs.keyless VALUES (1,1),(2,2)`,
  );
  const manifest = writeManifest(
    instanceDocuments({ source, serverId: 8400, spec: { filter: { include: ['divs\\..*'] } } }),
    ...ways.map(({ name, policy, mode }) =>
      pipelineDocuments({
        name,
        target,
        spec: { apply: { mode }, divergence: policy, tables: [{ source: '/divs\\.(.*)/', target: `${twin(name)}.$1` }] },
      }),
    ),
  );
  let lockkeeper = await LockkeeperProcess.run(manifest);
  for (const { name } of ways) await lockkeeper.untilCaughtUp(name, source, target);
  for (const { name } of ways) {
    await target.query(
      `DELETE FROM ${twin(name)}.t WHERE id IN (1,2); INSERT INTO ${twin(name)}.t VALUES (10,-1,33);
       DELETE FROM ${twin(name)}.keyless WHERE a=1`,
    );
  }
  await source.query(
    `UPDATE divs.t SET v=100 WHERE id=1; DELETE FROM divs.t WHERE id=2; INSERT INTO divs.t VALUES (10,10,10); UPDATE divs.t SET u=30 WHERE id=3;
     DELETE FROM divs.keyless WHERE a=1; INSERT INTO divs.t VALUES (20,20,20)`,
  );
  for (const { name, policy } of ways) {
    if (policy === 'Stop') {
      const { lastError, divergence } = await lockkeeper.untilPhase(name, 'suspended');
      expect(lastError).toMatchObject({ code: 'LK1402', message: expect.stringContaining(`${twin(name)}.t`) as string });
      expect(lastError?.remedy).toContain('divergence');
      expect(divergence).toEqual({ missingOnUpdate: 0, missingOnDelete: 0, existingOnInsert: 0, repaired: 0 });
      expect(await at(target, `SELECT id, v FROM ${twin(name)}.t ORDER BY id`)).toEqual(['3,3', '4,4', '10,-1']);
      continue;
    }
    await lockkeeper.untilCaughtUp(name, source, target);
    const { divergence, phase } = await lockkeeper.status(name);
    expect(phase).toBe('running');
    const repaired = policy === 'Repair' ? 4 : 0;
    expect(divergence).toEqual({ missingOnUpdate: 1, missingOnDelete: 2, existingOnInsert: 1, repaired });
    const metric = (kind: string) => lockkeeper.metric('lockkeeper_divergent_rows_total', { pipeline: name, kind });
    expect([await metric('missing_on_update'), await metric('missing_on_delete'), await metric('existing_on_insert')]).toEqual([
      1, 2, 1,
    ]);
    const rows = await at(target, `SELECT id, v, u FROM ${twin(name)}.t ORDER BY id`);
    if (policy === 'Ignore') expect(rows).toEqual(['3,3,30', '4,4,4', '10,-1,33', '20,20,20']);
    else expect(rows).toEqual(['1,100,1', '3,3,30', '4,4,4', '10,10,10', '20,20,20']);
    expect(await at(target, `SELECT a FROM ${twin(name)}.keyless`)).toEqual(['2']);
  }
  // Set right by hand, a stopped pipeline goes on where it stood.
  await lockkeeper.stop();
  for (const { name, policy } of ways) {
    if (policy !== 'Stop') continue;
    await target.query(
      `INSERT INTO ${twin(name)}.t VALUES (1,1,1),(2,2,2); DELETE FROM ${twin(name)}.t WHERE id=10;
       INSERT INTO ${twin(name)}.keyless VALUES (1,1)`,
    );
  }
  lockkeeper = await LockkeeperProcess.run(manifest);
  try {
    for (const { name, policy } of ways) {
      if (policy !== 'Stop') continue;
      await lockkeeper.untilCaughtUp(name, source, target);
      await expectSameData(source, target, { schemaMap: { divs: twin(name) } });
    }
  } finally {
    await lockkeeper.kill9();
  }
});
