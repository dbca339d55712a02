import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSameData, startMysql, type DbServer } from '../servers/index.ts';
import { BEGUN, freezeInCopy, killInCopy, MOMENT_TAKEN } from '../support/held-copy.ts';
import { LockkeeperProcess } from '../support/lockkeeper-process.ts';
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

test('every table is dropped while it is copied', async () => {
  await source.query('CREATE DATABASE none; CREATE TABLE none.t (id INT PRIMARY KEY); INSERT INTO none.t VALUES (1)');
  await using lockkeeper = await freezeInCopy(manifestOf('none'), MOMENT_TAKEN);
  await source.query('DROP TABLE none.t');
  lockkeeper.signal('SIGCONT');
  await lockkeeper.untilPhase('none', 'running');
  await source.query('CREATE TABLE none.t (id INT PRIMARY KEY, v INT); INSERT INTO none.t VALUES (1, 1)');
  expect(await untilSame(lockkeeper, 'none')).toBe(1);
});
