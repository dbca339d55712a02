import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRetention, type BinlogRetention } from '../../worker/source/binlog-retention.ts';
import { stableUuid } from '../../worker/source/dump-connection.ts';
import { withSession } from '../../worker/source/endpoint.ts';
import { startMariadb, startMysql, type DbServer } from '../servers/index.ts';
import { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { instanceDocuments, pipelineDocuments, writeManifest } from '../support/manifests.ts';
import { endpointOf, eventually } from './source-helpers.ts';

const replicaUuid = stableUuid('retention');

function retentionOf(server: DbServer, known?: BinlogRetention): Promise<BinlogRetention> {
  const endpoint = endpointOf(server);
  return withSession(endpoint, (session) => readRetention(session, { endpoint, replicaUuid }, known));
}

describe.each([
  ['mysql', startMysql],
  ['mysql without GTIDs', () => startMysql({ config: { gtid_mode: false } })],
  ['mariadb', startMariadb],
] as const)('the binlog retention of %s', (_name, start) => {
  let server: DbServer;
  let begun: number;

  beforeAll(async () => {
    server = await start();
    begun = Date.now();
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id BIGINT AUTO_INCREMENT PRIMARY KEY)');
  });
  afterAll(() => server?.stop());

  it('tells the setting, the oldest file and whether there were older ones', async () => {
    await server.query('SET GLOBAL binlog_expire_logs_seconds = 90000');
    const first = await retentionOf(server);
    expect(first).toMatchObject({ purged: false, expireSeconds: 90_000 });

    await sleep(1100);
    const turn = Date.now();
    await server.query('INSERT INTO shop.t VALUES (NULL); FLUSH BINARY LOGS; INSERT INTO shop.t VALUES (NULL)');
    const files = (await server.query('SHOW BINARY LOGS')).map((row) => String(row['Log_name']));
    expect(await retentionOf(server, first)).toEqual(first);

    await server.query('SET GLOBAL binlog_expire_logs_seconds = 0');
    // MariaDB keeps a file that a look has only just left.
    await eventually(async () => {
      await server.query(`PURGE BINARY LOGS TO '${files.at(-1)!}'`);
      return (await server.query('SHOW BINARY LOGS')).length === 1;
    }, 'the old file is deleted');
    const purged = await retentionOf(server, first);
    expect(purged).toMatchObject({ oldestJournal: files.at(-1)!, purged: true, expireSeconds: null });
    expect(purged.oldestBegunAt).toBeGreaterThanOrEqual(turn - 1000);
    expect(purged.oldestBegunAt).toBeLessThanOrEqual(Date.now());
    expect(purged.oldestBegunAt).toBeGreaterThan(first.oldestBegunAt!);
    expect(first.oldestBegunAt).toBeLessThanOrEqual(begun + 1000);
  });

  it('is shown by a worker, whose stream is not disturbed by the look', async () => {
    await server.query('SET GLOBAL binlog_expire_logs_seconds = 90000');
    const target = await startMysql({ name: 'target' });
    const manifest = writeManifest(
      instanceDocuments({ source: server, serverId: 4711, spec: { filter: { include: ['shop\\..*'] } } }),
      pipelineDocuments({ name: 'kept', target, spec: { apply: { mode: 'Sql' }, alerts: { lagSeconds: 77 } } }),
    );
    await using worker = await LockkeeperProcess.run(manifest);
    const { retention } = await worker.until('kept', (status) => status.retention !== null, 60);
    expect(retention?.oldestJournal).toBe((await retentionOf(server)).oldestJournal);
    expect(Date.parse(retention!.oldestTimestamp!)).toBe((await retentionOf(server)).oldestBegunAt);
    // The file that is now the oldest was begun in this test: that bounds it, the day of the setting does not.
    const labels = { pipeline: 'kept' };
    const headroom = await worker.metric('lockkeeper_source_retention_headroom_seconds', labels);
    expect(headroom).toBeGreaterThan(0);
    expect(headroom).toBeLessThan((Date.now() - begun) / 1000 + 2);
    expect(await worker.metric('lockkeeper_lag_limit_seconds', labels)).toBe(77);

    await server.query('INSERT INTO shop.t VALUES (NULL)');
    await worker.untilCaughtUp('kept', server, target);
    expect(await worker.metric('lockkeeper_source_connections_total', labels)).toBe(1);
    await target.kill9();
  });
});
