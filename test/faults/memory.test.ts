import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { peakRssMiB } from '../bench/process-usage.ts';
import { expectSameData, startMysql, type DbServer, type DbServerOptions } from '../servers/index.ts';
import { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { instanceDocuments, pipelineDocuments, writeManifest } from '../support/manifests.ts';

const ROWS = 1_000_000;
/** 300 MB. */
const LIMIT_MIB = 286;
const PIPELINE = 'memory';

const table = `
  CREATE DATABASE m;
  CREATE TABLE m.rows_ (id INT PRIMARY KEY, customer INT NOT NULL, placed DATETIME(6) NOT NULL, note VARCHAR(120) NOT NULL)`;

/** Rows of about 100 bytes, numbers from `from` on. */
const insert = (from: number, count: number) => `
  INSERT INTO m.rows_ WITH RECURSIVE numbers (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM numbers WHERE n < ${from + count - 1})
    SELECT n, n % 5000, '2024-01-01' + INTERVAL n SECOND, CONCAT('a note of the order with number ', n, ' and words to fill the row')
    FROM numbers`;

const servers: DbServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.kill9()));
});

describe.each(['Raw', 'Sql'] as const)('%s', (mode) => {
  async function begin(
    config: DbServerOptions['config'] = {},
  ): Promise<{ source: DbServer; target: DbServer; manifest: string }> {
    const [source, target] = await Promise.all([startMysql({ name: 'source' }), startMysql({ name: 'target', config })]);
    servers.push(source, target);
    const manifest = writeManifest(
      instanceDocuments({ source, serverId: 77, spec: { filter: { include: ['m\\..*'] } } }),
      pipelineDocuments({ name: PIPELINE, target, spec: { apply: { mode } } }),
    );
    await source.query(table);
    await source.query('SET SESSION cte_max_recursion_depth = 100000000');
    return { source, target, manifest };
  }

  /** Starts a worker that has copied the empty table, and follows. */
  async function follow(manifest: string): Promise<LockkeeperProcess> {
    const worker = await LockkeeperProcess.run(manifest);
    await worker.untilPhase(PIPELINE, 'running');
    return worker;
  }

  function expectSmall(worker: LockkeeperProcess, what: string, started: number): void {
    const peak = peakRssMiB(worker.pid);
    const seconds = (performance.now() - started) / 1000;
    console.log(`${mode}, ${what} of ${ROWS} rows: peak RSS ${Math.round(peak)} MiB, ${seconds.toFixed(1)} s`);
    expect(peak).toBeLessThan(LIMIT_MIB);
  }

  test('a transaction of a million rows: small memory, atomic at the target', { timeout: 400_000 }, async () => {
    const { source, target, manifest } = await begin();
    await using worker = await follow(manifest);
    const seen = new Set<number>();
    const stop = new AbortController();
    const reading = read(target, seen, stop.signal);
    const started = performance.now();
    await source.query(insert(1, ROWS));
    await source.query(`UPDATE m.rows_ SET note = CONCAT('changed ', id) WHERE id % 20 = 0`);
    await worker.untilCaughtUp(PIPELINE, source, target, 300);
    stop.abort();
    await reading;
    expectSmall(worker, 'a transaction', started);
    // A reader saw nothing of it or all of it.
    expect([...seen].sort((a, b) => a - b)).toEqual([0, ROWS]);
    await expectSameData(source, target);
    expect(await worker.stop()).toBe(0);
  });

  test('an XA transaction of a million rows: small memory, small packets', { timeout: 400_000 }, async () => {
    const { source, target, manifest } = await begin({ max_allowed_packet: '4M' });
    await using worker = await follow(manifest);
    const started = performance.now();
    await source.query(
      `XA START 'large'; ${insert(1, ROWS)}; UPDATE m.rows_ SET note = CONCAT('changed ', id) WHERE id % 20 = 0;
       XA END 'large'; XA PREPARE 'large'`,
    );
    await worker.untilCaughtUp(PIPELINE, source, target, 300);
    expect(await target.query('SELECT COUNT(*) AS n FROM m.rows_')).toEqual([{ n: 0 }]);
    await source.query("XA COMMIT 'large'");
    await worker.untilCaughtUp(PIPELINE, source, target, 300);
    expectSmall(worker, 'an XA transaction', started);
    await expectSameData(source, target);
    expect(await worker.stop()).toBe(0);
  });

  test('a backlog of a million rows: small memory', { timeout: 400_000 }, async () => {
    const { source, target, manifest } = await begin();
    await (await follow(manifest)).stop();
    for (let from = 1; from <= ROWS; from += 500) await source.query(insert(from, 500));
    const started = performance.now();
    await using worker = await LockkeeperProcess.run(manifest);
    await worker.untilCaughtUp(PIPELINE, source, target, 300);
    expectSmall(worker, 'a backlog', started);
    await expectSameData(source, target);
    expect(await worker.stop()).toBe(0);
  });
});

/** Notes every number of rows that a reader gets to see. */
async function read(target: DbServer, seen: Set<number>, signal: AbortSignal): Promise<void> {
  const connection = await target.connect();
  do {
    const [rows] = await connection.query('SELECT COUNT(*) AS n FROM m.rows_');
    seen.add((rows as { n: number }[])[0]!.n);
    await sleep(100);
  } while (!signal.aborted);
  const [rows] = await connection.query('SELECT COUNT(*) AS n FROM m.rows_');
  seen.add((rows as { n: number }[])[0]!.n);
  await connection.end();
}
