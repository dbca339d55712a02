import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SourcePosition } from '../../worker/source/position.ts';
import { finishedTableSql, LaneRecord, takeOverLanes } from '../../worker/target/finished.ts';
import { TargetSession } from '../../worker/target/session.ts';
import { startMysql, type DbServer } from '../servers/index.ts';

const PIPELINE = 'test/finished';
const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';

let server: DbServer;
let session: TargetSession;

beforeAll(async () => {
  server = await startMysql();
  const { host, port, user, password } = server;
  session = await TargetSession.open({ host, port, user, password });
  await session.query('CREATE DATABASE lockkeeper');
  await session.query(finishedTableSql);
});

afterAll(async () => {
  session.destroy();
  await server.stop();
});

const at = (gtid: string | null, offset = 100): SourcePosition => ({
  flavor: 'mysql',
  serverUuid: UUID,
  gtid,
  journal: 'binlog.000002',
  offset,
  timestampMicros: 0,
});

const finish = (record: LaneRecord, number: number, keys: string[]) =>
  session.query(`${record.finishSql(number, keys, 0)};COMMIT`);

test('what a leader finished ahead of the checkpoint is known to every later one until the checkpoint is behind it', async () => {
  await takeOverLanes(session, PIPELINE, 1, 2, at(`${UUID}:1-3`));
  await finish(new LaneRecord(PIPELINE, 1, 1), 1, [`${UUID}:5`, `${UUID}:7`]);
  // The second leader dies when it has finished another transaction in the same lane.
  await takeOverLanes(session, PIPELINE, 2, 2, at(`${UUID}:1-3`));
  await finish(new LaneRecord(PIPELINE, 1, 2), 1, [`${UUID}:6`]);
  const third = await takeOverLanes(session, PIPELINE, 3, 2, at(`${UUID}:1-3`));
  expect([4, 5, 6, 7].filter((number) => third.take(`${UUID}:${number}`))).toEqual([5, 6, 7]);
  // The fourth commits in order, the fifth again in lanes; the checkpoint has moved on.
  await takeOverLanes(session, PIPELINE, 4, 0, at(`${UUID}:1-5`));
  const fifth = await takeOverLanes(session, PIPELINE, 5, 4, at(`${UUID}:1-5`));
  expect([4, 5, 6, 7].filter((number) => fifth.take(`${UUID}:${number}`))).toEqual([6, 7]);
});

test('places in the binlog are forgotten as the checkpoint passes them', async () => {
  await takeOverLanes(session, 'test/marks', 1, 2, at(null, 100));
  await finish(new LaneRecord('test/marks', 0, 1), 1, ['binlog.000001:900', 'binlog.000002:200', 'binlog.000002:300']);
  const next = await takeOverLanes(session, 'test/marks', 2, 2, at(null, 200));
  expect(next.take('binlog.000001:900')).toBe(false);
  expect(next.take('binlog.000002:200')).toBe(false);
  expect(next.take('binlog.000002:300')).toBe(true);
});
