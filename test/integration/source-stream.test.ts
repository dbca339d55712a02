import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ByteQueue } from '../../worker/pipeline/byte-queue.ts';
import type { SourcePosition } from '../../worker/source/position.ts';
import type { StreamItem } from '../../worker/source/stream-item.ts';
import { promote, replicate, replicated, startMariadb, startMysql, TcpProxy, type DbServer } from '../servers/index.ts';
import { endpointOf, eventually, positionOf } from './source-helpers.ts';
import { areConsecutive, StreamProbe } from './stream-probe.ts';

const schema =
  'CREATE DATABASE shop; CREATE DATABASE other; CREATE TABLE shop.t (id BIGINT AUTO_INCREMENT PRIMARY KEY, v LONGBLOB); CREATE TABLE other.t LIKE shop.t';

async function insert(server: DbServer, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await server.query('INSERT INTO shop.t (v) VALUES (?)', [`row ${i}`]);
}

/** Many rows with few statements: 2^doublings rows of `bytes` each. */
async function fill(server: DbServer, table: string, doublings: number, bytes: number): Promise<void> {
  await server.query(`INSERT INTO ${table} (v) VALUES (REPEAT('x', ${bytes}))`);
  for (let i = 0; i < doublings; i++) await server.query(`INSERT INTO ${table} (v) SELECT v FROM ${table}`);
}

describe.each(['mysql', 'mariadb'] as const)('a stream from %s', (flavor) => {
  let server: DbServer;
  let proxy: TcpProxy;
  const restartServer = () => server.restart();

  beforeAll(async () => {
    server = await (flavor === 'mysql' ? startMysql() : startMariadb());
    proxy = await TcpProxy.start(server);
    await server.query(schema);
  });
  afterAll(async () => {
    await proxy?.stop();
    await server?.stop();
  });
  const probe = (start: SourcePosition, more: Partial<ConstructorParameters<typeof StreamProbe>[0]> = {}) =>
    new StreamProbe({ master: endpointOf(proxy), start, ...more });

  it('delivers every transaction once and tells where it is', async () => {
    const start = await positionOf(server);
    await using stream = probe(start);
    await insert(server, 20);
    await server.query('INSERT INTO other.t (v) VALUES (1)');
    await stream.caughtUp(server);
    expect(stream.gtids).toHaveLength(21);
    expect(areConsecutive(stream.gtids)).toBe(true);
    expect(stream.count('t')).toBe(20);
    expect(stream.stream.position.gtid).toBe((await positionOf(server)).gtid);
    expect(stream.stream.connected).toBe(true);
    expect(stream.stream.currentSource).toBe(`127.0.0.1:${proxy.port}`);
    await eventually(() => Date.now() - stream.stream.lastEventAt < 400, 'heartbeats arrive');
  });

  it('goes on exactly where it was after the connection was cut, again and again', async () => {
    await using stream = probe(await positionOf(server));
    await stream.connected();
    for (let round = 0; round < 5; round++) {
      const writing = insert(server, 40);
      await sleep(30);
      proxy.closeConnections();
      await writing;
    }
    await stream.caughtUp(server);
    expect(stream.gtids).toHaveLength(200);
    expect(areConsecutive(stream.gtids)).toBe(true);
    expect(stream.failures.length).toBeGreaterThan(0);
    expect(stream.failures.every((failure) => failure.retryable)).toBe(true);
  });

  it('goes on after the server was restarted and after it was killed', async () => {
    await using stream = probe(await positionOf(server));
    await stream.connected();
    await insert(server, 5);
    await restartServer();
    await insert(server, 5);
    await stream.caughtUp(server);
    await server.kill9();
    await server.start();
    await insert(server, 5);
    await stream.caughtUp(server);
    expect(stream.gtids).toHaveLength(15);
    expect(areConsecutive(stream.gtids)).toBe(true);
    expect(stream.error).toBeNull();
  });

  it('notices a frozen line by its silence, and goes on when it thaws', async () => {
    await using stream = probe(await positionOf(server));
    await stream.connected();
    proxy.freeze();
    await insert(server, 3);
    await eventually(() => stream.failures.some((failure) => failure.code === 'LK1112'), 'the silence is noticed', 10);
    expect(stream.stream.connected).toBe(false);
    await proxy.restore();
    await stream.caughtUp(server);
    expect(stream.gtids).toHaveLength(3);
  });

  it('follows new binlog files', async () => {
    await using stream = probe(await positionOf(server));
    for (let i = 0; i < 5; i++) {
      await insert(server, 2);
      await server.query('FLUSH BINARY LOGS');
    }
    await insert(server, 1);
    await stream.caughtUp(server);
    expect(stream.gtids).toHaveLength(11);
    expect(areConsecutive(stream.gtids)).toBe(true);
  });

  it('sends a large transaction in parts, and all of it again when the connection was cut amid them', async () => {
    const start = await positionOf(server);
    await server.query('TRUNCATE shop.t');
    await server.query('START TRANSACTION');
    await fill(server, 'shop.t', 13, 2000);
    await server.query('COMMIT');
    // Slow enough that the cut falls between parts.
    proxy.bandwidth(8 << 20);
    await using stream = probe(start, { partBytes: 1 << 20 });
    await eventually(() => stream.items.filter((item) => item.kind === 'part').length >= 3, 'parts arrive');
    proxy.closeConnections();
    proxy.bandwidth(Infinity);
    await stream.caughtUp(server);
    const parts = stream.items.filter((item) => item.kind === 'part' || item.kind === 'restart');
    const restarts = parts.map((part, index) => (part.kind === 'restart' ? index : -1)).filter((index) => index >= 0);
    expect(restarts.length).toBeGreaterThan(0);
    const whole = parts.slice(restarts.at(-1)! + 1).filter((item) => item.kind === 'part');
    expect(whole.map((part) => part.first)).toEqual(whole.map((_, index) => index === 0));
    expect(whole.map((part) => part.last)).toEqual(whole.map((_, index) => index === whole.length - 1));
    const bytes = whole.flatMap((part) => part.events).reduce((sum, event) => sum + event.images.length, 0);
    expect(bytes).toBeGreaterThan(2 ** 13 * 2000);
    expect(areConsecutive(stream.gtids)).toBe(true);
    await server.query('TRUNCATE shop.t');
  });

  it('lets the source wait for a slow consumer, longer than any timeout, with little memory', async () => {
    await server.query('TRUNCATE other.t; TRUNCATE shop.t');
    await fill(server, 'other.t', 10, 20_000); // 20 MB per copy
    const start = await positionOf(server);
    for (let i = 0; i < 10; i++) await server.query('INSERT INTO shop.t (v) SELECT v FROM other.t');
    const goal = await positionOf(server);
    const queue = new ByteQueue<StreamItem>(8 << 20);
    await using stream = probe(start, { queue, consume: false, partBytes: 1 << 20 });
    await eventually(() => queue.bytes > 8 << 20, 'the queue is full');
    await sleep(2500);
    let most = 0;
    let bytes = 0;
    while (stream.stream.position.offset !== goal.offset || queue.length > 0) {
      most = Math.max(most, queue.bytes);
      for (const item of queue.poll()) if ('events' in item) for (const event of item.events) bytes += event.images.length;
      await sleep(10);
    }
    expect(bytes).toBeGreaterThan(200e6);
    expect(most).toBeLessThan((8 << 20) + (2 << 20));
    expect(stream.failures).toEqual([]);
  });

  it('ends at once when told to while the source does not answer', async () => {
    proxy.freeze();
    const stream = probe(await positionOf(server));
    await sleep(500);
    const begun = Date.now();
    await stream.stop();
    expect(Date.now() - begun).toBeLessThan(1500);
    expect(stream.error).toBeNull();
    await proxy.restore();
  });

  it('ends at once and cleanly when told to', async () => {
    const stream = probe(await positionOf(server));
    await stream.connected();
    const begun = Date.now();
    await stream.stop();
    expect(Date.now() - begun).toBeLessThan(1500);
    expect(stream.queue.ended).toBe(true);
    expect(stream.error).toBeNull();
  });

  it('fails with the reason when the position was purged while it was away', async () => {
    const start = await positionOf(server);
    await insert(server, 1);
    await eventually(async () => {
      await server.query('FLUSH BINARY LOGS');
      const files = await server.query('SHOW BINARY LOGS');
      await server.query(`PURGE BINARY LOGS TO '${String(files.at(-1)!['Log_name'])}'`);
      return (await server.query('SHOW BINARY LOGS')).length === 1;
    }, 'old binlogs are purged');
    await using stream = probe(start);
    await eventually(() => stream.error !== null, 'the queue fails');
    expect(stream.error).toMatchObject({ code: 'LK1109', retryable: false });
    expect(stream.items).toEqual([]);
  });

  it('fails with the reason when the server has lost what was read from it', async () => {
    await insert(server, 2);
    const start = await positionOf(server);
    await server.query(flavor === 'mysql' ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER');
    await insert(server, 1);
    await using stream = probe(start);
    await eventually(() => stream.error !== null, 'the queue fails');
    expect(stream.error).toMatchObject({ code: 'LK1110', retryable: false, details: { errant: expect.any(String) } });
    expect(stream.items).toEqual([]);
  });

  it('fails with the reason for a wrong password', async () => {
    await using stream = probe(await positionOf(server), { master: endpointOf(proxy, { password: 'wrong' }) });
    await eventually(() => stream.error !== null, 'the queue fails');
    expect(stream.error).toMatchObject({ code: 'LK1101' });
    expect(JSON.stringify(stream.error)).not.toContain('"wrong"');
  });

  it('fails when the account may not replicate', async () => {
    await server.query("CREATE USER reader@'%' IDENTIFIED BY 'p'; GRANT SELECT ON *.* TO reader@'%'");
    await using stream = probe(await positionOf(server), { master: endpointOf(proxy, { user: 'reader', password: 'p' }) });
    await eventually(() => stream.error !== null, 'the queue fails');
    expect(stream.error).toMatchObject({ code: 'LK1103' });
  });
});

describe('logging in to MySQL', () => {
  it('works with caching_sha2_password over TLS with the server’s own authority, and in the clear', async () => {
    await using server = await startMysql();
    await server.query(
      `${schema}; CREATE USER sync@'%' IDENTIFIED WITH caching_sha2_password BY 'päss'; GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.* TO sync@'%'`,
    );
    const ca = readFileSync(join(server.dir, 'data/ca.pem'), 'utf8');
    for (const tls of [
      { mode: 'Disabled', ca: null },
      { mode: 'Required', ca },
      { mode: 'Required', ca: null },
    ] as const) {
      await server.query('FLUSH PRIVILEGES'); // empties the password cache: the login is a full one
      await using stream = new StreamProbe({
        master: endpointOf(server, { user: 'sync', password: 'päss', tls }),
        start: await positionOf(server),
      });
      await insert(server, 1);
      await stream.caughtUp(server);
      expect(stream.gtids).toHaveLength(1);
      const [thread] = await server.query(
        "SELECT connection_type FROM performance_schema.threads WHERE processlist_command LIKE 'Binlog Dump%'",
      );
      expect(thread!['connection_type'] ?? thread!['CONNECTION_TYPE']).toBe(tls.mode === 'Disabled' ? 'TCP/IP' : 'SSL/TLS');
    }
  });
});

describe('another process with the same identity', () => {
  it('is reported as LK1108 and survived', async () => {
    await using server = await startMysql();
    await server.query(schema);
    const start = await positionOf(server);
    const identity = { pipeline: 'test/twin', serverId: 99 };
    await using first = new StreamProbe({ master: endpointOf(server), start, ...identity });
    await first.connected();
    const second = new StreamProbe({ master: endpointOf(server), start, ...identity });
    await eventually(() => first.failures.some((failure) => failure.code === 'LK1108'), 'the first is told');
    await second.stop();
    await insert(server, 3);
    await first.caughtUp(server);
    expect(first.gtids).toHaveLength(3);
  });
});

describe.each(['mysql', 'mariadb'] as const)('failover of %s', (flavor) => {
  it('goes to the standby by GTID without losing or repeating, and back', async () => {
    await using master = await (flavor === 'mysql' ? startMysql() : startMariadb());
    await using standby = await (flavor === 'mysql' ? startMysql() : startMariadb({ config: { log_slave_updates: true } }));
    await replicate(master, standby);
    await master.query(schema);
    await replicated(master, standby);
    await using stream = new StreamProbe({
      master: endpointOf(master),
      standby: endpointOf(standby),
      start: await positionOf(master),
    });
    await insert(master, 10);
    await stream.caughtUp(master);
    await replicated(master, standby);
    await master.kill9();
    await eventually(
      () => stream.stream.connected && stream.stream.currentSource.endsWith(`:${standby.port}`),
      'the standby is read',
    );
    await promote(standby);
    await insert(standby, 10);
    await stream.caughtUp(standby);
    expect(stream.gtids).toHaveLength(20);
    expect(new Set(stream.gtids).size).toBe(20);
    const restarts = stream.items.filter((item) => item.kind === 'restart');
    expect(restarts).toMatchObject([{ serverUuid: (await positionOf(standby)).serverUuid }]);
    // The old master comes back without the standby's transactions: it must not be taken for whole.
    await master.start();
    await standby.stop();
    await eventually(() => stream.failures.some((failure) => failure.code === 'LK1110'), 'the old master is refused');
    expect(stream.error).toBeNull();
    await standby.start();
    await insert(standby, 1);
    await stream.caughtUp(standby);
    expect(stream.gtids).toHaveLength(21);
  });
});

describe('failover without GTIDs', () => {
  const config = { gtid_mode: false, enforce_gtid_consistency: false };
  let master: DbServer;
  let standby: DbServer;
  let start: SourcePosition;

  beforeEach(async () => {
    [master, standby] = await Promise.all([startMysql({ config }), startMysql({ config })]);
    await replicate(master, standby);
    await master.query(schema);
    await insert(master, 5);
    start = await positionOf(master);
  });
  afterEach(() => Promise.all([master, standby].map((server) => server?.kill9())));

  const probe = (more: Partial<ConstructorParameters<typeof StreamProbe>[0]> = {}) =>
    new StreamProbe({ master: endpointOf(master), standby: endpointOf(standby), start, ...more });
  const refused = (stream: StreamProbe, why: string) =>
    eventually(() => stream.failures.some(({ code, message }) => code === 'LK1110' && message.includes(why)), `refused: ${why}`);

  it('goes on exactly behind the last transaction, and back', async () => {
    await using stream = probe();
    await insert(master, 10);
    await master.query("XA START 'x'; INSERT INTO shop.t (v) VALUES (1); XA END 'x'; XA PREPARE 'x'");
    await stream.caughtUp(master);
    await replicated(master, standby);
    await master.kill9();
    await eventually(() => stream.stream.connected && stream.stream.currentSource.endsWith(`:${standby.port}`), 'failover');
    await promote(standby);
    await standby.query("XA COMMIT 'x'");
    await standby.query('FLUSH BINARY LOGS');
    await insert(standby, 10);
    await stream.caughtUp(standby);
    expect(stream.count('t')).toBe(21);
    const xa = () => stream.items.filter((item) => item.kind.startsWith('xa-')).map((item) => item.kind);
    expect(xa()).toEqual(['xa-prepare', 'xa-commit']);

    await master.start();
    await standby.kill9();
    await refused(stream, 'it does not have, or not yet');
    await standby.start();
    await insert(standby, 1);
    await stream.caughtUp(standby);
    expect(stream.count('t')).toBe(22);
    expect(stream.items.filter((item) => item.kind === 'restart').map((item) => item.serverUuid)).toEqual([
      (await positionOf(standby)).serverUuid,
    ]);
  });

  it('waits for a standby that is behind', async () => {
    await using stream = probe();
    await insert(master, 1);
    await replicated(master, standby);
    await standby.query('STOP REPLICA SQL_THREAD');
    await insert(master, 3);
    await stream.caughtUp(master);
    await eventually(async () => {
      const [status] = await standby.query('SHOW REPLICA STATUS');
      return status!['Read_Source_Log_Pos'] === (await positionOf(master)).offset;
    }, 'the standby has received all');
    await master.kill9();
    await refused(stream, 'it does not have, or not yet');
    await standby.query('START REPLICA SQL_THREAD');
    await eventually(() => stream.stream.connected, 'the standby is read');
    await promote(standby);
    await insert(standby, 2);
    await stream.caughtUp(standby);
    expect(stream.count('t')).toBe(6);
  });

  it.each([
    ['where times do not tell', null, 'of the same time'],
    ['while places in the binlog are kept', 'the tables of the first copy', 'the tables of the first copy'],
  ])('waits for the master %s', async (_when, bound, why) => {
    await using stream = probe({ boundBy: () => bound });
    if (bound === null) await master.query(`SET SESSION original_commit_timestamp=${Date.now() + 1000}000`);
    await insert(master, 2);
    await stream.caughtUp(master);
    await replicated(master, standby);
    await master.kill9();
    await refused(stream, why);
    await master.start();
    await insert(master, 1);
    await stream.caughtUp(master);
    expect(stream.count('t')).toBe(3);
  });

  it('refuses a standby that commits in an order of its own', async () => {
    await standby.query('STOP REPLICA SQL_THREAD; SET GLOBAL replica_preserve_commit_order=OFF; START REPLICA SQL_THREAD');
    await using stream = probe();
    await insert(master, 2);
    await stream.caughtUp(master);
    await replicated(master, standby);
    await master.kill9();
    await refused(stream, 'replica_preserve_commit_order');
  });
});

describe('a transaction of a million rows', () => {
  it('passes through in bounded memory', async () => {
    await using server = await startMysql({ config: { binlog_cache_size: 32 << 20, max_binlog_cache_size: 4 * 2 ** 30 } });
    await server.query(schema);
    const start = await positionOf(server);
    await server.query('START TRANSACTION');
    await fill(server, 'shop.t', 20, 60);
    await server.query('COMMIT');
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
    const queue = new ByteQueue<StreamItem>(16 << 20);
    await using _stream = new StreamProbe({ master: endpointOf(server), start, queue, consume: false, partBytes: 2 << 20 });
    let bytes = 0;
    let last = false;
    await eventually(
      () => {
        for (const item of queue.poll()) {
          if (item.kind !== 'part') continue;
          for (const event of item.events) bytes += event.images.length;
          last ||= item.last;
        }
        return last;
      },
      'the last part is here',
      120,
    );
    clearInterval(watch);
    expect(bytes).toBeGreaterThan(2 ** 20 * 70);
    expect(most - before).toBeLessThan(150 << 20);
  });
});
