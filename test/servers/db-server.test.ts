import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DbServer } from './db-server.ts';
import { startMariadb } from './mariadb.ts';
import { mysqlbinlog, startMysql } from './mysql.ts';
import { sysbench } from './sysbench.ts';

describe.each([
  { flavor: 'mysql', start: startMysql },
  { flavor: 'mariadb', start: startMariadb },
])('$flavor', ({ flavor, start }) => {
  let server: DbServer;

  beforeAll(async () => {
    server = await start();
  });

  afterAll(() => server.stop());

  test('runs as asked for', async () => {
    expect(server.flavor).toBe(flavor);
    const [row] = await server.query(
      'SELECT @@version AS version, @@log_bin AS log_bin, @@binlog_format AS format, @@binlog_row_image AS image, @@binlog_row_metadata AS metadata, @@port AS port, @@sync_binlog AS sync_binlog, @@local_infile AS local_infile',
    );
    expect(row).toMatchObject({
      log_bin: 1,
      format: 'ROW',
      image: 'FULL',
      metadata: 'FULL',
      port: server.port,
      sync_binlog: 0,
      local_infile: 1,
    });
    expect(String(row?.['version'])).toContain(server.version);
  });

  test('keeps committed rows over stop, restart and kill -9, on the same port', async () => {
    await server.query('CREATE SCHEMA keep; CREATE TABLE keep.t (id INT PRIMARY KEY); INSERT INTO keep.t VALUES (1)');
    await server.restart();
    await server.query('INSERT INTO keep.t VALUES (2)');
    const pid = server.pid;
    await server.kill9();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    await expect(server.query('SELECT 1')).rejects.toThrow('ECONNREFUSED');
    await server.start();
    expect(await server.query('SELECT id FROM keep.t ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test('sleeps and goes on', async () => {
    server.sigstop();
    await expect(server.connect({ connectTimeout: 300 })).rejects.toThrow('ETIMEDOUT');
    server.sigcont();
    expect(await server.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('takes options and durability; two servers differ in port, id and UUID', async () => {
    await using other = await start({ durable: true, config: { binlog_row_image: 'MINIMAL', log_bin: 'other' } });
    const sql =
      'SELECT @@server_id AS id, @@binlog_row_image AS image, @@sync_binlog AS sync_binlog, @@innodb_flush_log_at_trx_commit AS flush';
    const [own, others] = [(await server.query(sql))[0], (await other.query(sql))[0]];
    expect(others).toMatchObject({ image: 'MINIMAL', sync_binlog: 1, flush: 1 });
    expect(others?.['id']).not.toBe(own?.['id']);
    if (flavor === 'mysql') {
      expect(await other.query('SELECT @@server_uuid AS id')).not.toEqual(await server.query('SELECT @@server_uuid AS id'));
    }
  });

  test('runs without a binlog', async () => {
    await using other = await start({ config: { log_bin: false } });
    expect(await other.query('SELECT @@log_bin AS log_bin')).toEqual([{ log_bin: 0 }]);
  });

  test('a failed start shows the log', async () => {
    await expect(start({ config: { no_such_variable: 1 } })).rejects.toThrow(/unknown variable 'no_such_variable=1'/);
  });

  test('returns the rows of the last statement that has any', async () => {
    expect(await server.query('SELECT 1 AS a; SELECT 2 AS b; SET @x = 1')).toEqual([{ b: 2 }]);
    expect(await server.query('SET @x = 1')).toEqual([]);
    expect(await server.query('SELECT 1 AS a FROM keep.t WHERE id = 0')).toEqual([]);
  });

  test('sysbench works on it', async () => {
    expect(await sysbench(server, ['oltp_write_only', '--tables=2', '--table-size=100', 'prepare'])).toContain('Creating table');
    expect(
      await sysbench(server, ['oltp_write_only', '--tables=2', '--table-size=100', '--events=20', '--time=0', 'run']),
    ).toMatch(/transactions: +20 /);
    await expect(sysbench(server, ['no_such_test', 'run'])).rejects.toThrow('no_such_test');
  });
});

test('mysqlbinlog reads the binlog of a MySQL server', async () => {
  await using server = await startMysql();
  await server.query('CREATE SCHEMA seen');
  const [file] = await server.query('SHOW BINARY LOGS');
  expect(await mysqlbinlog(server, ['-v', String(file?.['Log_name'])])).toContain('CREATE SCHEMA seen');
});

test('a server dies with the process that started it, kill -9 included', async () => {
  const script = `
    import { startMariadb } from '${import.meta.dirname}/mariadb.ts';
    console.log((await startMariadb()).pid);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  parent.kill('SIGKILL');
  await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 5_000 }).toBe(false);
});
