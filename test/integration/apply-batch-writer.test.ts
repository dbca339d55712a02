import mysql from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LockkeeperError } from '../../common/errors.ts';
import type { TransactionItem } from '../../worker/source/stream-item.ts';
import { BatchWriter, type BatchWriterOptions } from '../../worker/target/batch-writer.ts';
import { Checkpoint, checkpointTableSql } from '../../worker/target/checkpoint.ts';
import { TargetSession } from '../../worker/target/session.ts';
import { SqlWriter, type DivergencePolicy } from '../../worker/target/sql/sql-writer.ts';
import { TableMetadataCache } from '../../worker/target/table-metadata.ts';
import { startMariadb, startMysql, type DbServer } from '../servers/index.ts';
import { captured, runsOf } from './sql-harness.ts';

describe.each([
  ['MySQL', startMysql],
  ['MariaDB', startMariadb],
])('BatchWriter on %s', (_name, start) => {
  let server: DbServer;
  let admin: mysql.Connection;
  let session: TargetSession;
  let checkpoint: Checkpoint;
  const expected: boolean[] = [];

  beforeAll(async () => {
    server = await start();
    const { host, port, user, password } = server;
    admin = await mysql.createConnection({ host, port, user, password, multipleStatements: true });
    await admin.query(`CREATE DATABASE lockkeeper; CREATE DATABASE src; CREATE DATABASE dst; ${checkpointTableSql}`);
    for (const schema of ['src', 'dst']) await admin.query(`CREATE TABLE ${schema}.t (id INT PRIMARY KEY, v INT)`);
  });

  afterAll(async () => {
    await admin.end();
    await server.stop();
  });

  beforeEach(async () => {
    await admin.query('DELETE FROM src.t; DELETE FROM dst.t');
    const { host, port, user, password } = server;
    session = await TargetSession.open({ host, port, user, password });
    ({ checkpoint } = await Checkpoint.takeOver(session, 'test/batch', 'me'));
    expected.length = 0;
    return () => session.destroy();
  });

  const writer = (changes: Partial<BatchWriterOptions> = {}, policy: DivergencePolicy = 'Stop') =>
    new BatchWriter({
      session,
      checkpoint,
      sql: new SqlWriter(session, new TableMetadataCache(session), policy),
      modeOf: () => 'raw',
      sqlFault: () => null,
      replays: true,
      retries: 0,
      hooks: {
        failpoint: () => undefined,
        onDivergence: (_report, catchingUp) => void expected.push(catchingUp),
        onRetry: () => undefined,
        sleep: () => Promise.resolve(),
        random: () => 0,
      },
      ...changes,
    });

  const transactions = (...sql: string[]): Promise<TransactionItem[]> =>
    captured(server, 'src', 'dst', async () => {
      for (const statement of sql) await admin.query(statement);
    });

  const target = async () => {
    const [rows] = await admin.query({ sql: 'SELECT id, v FROM dst.t ORDER BY id', rowsAsArray: true });
    return rows;
  };

  test('pieces may take another way than the first piece of their transaction', async () => {
    const [first, second] = await transactions('INSERT INTO src.t VALUES (1,1)', 'INSERT INTO src.t VALUES (2,2)');
    const pieces = [first!, second!].map((item) => ({ runs: runsOf(item), format: item.format }));
    const mixed = writer({ modeOf: (run) => (run.images[0] === pieces[0]!.runs[0]!.images[0] ? 'sql' : 'raw') });
    for (const [i, { runs, format }] of pieces.entries()) await mixed.writePart(mixed.prepare(runs, format, false), i === 0);
    await mixed.commit(checkpoint.fenceSql());
    expect(await target()).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  test('a piece that diverges is repaired alone, and the pieces before it stay', async () => {
    const [first, second] = await transactions('INSERT INTO src.t VALUES (1,1)', 'INSERT INTO src.t VALUES (2,2)');
    await admin.query('INSERT INTO dst.t VALUES (2,20)');
    const repairing = writer({}, 'Repair');
    await repairing.writePart(repairing.prepare(runsOf(first!), first!.format, false), true);
    await repairing.writePart(repairing.prepare(runsOf(second!), second!.format, false), false);
    await repairing.commit(checkpoint.fenceSql());
    expect(await target()).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(expected).toEqual([false]);
  });

  test('rows that may be there already are written over whatever the divergence policy; others obey it at once afterwards', async () => {
    const [item] = await transactions('INSERT INTO src.t VALUES (1,1)');
    await admin.query('INSERT INTO dst.t VALUES (1,10)');
    const strict = writer();
    await strict.write(strict.prepare(runsOf(item!), item!.format, true), checkpoint.fenceSql());
    expect(await target()).toEqual([[1, 1]]);
    expect(expected).toEqual([true]);
    const again = strict.prepare(runsOf(item!), item!.format, false);
    await expect(strict.write(again, checkpoint.fenceSql())).rejects.toMatchObject({ code: 'LK1403' });
  });

  test.each(['write', 'writePart'] as const)(
    'a row that is there already and must be replayed is told by what stands against statements (%s)',
    async (way) => {
      const [item] = await transactions('INSERT INTO src.t VALUES (1,1)');
      await admin.query('INSERT INTO dst.t VALUES (1,10)');
      const replaying = writer({ sqlFault: () => new LockkeeperError('LK1310', 'dst.t has triggers') });
      const batch = replaying.prepare(runsOf(item!), item!.format, true);
      const writing = way === 'write' ? replaying.write(batch, checkpoint.fenceSql()) : replaying.writePart(batch, true);
      await expect(writing).rejects.toMatchObject({ code: 'LK1310' });
      await replaying.rollback();
    },
  );
});
