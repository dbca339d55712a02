import { describe, expect, it } from 'vitest';
import { LockkeeperError } from '../../common/errors.ts';
import { WorkerMetrics } from '../metrics.ts';
import type { StreamItem } from '../source/stream-item.ts';
import type { CheckpointStep } from '../target/checkpoint.ts';
import { DivergenceReport } from '../target/sql/sql-writer.ts';
import { ByteQueue } from './byte-queue.ts';
import { PipelineBoard, type WatchedStream } from './pipeline-board.ts';

const position = {
  flavor: 'mysql',
  serverUuid: 'u',
  gtid: null,
  journal: 'b.1',
  offset: 9,
  timestampMicros: 90_000_000,
} as const;
const step: CheckpointStep = { position, transactions: 3, rows: { inserted: 1, updated: 2, deleted: 4 } };

function setUp() {
  const clock = { now: 100_000 };
  const metrics = new WorkerMetrics();
  const board = new PipelineBoard({
    namespace: 'ns',
    name: 'p',
    worker: 'w',
    region: null,
    metrics,
    lagLimitSeconds: () => 30,
    now: () => clock.now,
  });
  const stream: { -readonly [K in keyof WatchedStream]: WatchedStream[K] } = {
    currentSource: 'db:3306',
    connected: true,
    lastEventAt: 99_000,
    receivedBytes: 10,
    lastError: null,
  };
  const queue = new ByteQueue<StreamItem>(1000);
  const work = { oldestMicros: null as number | null };
  const text = async (name: string) => (await metrics.registry.getSingleMetricAsString(name)).split('\n').slice(2);
  return { clock, board, stream, queue, work, text };
}

describe('PipelineBoard', () => {
  it('counts on from what the target has stored', () => {
    const { board } = setUp();
    board.tookOver(7, { epoch: 7, position, transactions: 10, rows: { inserted: 100, updated: 0, deleted: 0 }, sequence: 1 });
    board.applied({ step, bytes: 50, milliseconds: 4 });
    expect(board.status()).toMatchObject({ epoch: 7, transactions: 13, rows: { inserted: 101, updated: 2, deleted: 4 } });
  });

  it('shows what the former leader has reported until the target tells', () => {
    const { board } = setUp();
    const former = { position: { ...position, offset: 5 }, rows: { inserted: 7, updated: 0, deleted: 0 }, transactions: 2 };
    board.recall(former);
    expect(board.status()).toMatchObject(former);
    board.tookOver(7, { epoch: 7, position, transactions: 10, rows: { inserted: 100, updated: 0, deleted: 0 }, sequence: 1 });
    board.recall(former);
    expect(board.status()).toMatchObject({ position, transactions: 10, rows: { inserted: 100 } });
  });

  it('tells the lag of what was just applied, none when nothing waits, and a growing one while work waits', () => {
    const { board, stream, queue, work, clock } = setUp();
    board.following(stream, queue, work);
    board.applied({ step, bytes: 1, milliseconds: 1 });
    expect(board.status().lag).toEqual({ applySeconds: 10, heartbeatSeconds: 1, bytes: 0 });
    clock.now += 5000;
    expect(board.status().lag.applySeconds).toBe(0);
    queue.push({ kind: 'heartbeat', bytes: 7, end: { journal: 'b.1', offset: 10 } });
    expect(board.status().lag).toMatchObject({ applySeconds: 0, bytes: 7 });
    queue.poll();
    const head = { gtid: null, lastCommitted: 0, sequenceNumber: 0, commitGroup: 0, commitMicros: 98_000_000, serverId: 1 };
    const end = { journal: 'b.1', offset: 20 };
    queue.push({ kind: 'transaction', head, events: [], bytes: 9, end, format: Buffer.alloc(0) });
    expect(board.status().lag).toMatchObject({ applySeconds: 7, bytes: 9 });
    // Taken from the queue, and the target does not answer.
    queue.poll();
    work.oldestMicros = 98_000_000;
    clock.now += 60_000;
    expect(board.status().lag).toMatchObject({ applySeconds: 67, bytes: 0 });
  });

  it('says why nothing comes from the source, until something comes again', async () => {
    const { board, stream, queue, text, work } = setUp();
    board.following(stream, queue, work);
    const error = new LockkeeperError('LK1102', 'db:3306 is gone', { found: 'ECONNREFUSED' });
    stream.connected = false;
    board.sourceHooks.failed?.('db:3306', error);
    board.sourceHooks.failed?.('db:3306', error);
    // What was read before is still being applied, which is no sign of life of the source.
    board.applied({ step, bytes: 1, milliseconds: 1 });
    expect(board.status()).toMatchObject({
      phase: 'retrying',
      lastError: { code: 'LK1102', found: 'ECONNREFUSED', attempts: 2 },
    });
    expect(await text('lockkeeper_errors_total')).toEqual([
      'lockkeeper_errors_total{namespace="ns",pipeline="p",code="LK1102"} 2',
    ]);
    stream.connected = true;
    board.sourceHooks.connected?.('db:3306', {} as never);
    expect(board.status()).toMatchObject({ phase: 'running', lastError: null });
  });

  it('counts refusals of an old leader, and shows the last error until things go well again', async () => {
    const { board, text } = setUp();
    board.failed(new LockkeeperError('LK1401', 'fenced'), 1);
    expect(board.status()).toMatchObject({ fenced: 1, lastError: { code: 'LK1401', attempts: 1 } });
    expect(await text('lockkeeper_fenced_writes_total')).toEqual([
      'lockkeeper_fenced_writes_total{namespace="ns",pipeline="p"} 1',
    ]);
    board.applied({ step, bytes: 1, milliseconds: 1 });
    expect(board.status().lastError).toBeNull();
  });

  it('leaves rows out of the divergence count that were to be expected', () => {
    const { board } = setUp();
    const report = new DivergenceReport();
    report.add({ kind: 'missing-on-update', table: 's.t', key: 'id=1' }, true);
    board.diverged(report, true);
    expect(board.status().divergence.missingOnUpdate).toBe(0);
    board.diverged(report, false);
    expect(board.status().divergence).toMatchObject({ missingOnUpdate: 1, repaired: 1 });
  });

  it('brings gauges up to date', async () => {
    const { board, stream, queue, text, work } = setUp();
    board.following(stream, queue, work);
    board.updateGauges();
    stream.receivedBytes = 25;
    board.updateGauges();
    expect(await text('lockkeeper_binlog_bytes_received_total')).toEqual([
      'lockkeeper_binlog_bytes_received_total{namespace="ns",pipeline="p"} 25',
    ]);
    expect(await text('lockkeeper_source_connected')).toEqual(['lockkeeper_source_connected{namespace="ns",pipeline="p"} 1']);
  });

  it('counts divergent rows from zero on, so that the first is seen as an increase', async () => {
    const { board, text } = setUp();
    board.updateGauges();
    expect(await text('lockkeeper_divergent_rows_total')).toEqual(
      ['missing_on_update', 'missing_on_delete', 'existing_on_insert'].map(
        (kind) => `lockkeeper_divergent_rows_total{namespace="ns",pipeline="p",kind="${kind}"} 0`,
      ),
    );
  });

  it('tells as a leader how far it is ahead of what the source deletes, caught up or not', () => {
    const { board, stream, queue, clock, work } = setUp();
    board.tookOver(7, { epoch: 7, position, transactions: 0, rows: step.rows, sequence: 1 });
    board.following(stream, queue, work);
    expect(board.status().retention).toBeNull();
    board.retentionIs({ oldestJournal: 'b.1', oldestBegunAt: 40_000, purged: true, expireSeconds: 3600 });
    // All is applied: what counts is now, not the last transaction's time.
    expect(board.status().retention).toEqual({
      oldestJournal: 'b.1',
      oldestTimestamp: '1970-01-01T00:00:40.000Z',
      headroomSeconds: 60,
    });
    stream.connected = false;
    clock.now += 1_000_000;
    expect(board.status().retention?.headroomSeconds).toBe(50);
  });

  it('shows of a former leader nothing that was true of it', async () => {
    const { board, stream, queue, text, work } = setUp();
    const leaderOnly = [
      'lockkeeper_apply_lag_seconds',
      'lockkeeper_lag_limit_seconds',
      'lockkeeper_checkpoint_timestamp_seconds',
      'lockkeeper_source_silence_seconds',
      'lockkeeper_source_retention_headroom_seconds',
    ];
    board.tookOver(7, { epoch: 7, position, transactions: 0, rows: step.rows, sequence: 1 });
    board.following(stream, queue, work);
    board.retentionIs({ oldestJournal: 'b.1', oldestBegunAt: null, purged: true, expireSeconds: 3600 });
    board.updateGauges();
    for (const name of leaderOnly) expect(await text(name), name).toHaveLength(1);
    board.followOnly();
    board.updateGauges();
    for (const name of leaderOnly) expect(await text(name), name).toEqual([]);
    expect(await text('lockkeeper_leader')).toEqual(['lockkeeper_leader{namespace="ns",pipeline="p"} 0']);
  });
});
