import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TcpProxy, type Flavor } from '../servers/index.ts';
import type { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { Load, seeded } from './load.ts';
import { PIPELINE, Site } from './site.ts';

/** Everything around the worker fails while it runs, one thing after the other; the worker itself is never started anew. */
describe.each<Flavor>(['mysql', 'mariadb'])('%s', (flavor) => {
  let site: Site;
  let load: Load;
  let worker: LockkeeperProcess;
  let toSource: TcpProxy;
  let toTarget: TcpProxy;

  beforeAll(async () => {
    site = await Site.start({ flavor, instance: { heartbeat: { intervalSeconds: 0.5, failoverAfterMisses: 3 } } });
    [toSource, toTarget] = await Promise.all([TcpProxy.start(site.source), TcpProxy.start(site.target)]);
    const { user, password } = site.source;
    load = new Load(site.source, { seed: 23 }).start();
    worker = await site.start({
      mode: 'Raw',
      source: { host: toSource.host, port: toSource.port, user, password },
      target: { host: toTarget.host, port: toTarget.port, user, password },
    });
    await worker.untilPhase(PIPELINE, 'running');
  });

  afterAll(async () => {
    await load?.stop();
    await worker?.kill9();
    await Promise.all([toSource?.stop(), toTarget?.stop()]);
    await site?.[Symbol.asyncDispose]();
  });

  /** Under load before, during and after the fault; then both sides are equal and rows flow without a person's help. */
  async function survives(fault: () => Promise<void>): Promise<void> {
    await sleep(500);
    await fault();
    await sleep(500);
    await load.pause();
    await site.expectExactlyOnce(worker);
    load.resume();
  }

  test('the source is restarted', () => survives(() => site.source.restart()));

  test('the source crashes', () =>
    survives(async () => {
      await site.source.kill9();
      await site.source.start();
    }));

  test('the target is restarted', () => survives(() => site.target.restart()));

  test('the target crashes with a batch in flight, three times', () =>
    survives(async () => {
      for (let crash = 0; crash < 3; crash++) {
        await untilWriting();
        await site.target.kill9();
        await site.target.start();
        await untilRunning();
      }
    }));

  test('connections to the target are killed at random moments', () =>
    survives(async () => {
      const random = seeded(5);
      for (let kill = 0; kill < 15; kill++) {
        await sleep(random() * 300);
        const connections = await site.target.query(
          "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = 'root'",
        );
        for (const { id } of connections) await site.target.query(`KILL ${Number(id)}`).catch(() => undefined);
      }
    }));

  test.each(['source', 'target'] as const)('the connection to the %s is cut', (side) =>
    survives(async () => {
      const proxy = side === 'source' ? toSource : toTarget;
      await proxy.cut();
      await sleep(1500);
      await proxy.restore();
    }),
  );

  test.each(['source', 'target'] as const)('the connection to the %s is half open for a while', (side) =>
    survives(async () => {
      const proxy = side === 'source' ? toSource : toTarget;
      proxy.freeze();
      await sleep(4000);
      await proxy.restore();
    }),
  );

  test('packets of both connections come late, then all at once', () =>
    survives(async () => {
      for (const proxy of [toSource, toTarget]) {
        proxy.stall();
        await sleep(1000);
        await proxy.restore();
      }
    }));

  test('the source changes its binlog checksums and files', () =>
    survives(async () => {
      for (const checksum of ['NONE', 'CRC32', 'NONE', 'CRC32']) {
        await site.source.query(`SET GLOBAL binlog_checksum = ${checksum}`);
        await sleep(200);
        await site.source.query('FLUSH BINARY LOGS');
        await sleep(200);
      }
    }));

  test('somebody holds locks at the target for longer than a lock is waited for', () =>
    survives(async () => {
      const before = await repeated();
      const other = await site.target.connect();
      await other.query('START TRANSACTION');
      await other.query('SELECT * FROM f.counters FOR UPDATE');
      await untilRetried(before, 25);
      await other.query('ROLLBACK');
      await other.end();
    }));

  test('deadlocks with other sessions of the target', () =>
    survives(async () => {
      const before = await repeated();
      await site.target.query(
        `CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, n INT);
         INSERT INTO app.t VALUES ${Array.from({ length: 3000 }, (_, id) => `(${id}, 0)`).join(',')}`,
      );
      const other = await site.target.connect();
      const stop = new AbortController();
      const disturb = async () => {
        while (!stop.signal.aborted) {
          // Locks the other way round than a source transaction, whose counter comes last. InnoDB ends the one that has changed less.
          for (const sql of [
            'START TRANSACTION',
            'UPDATE app.t SET n = n + 1',
            'SELECT * FROM f.counters FOR UPDATE',
            'SELECT SLEEP(0.03)',
            'SELECT * FROM f.items WHERE id < 3 FOR UPDATE',
            'ROLLBACK',
          ]) {
            await other.query(sql).catch(() => undefined); // a deadlock may choose either side
          }
        }
      };
      const disturbing = disturb();
      try {
        await untilRetried(before, 30);
      } finally {
        stop.abort();
        await disturbing;
        await other.end();
        await site.target.query('DROP DATABASE app');
      }
    }));

  test('the target is read-only for a while', () =>
    survives(async () => {
      const mysql = flavor === 'mysql';
      if (!mysql) {
        // root may write all the same, until it connects again without this privilege.
        await site.target.query("REVOKE READ ONLY ADMIN, SUPER ON *.* FROM root@'%'");
        toTarget.closeConnections();
        await untilRunning();
      }
      await site.target.query(`SET GLOBAL ${mysql ? 'super_read_only' : 'read_only'} = ON`);
      await worker.until(PIPELINE, ({ lastError }) => lastError?.code === 'LK1304', 20);
      await site.target.query('SET GLOBAL read_only = OFF');
    }));

  test.each(['while it follows', 'while it starts'])(
    'SIGTERM ends the worker %s and the source does not answer',
    async (when) => {
      await using proxy = await TcpProxy.start(site.source);
      if (when === 'while it starts') proxy.freeze();
      await worker.stop();
      const { user, password } = site.source;
      worker = await site.start({ mode: 'Raw', source: { host: proxy.host, port: proxy.port, user, password } });
      if (when === 'while it follows') {
        await worker.until(PIPELINE, ({ phase, lag }) => phase === 'running' && lag.heartbeatSeconds !== null);
        proxy.freeze();
        await worker.until(PIPELINE, ({ lastError }) => lastError?.code === 'LK1112', 20);
      }
      // A process that has not come as far as this ends by the signal itself.
      const answers = () =>
        worker.get('/healthz').then(
          () => true,
          () => false,
        );
      await expect.poll(answers, { timeout: 20_000 }).toBe(true);
      await sleep(1000);
      const told = performance.now();
      expect(await worker.stop()).toBe(0);
      expect(performance.now() - told).toBeLessThan(3000);
    },
  );

  /** How often rows were written again: a batch where it stands; a transaction of two phases, from the checkpoint on. */
  async function repeated(): Promise<number> {
    const [batches, starts] = await Promise.all([
      worker.metric('lockkeeper_batch_retries_total'),
      worker.metric('lockkeeper_errors_total', { code: 'LK1404' }),
    ]);
    return batches + starts;
  }

  async function untilRetried(before: number, seconds: number): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while ((await repeated()) <= before) {
      if (performance.now() > deadline) throw new Error(`no batch was written again within ${seconds} s`);
      await sleep(50);
    }
  }

  async function untilRunning(): Promise<void> {
    const { transactions } = await worker.status(PIPELINE);
    await worker.until(PIPELINE, (status) => status.phase === 'running' && status.transactions > transactions, 60);
  }

  /** A connection at the target is in the midst of a statement. */
  async function untilWriting(): Promise<void> {
    for (let look = 0; look < 2000; look++) {
      const busy = await site.target.query(
        "SELECT 1 FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command = 'Query' AND user = 'root'",
      );
      if (busy.length > 0) return;
    }
    throw new Error('the worker does not write');
  }
});
