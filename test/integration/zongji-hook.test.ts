import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import ZongJi from 'zongji';
import type { LockkeeperError } from '../../common/errors.ts';
import { openDump, stableUuid, type Dump, type DumpOptions } from '../../worker/source/dump-connection.ts';
import { withSession } from '../../worker/source/endpoint.ts';
import { eventEndPosition, eventLength, eventType } from '../../worker/source/event-header.ts';
import { EventType } from '../../worker/source/event-types.ts';
import { currentPosition } from '../../worker/source/current-position.ts';
import { startMariadb, startMysql, TcpProxy, type DbServer } from '../servers/index.ts';
import { endpointOf, eventually } from './source-helpers.ts';

/** What dump-connection.ts uses of zongji's and mysql2's insides, and that a dump works through it on real servers. */

/** Collects copies of events until told otherwise. */
class Collector {
  readonly events: Buffer[] = [];
  readonly ended = Promise.withResolvers<LockkeeperError | null>();
  #wake: () => void = () => undefined;

  readonly onEvent = (event: Buffer): void => {
    this.events.push(Buffer.from(event));
    this.#wake();
  };

  readonly onEnd = (error: LockkeeperError | null): void => this.ended.resolve(error);

  async until(predicate: (events: readonly Buffer[]) => boolean, milliseconds = 20_000): Promise<void> {
    const late = Date.now() + milliseconds;
    while (!predicate(this.events)) {
      if (Date.now() > late)
        throw new Error(`not within ${milliseconds} ms; types so far: ${this.events.map(eventType).join(' ')}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 50);
      });
    }
  }
}

interface Insides {
  BinlogClass: { prototype: Record<string, unknown> };
  connection: Record<string, unknown> & { stream: { bytesRead: number } };
  ctrlConnection: Record<string, unknown>;
}

const hasType = (type: number) => (events: readonly Buffer[]) => events.some((event) => eventType(event) === type);
let serverId = 4000;

async function dumpFrom(server: DbServer, collector: Collector, more: Partial<DumpOptions> = {}): Promise<Dump> {
  const endpoint = more.endpoint ?? endpointOf(server);
  const start = more.start ?? (await withSession(endpointOf(server), currentPosition));
  return openDump({
    endpoint,
    start,
    byGtid: true,
    serverId: ++serverId,
    replicaUuid: stableUuid(`hook ${serverId}`),
    heartbeatSeconds: 0.5,
    onEvent: collector.onEvent,
    onEnd: collector.onEnd,
    ...more,
  });
}

const dumpThreads = async (server: DbServer) =>
  (await server.query("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")).length;

describe.each(['mysql', 'mariadb'] as const)('a dump from %s', (flavor) => {
  let server: DbServer;

  beforeAll(async () => {
    server = await (flavor === 'mysql' ? startMysql() : startMariadb());
    await server.query('CREATE DATABASE hook; CREATE TABLE hook.t (id INT PRIMARY KEY, v LONGBLOB)');
  });
  afterAll(() => server?.stop());

  it('finds the insides of zongji that the hook takes hold of', async () => {
    const zongji = new ZongJi({ host: server.host, port: server.port, user: 'root', password: 'root' });
    zongji.on('error', () => undefined);
    const ready = once(zongji, 'ready');
    zongji.start({ serverId: ++serverId, startAtEnd: true });
    await ready;
    const { BinlogClass, connection, ctrlConnection } = zongji as unknown as Insides;
    expect(typeof BinlogClass.prototype.binlogData).toBe('function');
    expect(typeof BinlogClass.prototype.start).toBe('function');
    expect(connection.stream.bytesRead).toBeGreaterThan(0);
    for (const method of ['pause', 'resume', 'query']) expect(typeof connection[method]).toBe('function');
    expect(typeof ctrlConnection.query).toBe('function');
    const stopped = once(zongji, 'stopped');
    zongji.stop();
    await stopped;
  });

  it('hands over whole raw events, in order, from the position on', async () => {
    const collector = new Collector();
    const dump = await dumpFrom(server, collector);
    await server.query("INSERT INTO hook.t VALUES (1, 'one')");
    await collector.until(hasType(EventType.XID));
    await dump.close();
    for (const event of collector.events) expect(eventLength(event)).toBe(event.length);
    const types = collector.events.map(eventType);
    expect(types[0]).toBe(EventType.ROTATE);
    expect(types).toContain(EventType.FORMAT_DESCRIPTION);
    expect(types.slice(types.indexOf(EventType.TABLE_MAP))).toEqual([
      EventType.TABLE_MAP,
      flavor === 'mysql' ? EventType.WRITE_ROWS : EventType.WRITE_ROWS_V1,
      EventType.XID,
    ]);
  });

  it('goes by file and offset too', async () => {
    const start = await withSession(endpointOf(server), currentPosition);
    await server.query("INSERT INTO hook.t VALUES (2, 'two')");
    const collector = new Collector();
    const dump = await dumpFrom(server, collector, { start, byGtid: false, untilEnd: true });
    expect(await collector.ended.promise).toBeNull();
    await dump.close();
    const xids = collector.events.filter((event) => eventType(event) === EventType.XID);
    expect(xids).toHaveLength(1);
    expect(eventEndPosition(xids[0]!)).toBe((await withSession(endpointOf(server), currentPosition)).offset);
  });

  it('gets heartbeats in the period asked for', async () => {
    const collector = new Collector();
    const dump = await dumpFrom(server, collector);
    const beats = (events: readonly Buffer[]) =>
      events.filter((e) => eventType(e) === EventType.HEARTBEAT || eventType(e) === EventType.HEARTBEAT_V2);
    const begun = Date.now();
    await collector.until((events) => beats(events).length >= 3, 10_000);
    expect(Date.now() - begun).toBeLessThan(4_000);
    await dump.close();
  });

  it('survives a pause longer than a heartbeat timeout, and delivers everything after it', async () => {
    const collector = new Collector();
    const dump = await dumpFrom(server, collector);
    dump.pause();
    await server.query("INSERT INTO hook.t VALUES (10, REPEAT('x', 1000))");
    const before = collector.events.length;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(collector.events.length).toBe(before);
    dump.resume();
    await collector.until(hasType(EventType.XID));
    await dump.close();
  });

  it('takes an event of more than 16 MiB in one piece', async () => {
    const collector = new Collector();
    const dump = await dumpFrom(server, collector);
    await server.query("INSERT INTO hook.t VALUES (20, REPEAT('0123456789abcdef', 1250000))");
    await collector.until(hasType(EventType.XID));
    await dump.close();
    const rows = collector.events.filter((event) => event.length > 20_000_000);
    expect(rows).toHaveLength(1);
    expect(eventLength(rows[0]!)).toBe(rows[0]!.length);
    await server.query('DELETE FROM hook.t WHERE id = 20');
  });

  it('passes on what the receiver throws, once, and then is silent', async () => {
    const end = Promise.withResolvers<LockkeeperError | null>();
    let calls = 0;
    await dumpFrom(server, new Collector(), {
      onEvent: () => {
        calls++;
        throw new Error('cannot read this');
      },
      onEnd: end.resolve,
    });
    expect(await end.promise).toMatchObject({ code: 'LK1203', message: expect.stringContaining('cannot read this') });
    await server.query('INSERT INTO hook.t VALUES (30, NULL)');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(calls).toBe(1);
  });

  it('leaves no dump thread behind when closed', async () => {
    await eventually(async () => (await dumpThreads(server)) === 0, 'no dump thread of earlier tests');
    const collector = new Collector();
    const dump = await dumpFrom(server, collector);
    await collector.until(hasType(EventType.FORMAT_DESCRIPTION));
    expect(await dumpThreads(server)).toBe(1);
    await dump.close();
    await eventually(async () => (await dumpThreads(server)) === 0, 'the dump thread is gone');
  });

  it('reports a killed dump thread as a lost connection', async () => {
    const collector = new Collector();
    await dumpFrom(server, collector);
    await collector.until(hasType(EventType.FORMAT_DESCRIPTION));
    const [thread] = await server.query("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'");
    await server.query(`KILL ${thread!['id'] ?? thread!['ID']}`);
    expect(await collector.ended.promise).toMatchObject({ code: 'LK1102', retryable: true });
  });

  it('says LK1108 when a second replica of the same identity comes', async () => {
    const identity = { serverId: 4999, replicaUuid: stableUuid('twin') };
    const first = new Collector();
    await dumpFrom(server, first, identity);
    await first.until(hasType(EventType.FORMAT_DESCRIPTION));
    const second = new Collector();
    const dump = await dumpFrom(server, second, identity);
    expect(await first.ended.promise).toMatchObject(flavor === 'mysql' ? { code: 'LK1108' } : { retryable: true });
    await second.until(hasType(EventType.FORMAT_DESCRIPTION));
    await dump.close();
  });

  it('notices a frozen line after three heartbeats without a byte', async () => {
    await using proxy = await TcpProxy.start({ host: server.host, port: server.port });
    const collector = new Collector();
    await dumpFrom(server, collector, { endpoint: endpointOf(proxy) });
    await collector.until(hasType(EventType.FORMAT_DESCRIPTION));
    proxy.freeze();
    const begun = Date.now();
    expect(await collector.ended.promise).toMatchObject({ code: 'LK1112', retryable: true });
    expect(Date.now() - begun).toBeLessThan(4_000);
  });

  it('asks for old files whose checksums are not as the server writes now', async () => {
    await server.query("SET GLOBAL binlog_checksum = 'NONE'");
    const start = await withSession(endpointOf(server), currentPosition);
    await server.query('INSERT INTO hook.t VALUES (40, NULL)');
    await server.query("SET GLOBAL binlog_checksum = 'CRC32'");
    await server.query('INSERT INTO hook.t VALUES (41, NULL)');
    for (const now of ['CRC32', 'NONE']) {
      await server.query(`SET GLOBAL binlog_checksum = '${now}'`);
      const collector = new Collector();
      const dump = await dumpFrom(server, collector, { start, untilEnd: true });
      expect(await collector.ended.promise).toBeNull();
      await dump.close();
      expect(collector.events.filter((event) => eventType(event) === EventType.XID)).toHaveLength(2);
    }
    await server.query("SET GLOBAL binlog_checksum = 'CRC32'");
  });
});
