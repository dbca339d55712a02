import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LockkeeperError } from '../../common/errors.ts';
import { withSession } from '../../worker/source/endpoint.ts';
import { checkPosition, type ResumePoint } from '../../worker/source/position-check.ts';
import type { SourcePosition } from '../../worker/source/position.ts';
import { startMariadb, startMysql, type DbServer } from '../servers/index.ts';
import { endpointOf, eventually, positionOf } from './source-helpers.ts';

const check = (server: DbServer, position: SourcePosition): Promise<ResumePoint | null> =>
  withSession(endpointOf(server), (session) => checkPosition(session, position));

/** MariaDB keeps a file until its storage engines have noted a checkpoint in a later one. */
async function purgeToNewest(server: DbServer): Promise<void> {
  await eventually(async () => {
    const files = await server.query('SHOW BINARY LOGS');
    await server.query(`PURGE BINARY LOGS TO '${String(files.at(-1)!['Log_name'])}'`);
    return (await server.query('SHOW BINARY LOGS')).length === 1;
  }, 'old binlogs are purged');
}

const forgetHistory = (server: DbServer) =>
  server.query(server.flavor === 'mysql' ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER');

async function write(server: DbServer, rows = 1): Promise<void> {
  for (let i = 0; i < rows; i++) await server.query('INSERT INTO shop.t VALUES (NULL)');
}

describe.each([
  ['mysql by GTID', startMysql],
  ['mysql by file and offset', () => startMysql({ config: { gtid_mode: false } })],
  ['mariadb', startMariadb],
] as const)('%s', (name, start) => {
  let server: DbServer;
  let other: DbServer;
  const byGtid = !name.includes('file');

  beforeAll(async () => {
    [server, other] = await Promise.all([start(), start()]);
    for (const each of [server, other]) {
      await each.query('CREATE DATABASE shop; CREATE TABLE shop.t (id BIGINT AUTO_INCREMENT PRIMARY KEY)');
      await write(each, 3);
    }
  });
  afterAll(() => Promise.all([server?.stop(), other?.stop()]));

  it('goes on where the server stands, and behind it', async () => {
    const position = await positionOf(server);
    expect(position.gtid === null).toBe(!byGtid);
    await write(server, 2);
    await server.query('FLUSH BINARY LOGS');
    await write(server, 2);
    expect(await check(server, position)).toMatchObject({ byGtid });
    expect(await check(server, await positionOf(server))).toMatchObject({ byGtid });
  });

  it('names what was purged', async () => {
    const position = await positionOf(server);
    await write(server, 2);
    const missing = (await positionOf(server)).gtid;
    await server.query('FLUSH BINARY LOGS');
    await write(server);
    await purgeToNewest(server);
    const refusal = check(server, position);
    await expect(refusal).rejects.toMatchObject({ code: 'LK1109', retryable: false });
    const error = await refusal.then(
      () => Promise.reject(new Error('not refused')),
      (e: unknown) => e as LockkeeperError,
    );
    expect(error.remedy).toContain('initialLoad');
    if (!byGtid) expect(error.message).toContain(position.journal);
    else expect(error.message).toContain(name === 'mariadb' ? missing : `${position.serverUuid}:`);
    expect(await check(server, await positionOf(server))).toMatchObject({ byGtid });
  });

  it('sees another server, and tells what it does not have', async () => {
    const position = await positionOf(server);
    if (!byGtid) {
      expect(await check(other, position)).toBeNull();
      return;
    }
    const refusal = check(other, position);
    await expect(refusal).rejects.toMatchObject({ code: 'LK1110', retryable: false });
    const lost = name === 'mariadb' ? position.gtid! : position.serverUuid;
    await expect(refusal).rejects.toMatchObject({ details: { errant: expect.stringContaining(lost) } });
  });

  it('sees a server that lost its history', async () => {
    await write(server, 5);
    const position = await positionOf(server);
    await forgetHistory(server);
    await write(server);
    await expect(check(server, position)).rejects.toMatchObject({ code: 'LK1110' });
  });

  it('sees an offset beyond the end of the file', async () => {
    const position = await positionOf(server);
    const beyond = check(server, { ...position, gtid: null, offset: position.offset + 1000 });
    await expect(beyond).rejects.toMatchObject({ code: 'LK1110', message: expect.stringContaining(`${position.offset} bytes`) });
  });

  it('sees the other flavour', async () => {
    const position = await positionOf(server);
    const flavor = position.flavor === 'mysql' ? 'mariadb' : 'mysql';
    await expect(check(server, { ...position, flavor })).rejects.toMatchObject({ code: 'LK1110' });
  });
});

describe('GTIDs that come and go', () => {
  it('goes by file while gtid_mode is off on the server that wrote it, not on another', async () => {
    await using server = await startMysql({ config: { gtid_mode: false, enforce_gtid_consistency: false } });
    const position = { ...(await positionOf(server)), gtid: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee:1-5' };
    expect(await check(server, position)).toMatchObject({ byGtid: false });
    await expect(check(server, { ...position, serverUuid: 'another' })).rejects.toMatchObject({ code: 'LK1113' });
  });
});
