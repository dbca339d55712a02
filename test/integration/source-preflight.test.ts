import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../common/finding.ts';
import { checkSource } from '../../worker/source/preflight.ts';
import { freePort, startMariadb, startMysql, type DbServer } from '../servers/index.ts';
import { endpointOf, eventually } from './source-helpers.ts';

const needs = { serverId: 71_000, gtid: true, firstCopy: true, now: Date.now() };
const about = (findings: Finding[], what: string) => findings.find((finding) => finding.subject.endsWith(what));
const wrong = (findings: Finding[]) =>
  findings
    .filter((finding) => finding.severity !== 'ok')
    .map(({ code, severity, subject }) => [code, severity, subject.split(': ')[1]]);

describe.each(['mysql', 'mariadb'] as const)('preflight of %s', (flavor) => {
  let server: DbServer;
  beforeAll(async () => {
    server = await (flavor === 'mysql' ? startMysql() : startMariadb());
  });
  afterAll(() => server?.stop());
  const check = (more: Partial<typeof needs> = {}, user?: string) =>
    checkSource(endpointOf(server, user === undefined ? {} : { user, password: 'p' }), { ...needs, now: Date.now(), ...more });

  it('finds a well configured server in order, but for the missing encryption', async () => {
    const findings = await check();
    expect(wrong(findings)).toEqual([['LK1111', 'warning', 'TLS']]);
    expect(about(findings, 'version')?.found).toContain(server.version);
    expect(findings.length).toBeGreaterThan(10);
  });

  it('names every wrong setting at once', async () => {
    const settings = ["binlog_format = 'MIXED'", "binlog_row_image = 'MINIMAL'", "binlog_row_metadata = 'MINIMAL'"];
    if (flavor === 'mysql') settings.push("binlog_row_value_options = 'PARTIAL_JSON'", 'binlog_expire_logs_seconds = 3600');
    else settings.push('binlog_expire_logs_seconds = 3600');
    for (const setting of settings) await server.query(`SET GLOBAL ${setting}`);
    const expected = [
      ['LK1111', 'warning', 'TLS'],
      ['LK1105', 'error', 'binlog_format'],
      ['LK1106', 'error', 'binlog_row_image'],
      ['LK1308', 'warning', 'binlog_row_metadata'],
      ...(flavor === 'mysql' ? [['LK1206', 'warning', 'binlog_row_value_options']] : []),
      ['LK1109', 'warning', 'binlog retention'],
    ];
    expect(wrong(await check())).toEqual(expected);
    const back = [
      "binlog_format = 'ROW'",
      "binlog_row_image = 'FULL'",
      "binlog_row_metadata = 'FULL'",
      'binlog_expire_logs_seconds = 2592000',
    ];
    if (flavor === 'mysql') back.push("binlog_row_value_options = ''");
    for (const setting of back) await server.query(`SET GLOBAL ${setting}`);
  });

  it('names missing grants, and knows those that suffice', async () => {
    await server.query(
      "CREATE DATABASE IF NOT EXISTS shop; CREATE USER poor@'%' IDENTIFIED BY 'p'; GRANT SELECT ON shop.* TO poor@'%'",
    );
    const poor = await check({}, 'poor');
    expect(poor.filter((f) => f.code === 'LK1103').map((f) => f.subject.split(': ')[1])).toEqual([
      'grant REPLICATION SLAVE',
      flavor === 'mysql' ? 'grant REPLICATION CLIENT' : 'grant BINLOG MONITOR',
    ]);
    expect(about(poor, 'grant SELECT')).toMatchObject({ severity: 'ok', found: 'granted on shop.*' });
    expect(poor.filter((f) => f.code === 'LK1602').length).toBe(flavor === 'mysql' ? 2 : 1);
    const admin = flavor === 'mysql' ? ', BACKUP_ADMIN' : ', REPLICATION MASTER ADMIN';
    await server.query(`GRANT REPLICATION SLAVE, REPLICATION CLIENT, RELOAD${admin} ON *.* TO poor@'%'`);
    expect(wrong(await check({}, 'poor'))).toEqual([['LK1111', 'warning', 'TLS']]);
  });

  it('sees a server id that cannot be ours', async () => {
    expect(about(await check({ serverId: server.port }), `server id ${server.port}`)).toMatchObject({
      severity: 'error',
      code: 'LK1108',
    });
  });

  it('sees clocks that differ', async () => {
    const findings = await check({ now: Date.now() - 60_000 });
    expect(about(findings, 'clock')).toMatchObject({
      severity: 'warning',
      found: expect.stringMatching(/^(59|60|61)[.\d]* s ahead/),
    });
  });

  it('says what is wrong with the login', async () => {
    const findings = await check({}, 'nobody');
    expect(findings).toMatchObject([
      { severity: 'error', code: 'LK1101', subject: expect.stringContaining(`:${server.port}: login`) },
    ]);
    expect(findings[0]!.found).not.toContain('p"');
  });
});

describe('preflight', () => {
  it('says that nothing listens', async () => {
    const findings = await checkSource(endpointOf({ host: '127.0.0.1', port: await freePort() }), needs);
    expect(findings).toMatchObject([{ severity: 'error', code: 'LK1102' }]);
  });

  it('finds a registered replica of the same server id', async () => {
    await using source = await startMysql();
    await using replica = await startMysql();
    await replica.query(
      `CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=${source.port}, SOURCE_USER='root', SOURCE_PASSWORD='root', GET_SOURCE_PUBLIC_KEY=1; START REPLICA`,
    );
    await eventually(async () => (await source.query('SHOW REPLICAS')).length > 0, 'the replica is registered');
    const findings = await checkSource(endpointOf(source), { ...needs, serverId: replica.port });
    expect(about(findings, `server id ${replica.port}`)).toMatchObject({ severity: 'error', code: 'LK1108' });
  });

  it('sees a binlog and GTIDs that are off', async () => {
    await using server = await startMysql({ config: { gtid_mode: false, enforce_gtid_consistency: false, log_bin: false } });
    const off = await checkSource(endpointOf(server), needs);
    expect(about(off, 'log_bin')).toMatchObject({ severity: 'error', code: 'LK1104', found: 'OFF' });
    expect(about(off, 'gtid_mode')).toMatchObject({ severity: 'error', code: 'LK1113', found: 'OFF' });
  });

  it('accepts TLS with the authority that the server made for itself, and verifies names', async () => {
    await using server = await startMysql();
    const ca = readFileSync(join(server.dir, 'data/ca.pem'), 'utf8');
    const tls = (await checkSource(endpointOf(server, { tls: { mode: 'Required', ca } }), needs)).find((f) =>
      f.subject.endsWith('TLS'),
    );
    expect(tls).toMatchObject({ severity: 'ok', found: expect.stringMatching(/^TLSv1/) });
    const unnamed = await checkSource(endpointOf(server, { tls: { mode: 'Required', ca: null } }), needs);
    expect(about(unnamed, 'TLS')).toMatchObject({ severity: 'warning' });
    const identity = await checkSource(endpointOf(server, { host: 'localhost', tls: { mode: 'VerifyIdentity', ca } }), needs);
    expect(identity).toMatchObject([{ severity: 'error', code: 'LK1111' }]);
    const address = await checkSource(endpointOf(server, { tls: { mode: 'VerifyIdentity', ca } }), needs);
    expect(address).toMatchObject([{ severity: 'error', code: 'LK1111', remedy: expect.stringContaining('name') }]);
    const other = rootCertificates[0]!;
    expect(await checkSource(endpointOf(server, { tls: { mode: 'Required', ca: other } }), needs)).toMatchObject([
      { code: 'LK1111' },
    ]);
  });

  it('asks for TLS where the server refuses plain text', async () => {
    await using server = await startMysql({ config: { require_secure_transport: false } });
    await server.query('SET GLOBAL require_secure_transport = ON');
    expect(await checkSource(endpointOf(server), needs)).toMatchObject([
      { code: 'LK1111', remedy: expect.stringContaining('tls.mode') },
    ]);
    await server.stop();
  });
});
