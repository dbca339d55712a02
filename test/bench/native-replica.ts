import { setTimeout as sleep } from 'node:timers/promises';
import type { DbServer } from '../servers/index.ts';

/** Lets `target` replicate `source` by MySQL's own means until it has everything; returns the seconds that took. */
export async function drainNatively(source: DbServer, target: DbServer, workers: number): Promise<number> {
  const goal = await executed(source);
  await target.query(
    `SET GLOBAL replica_parallel_workers=${workers}; SET GLOBAL replica_preserve_commit_order=ON;
     CHANGE REPLICATION SOURCE TO SOURCE_HOST='${source.host}', SOURCE_PORT=${source.port}, SOURCE_USER='${source.user}',
       SOURCE_PASSWORD='${source.password}', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1`,
  );
  const started = performance.now();
  await target.query('START REPLICA');
  await waitForGtids(target, goal);
  const seconds = (performance.now() - started) / 1000;
  await target.query('STOP REPLICA');
  return seconds;
}

/** The live replica of a running source, for latency measurements. */
export async function startNatively(source: DbServer, target: DbServer, workers: number): Promise<void> {
  await target.query(
    `SET GLOBAL replica_parallel_workers=${workers};
     CHANGE REPLICATION SOURCE TO SOURCE_HOST='${source.host}', SOURCE_PORT=${source.port}, SOURCE_USER='${source.user}',
       SOURCE_PASSWORD='${source.password}', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; START REPLICA`,
  );
  await waitForGtids(target, await executed(source));
}

export async function executed(server: DbServer): Promise<string> {
  const [row] = await server.query('SELECT @@GLOBAL.gtid_executed AS gtids');
  return String(row!['gtids']).replaceAll('\n', '');
}

async function waitForGtids(target: DbServer, gtids: string): Promise<void> {
  for (;;) {
    const [row] = await target.query(
      `SELECT GTID_SUBSET('${gtids}', @@GLOBAL.gtid_executed) AS done,
         (SELECT MAX(last_error_message) FROM performance_schema.replication_applier_status_by_worker) AS problem`,
    );
    if (row!['problem']) throw new Error(`the native replica stopped: ${row!['problem']}`);
    if (row!['done'] === 1) return;
    await sleep(50);
  }
}
