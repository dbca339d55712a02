import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectSameData, startMysql, type DbServer } from '../servers/index.ts';
import { copy, tablesOf } from './snapshot-helpers.ts';
import { eventually } from './source-helpers.ts';

let source: DbServer;
let target: DbServer;

beforeAll(async () => {
  [source, target] = await Promise.all([startMysql({ name: 'source' }), startMysql({ name: 'target' })]);
  await source.query(
    `CREATE DATABASE shop; CREATE TABLE shop.wide (id INT PRIMARY KEY, v TEXT, KEY (v(10))); CREATE TABLE shop.bare (v INT);
     SET cte_max_recursion_depth=100000; INSERT INTO shop.wide WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<80000) SELECT i, REPEAT(MOD(i,7), 200) FROM n;
     INSERT INTO shop.bare SELECT id FROM shop.wide WHERE id<=20000; ANALYZE TABLE shop.wide, shop.bare`,
  );
});
afterAll(async () => {
  await Promise.all([source?.stop(), target?.stop()]);
});

/** The copy as a process of its own, which can be killed. */
function copyElsewhere(): ChildProcess {
  const script = `
    import { connectionOptions } from './common/mysql-endpoint.ts';
    import { SnapshotCopier } from './worker/snapshot/snapshot-copier.ts';
    import { Checkpoint } from './worker/target/checkpoint.ts';
    import { ensureSchema } from './worker/target/schema.ts';
    import { TargetSession } from './worker/target/session.ts';
    const endpoint = (port) => ({ host: '127.0.0.1', port, user: 'root', password: 'root', tls: { mode: 'Disabled', ca: null } });
    const open = () => TargetSession.open(connectionOptions(endpoint(${target.port})));
    const session = await open();
    await ensureSchema(session);
    const { checkpoint } = await Checkpoint.takeOver(session, 'test/kill', 'child');
    const table = (name) => ({ source: { schema: 'shop', table: name }, target: { schema: 'shop', table: name } });
    await new SnapshotCopier({ source: endpoint(${source.port}), target: open, pipeline: 'test/kill',
      tables: () => Promise.resolve([table('wide'), table('bare')]), route: (source) => source, fenceSql: checkpoint.fenceSql(), beginSql: [], rawRefusal: () => Promise.resolve(null), options: { mode: 'WhenNew', chunkRows: 1000, parallelism: 3 } }).run();`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: join(import.meta.dirname, '../..'),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function finishedChunks(): Promise<number> {
  const there = await target.query(
    "SELECT 1 FROM information_schema.tables WHERE table_schema='lockkeeper' AND table_name='snapshot_chunk'",
  );
  if (there.length === 0) return 0;
  return Number((await target.query('SELECT COUNT(point) AS n FROM lockkeeper.snapshot_chunk'))[0]!['n']);
}

it('survives kill -9, again and again: nothing is lost, doubled or copied twice', async () => {
  for (let round = 0; round < 5; round++) {
    const before = await finishedChunks();
    const child = copyElsewhere();
    const ended = once(child, 'exit');
    await eventually(
      async () => (await finishedChunks()) > before + Math.random() * 12 || child.exitCode !== null,
      'the copy moves',
    );
    child.kill('SIGKILL');
    await ended;
    expect(await finishedChunks()).toBeGreaterThan(before);
  }
  const kept = await finishedChunks();
  const [chunk] = await target.query('SELECT MAX(point) AS point FROM lockkeeper.snapshot_chunk');
  const result = await copy(source, target, 'test/kill', await tablesOf(source, 'shop'));
  expect(result.rows).toBe(100_000);
  const again = await target.query(`SELECT COUNT(*) AS n FROM lockkeeper.snapshot_chunk WHERE point<=${chunk!['point']}`);
  expect(Number(again[0]!['n'])).toBeGreaterThanOrEqual(kept);
  await expectSameData(source, target);
  // Its index was built after the rows were there.
  const show = async (server: DbServer) => (await server.query('SHOW CREATE TABLE shop.wide'))[0]!['Create Table'] as string;
  expect(await show(target)).toBe(await show(source));
});
