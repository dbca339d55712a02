import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SourcePosition } from '../../worker/source/position.ts';
import { Checkpoint } from '../../worker/target/checkpoint.ts';
import { LaneRecord, takeOverLanes } from '../../worker/target/finished.ts';
import { ensureSchema } from '../../worker/target/schema.ts';
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
  await ensureSchema(session);
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

/** The next leader, with an epoch one higher than the last. */
const takeOver = async (pipeline: string, lanes: number, position: SourcePosition) => {
  const { checkpoint } = await Checkpoint.takeOver(session, pipeline, 'worker');
  return takeOverLanes(session, checkpoint, lanes, position);
};

const finish = (record: LaneRecord, number: number, keys: string[]) =>
  session.query(`${record.finishSql(number, keys, 0)};COMMIT`);

test('what a leader finished ahead of the checkpoint is known to every later one until the checkpoint is behind it', async () => {
  await takeOver(PIPELINE, 2, at(`${UUID}:1-3`));
  await finish(new LaneRecord(PIPELINE, 1, 1), 1, [`${UUID}:5`, `${UUID}:7`]);
  // The second leader dies when it has finished another transaction in the same lane.
  await takeOver(PIPELINE, 2, at(`${UUID}:1-3`));
  await finish(new LaneRecord(PIPELINE, 1, 2), 1, [`${UUID}:6`]);
  const third = await takeOver(PIPELINE, 2, at(`${UUID}:1-3`));
  expect([4, 5, 6, 7].filter((number) => third.take(`${UUID}:${number}`))).toEqual([5, 6, 7]);
  // The fourth commits in order, the fifth again in lanes; the checkpoint has moved on.
  await takeOver(PIPELINE, 0, at(`${UUID}:1-5`));
  const fifth = await takeOver(PIPELINE, 4, at(`${UUID}:1-5`));
  expect([4, 5, 6, 7].filter((number) => fifth.take(`${UUID}:${number}`))).toEqual([6, 7]);
});

test('places in the binlog are forgotten as the checkpoint passes them', async () => {
  await takeOver('test/marks', 2, at(null, 100));
  await finish(new LaneRecord('test/marks', 0, 1), 1, ['binlog.000001:900', 'binlog.000002:200', 'binlog.000002:300']);
  const next = await takeOver('test/marks', 2, at(null, 200));
  expect(next.take('binlog.000001:900')).toBe(false);
  expect(next.take('binlog.000002:200')).toBe(false);
  expect(next.take('binlog.000002:300')).toBe(true);
});

test('a leader that wakes up after another took over does not get the lanes back', async () => {
  const { checkpoint: old } = await Checkpoint.takeOver(session, 'test/woken', 'old');
  const { checkpoint } = await Checkpoint.takeOver(session, 'test/woken', 'new');
  await takeOverLanes(session, checkpoint, 2, at(null));
  await expect(takeOverLanes(session, old, 2, at(null))).rejects.toMatchObject({ code: 'LK1401' });
  await session.rollback();
  await expect(old.affirm(session)).rejects.toMatchObject({ code: 'LK1401' });
  await session.rollback();
  await expect(finish(new LaneRecord('test/woken', 0, old.epoch), 1, ['a:1'])).rejects.toThrow('lockkeeper_lane_fence');
  await session.rollback();
  await finish(new LaneRecord('test/woken', 0, checkpoint.epoch), 1, ['a:1']);
  await checkpoint.affirm(session);
});
