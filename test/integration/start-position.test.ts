import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StartPoint } from '../../crds/canal-instance.ts';
import { stableUuid } from '../../worker/source/dump-connection.ts';
import { withSession } from '../../worker/source/endpoint.ts';
import type { SourcePosition } from '../../worker/source/position.ts';
import { resolveStart } from '../../worker/source/start-position.ts';
import { startMariadb, startMysql, type DbServer } from '../servers/index.ts';
import { endpointOf, nextServerId, positionOf } from './source-helpers.ts';

function resolve(server: DbServer, start: StartPoint): Promise<SourcePosition> {
  const endpoint = endpointOf(server);
  return withSession(endpoint, (session) =>
    resolveStart(session, { endpoint, serverId: nextServerId(), replicaUuid: stableUuid('start') }, start),
  );
}

/** All of a position but its time. */
function place({ journal, offset, gtid, serverUuid, flavor }: SourcePosition): Omit<SourcePosition, 'timestampMicros'> {
  return { journal, offset, gtid, serverUuid, flavor };
}

describe.each([
  ['mysql', startMysql],
  ['mysql without GTIDs', () => startMysql({ config: { gtid_mode: false } })],
  ['mariadb', startMariadb],
] as const)('the start in %s', (_name, start) => {
  let server: DbServer;
  /** After each of seven transactions in three files: where the server stood, and a moment before the next one. */
  const after: { position: SourcePosition; at: Date }[] = [];

  beforeAll(async () => {
    server = await start();
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id BIGINT AUTO_INCREMENT PRIMARY KEY)');
    await sleep(1100);
    for (let i = 0; i < 7; i++) {
      await server.query('INSERT INTO shop.t VALUES (NULL)');
      const position = await positionOf(server);
      await sleep(1100); // MariaDB's commit times are whole seconds
      after.push({ position, at: new Date(Date.now() - 50) });
      if (i === 2 || i === 4) await server.query('FLUSH BINARY LOGS');
    }
  });
  afterAll(() => server?.stop());

  it('is the end of the log for latest', async () => {
    expect(place(await resolve(server, { kind: 'latest' }))).toEqual(place(after[6]!.position));
  });

  it.each([0, 1, 2, 3, 5, 6])('knows the GTIDs at the position after transaction %i', async (index) => {
    const { position } = after[index]!;
    const found = await resolve(server, { kind: 'journal', name: position.journal, position: position.offset });
    expect(place(found)).toEqual(place(position));
  });

  it('takes the begin of a file', async () => {
    const { position } = after[3]!;
    const found = await resolve(server, { kind: 'journal', name: position.journal, position: 4 });
    expect(place(found)).toEqual(place({ ...after[2]!.position, journal: position.journal, offset: 4 }));
  });

  it('refuses a position amid a transaction, behind the end, or in a file that is not there', async () => {
    const { position } = after[5]!;
    const refused = (name: string, offset: number) =>
      expect(resolve(server, { kind: 'journal', name, position: offset })).rejects;
    await refused(position.journal, position.offset - 31).toMatchObject({
      code: 'LK1003',
      details: { field: 'spec.start.journal.position' },
    });
    await refused(position.journal, 999_999_999).toMatchObject({ code: 'LK1003', found: expect.stringContaining('bytes') });
    await refused('nothing.000001', 4).toMatchObject({ code: 'LK1003', remedy: expect.stringContaining(position.journal) });
  });

  it.each([0, 1, 2, 3, 4, 5])('finds the first transaction committed after the one of index %i by time', async (index) => {
    const found = await resolve(server, { kind: 'timestamp', at: after[index]!.at });
    if (index === 2 || index === 4) {
      // A new file began then: its begin and the end of the former one are the same point.
      expect(found.gtid).toBe(after[index]!.position.gtid);
      if (found.gtid === null)
        expect(found.offset === after[index]!.position.offset || found.journal === after[index + 1]!.position.journal).toBe(true);
    } else {
      expect(place(found)).toEqual(place(after[index]!.position));
    }
  });

  it('is the end of the log when nothing was committed since the timestamp', async () => {
    expect(place(await resolve(server, { kind: 'timestamp', at: after[6]!.at }))).toEqual(place(after[6]!.position));
  });

  it('refuses the future, and a time before the oldest file', async () => {
    await expect(resolve(server, { kind: 'timestamp', at: new Date(Date.now() + 60_000) })).rejects.toMatchObject({
      code: 'LK1114',
    });
    const early = new Date('2020-01-01T00:00:00Z');
    if (after[0]!.position.gtid !== null) {
      // The first file of a server's history holds everything from its begin.
      expect(await resolve(server, { kind: 'timestamp', at: early })).toMatchObject({ offset: 4, gtid: '' });
    }
    await server.query(`PURGE BINARY LOGS TO '${after[3]!.position.journal}'`);
    await expect(resolve(server, { kind: 'timestamp', at: early })).rejects.toMatchObject({ code: 'LK1114' });
    await expect(resolve(server, { kind: 'journal', name: after[0]!.position.journal, position: 4 })).rejects.toMatchObject({
      code: 'LK1003',
    });
  });

  it('takes a GTID set in the server’s form only', async () => {
    const gtid = after[1]!.position.gtid;
    if (gtid === null) {
      const set = '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5';
      await expect(resolve(server, { kind: 'gtid', gtid: set })).rejects.toMatchObject({ code: 'LK1113' });
      return;
    }
    expect(await resolve(server, { kind: 'gtid', gtid })).toMatchObject({ gtid, journal: '' });
    const foreign = server.flavor === 'mysql' ? '0-1-5' : '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5';
    await expect(resolve(server, { kind: 'gtid', gtid: foreign })).rejects.toMatchObject({
      code: 'LK1003',
      details: { field: 'spec.start.gtid' },
    });
  });
});

it('finds a large compressed transaction by its time, and passes over one at the end of the log', async () => {
  await using server = await startMysql({ config: { binlog_transaction_compression: true } });
  await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id BIGINT AUTO_INCREMENT PRIMARY KEY, v LONGTEXT)');
  await server.query("INSERT INTO shop.t (v) VALUES (REPEAT('x', 2000000))");
  await sleep(20);
  const before = await positionOf(server);
  const at = new Date();
  await sleep(20);
  await server.query("INSERT INTO shop.t (v) VALUES (REPEAT('y', 4000000))");
  await sleep(20);
  const end = await positionOf(server);
  expect(place(await resolve(server, { kind: 'timestamp', at: new Date() }))).toEqual(place(end));
  for (let i = 0; i < 3; i++) await server.query("INSERT INTO shop.t (v) VALUES ('small')");
  expect(place(await resolve(server, { kind: 'timestamp', at }))).toEqual(place(before));
});

it('says that the binlog is off', async () => {
  await using server = await startMysql({ config: { log_bin: false } });
  await expect(resolve(server, { kind: 'latest' })).rejects.toMatchObject({ code: 'LK1104' });
});
