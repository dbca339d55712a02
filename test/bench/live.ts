import { setTimeout as sleep } from 'node:timers/promises';
import { startMysql, type DbServer } from '../servers/index.ts';
import { LockkeeperProcess, writeManifests } from './lockkeeper.ts';
import { executed, startNatively } from './native-replica.ts';
import { cpuSeconds, percentile } from './process-usage.ts';

const TRANSACTIONS_PER_SECOND = 500;
const CONNECTIONS = 4;
/** Of load before samples count, for everybody: caches fill, compilers compile. */
const WARM_UP_SECONDS = 5;

export interface LatencyResult {
  readonly how: string;
  /** Milliseconds from COMMIT's answer at the source to the row being visible at the target. */
  readonly p50: number;
  readonly p99: number;
  readonly samples: number;
  /** CPU seconds of the worker during the load and the seconds before it; null for the native replica. */
  readonly cpuSeconds: number | null;
}

const table =
  'CREATE DATABASE live; CREATE TABLE live.events (id BIGINT PRIMARY KEY, kind INT NOT NULL, payload VARCHAR(200) NOT NULL, at DATETIME(6) NOT NULL)';

export async function liveThroughReplica(seconds: number, workers: number): Promise<LatencyResult> {
  await using source = await startMysql({ name: 'live-source' });
  await using target = await startMysql({ name: 'live-target', durable: true });
  await source.query(table);
  await startNatively(source, target, workers);
  return await measure(`native replica, ${workers} workers`, source, target, seconds);
}

export async function liveThroughLockkeeper(
  seconds: number,
  how: string,
  apply: Record<string, unknown>,
): Promise<LatencyResult> {
  await using source = await startMysql({ name: 'live-source' });
  await using target = await startMysql({ name: 'live-target', durable: true });
  await source.query(table);
  await target.query(table);
  const manifest = writeManifests(source, target, { start: await executed(source), initialLoad: 'Never', apply });
  const worker = new LockkeeperProcess(manifest);
  try {
    await source.query("INSERT INTO live.events VALUES (-1, 0, 'first', NOW(6))");
    await worker.until(async () => (await target.query('SELECT 1 FROM live.events WHERE id = -1')).length === 1);
    return { ...(await measure(how, source, target, seconds)), cpuSeconds: cpuSeconds(worker.pid) };
  } finally {
    await worker.stop();
  }
}

async function measure(how: string, source: DbServer, target: DbServer, seconds: number): Promise<LatencyResult> {
  const skipped = TRANSACTIONS_PER_SECOND * WARM_UP_SECONDS;
  const total = skipped + TRANSACTIONS_PER_SECOND * seconds;
  const committed = new Float64Array(total);
  const visible = new Float64Array(total);
  const watching = watch(target, total, visible);
  await write(source, total, committed);
  await watching;
  const latencies = Array.from(visible, (at, id) => at - committed[id]!).slice(skipped);
  return { how, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), samples: latencies.length, cpuSeconds: null };
}

/** One transaction every 2 ms, over several connections so that a slow commit does not hold back the next. */
async function write(source: DbServer, total: number, committed: Float64Array): Promise<void> {
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => source.connect()));
  const begun = performance.now();
  const pending: Promise<unknown>[] = [];
  for (let id = 0; id < total; id++) {
    const due = begun + (id * 1000) / TRANSACTIONS_PER_SECOND;
    const early = due - performance.now();
    if (early > 1) await sleep(early);
    const insert = `INSERT INTO live.events VALUES (${id}, ${id % 7}, REPEAT('x', 100), NOW(6))`;
    pending.push(
      connections[id % CONNECTIONS]!.query(insert).then(() => {
        committed[id] = performance.now();
      }),
    );
  }
  await Promise.all(pending);
  await Promise.all(connections.map((connection) => connection.end()));
}

/** Notes when each row is first seen. Rows of concurrent transactions may appear out of order, so a window is read again. */
async function watch(target: DbServer, total: number, visible: Float64Array): Promise<void> {
  const connection = await target.connect();
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  let seen = 0;
  let low = 0;
  while (seen < total) {
    const [rows] = await connection.query({
      sql: `SELECT id FROM live.events WHERE id >= ${low} ORDER BY id LIMIT 5000`,
      rowsAsArray: true,
    });
    const now = performance.now();
    for (const [id] of rows as unknown as [number][]) {
      if (visible[id] !== 0) continue;
      visible[id] = now;
      seen++;
    }
    while (low < total && visible[low] !== 0) low++;
    await sleep(1);
  }
  await connection.end();
}
