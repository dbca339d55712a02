import mysql from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TargetSession } from '../../worker/target/session.ts';
import { startMysql, type DbServer } from '../servers/index.ts';

let server: DbServer;

beforeAll(async () => {
  server = await startMysql();
});

afterAll(() => server.stop());

const open = () => {
  const { host, port, user, password } = server;
  return TargetSession.open({ host, port, user, password });
};

test('a session that is cut rejects what is under way and what comes', async () => {
  const session = await open();
  const begun = performance.now();
  const running = session.query('SELECT SLEEP(8)');
  const waiting = session.query('SELECT 1');
  setTimeout(() => session.destroy(), 100);
  await expect(running).rejects.toMatchObject({ code: 'LK1302' });
  await expect(waiting).rejects.toMatchObject({ code: 'LK1302' });
  await expect(session.query('SELECT 1')).rejects.toMatchObject({ code: 'LK1302' });
  expect(performance.now() - begun).toBeLessThan(5000);
});

test('a session that the server ended while it was idle says that the connection is lost', async () => {
  const session = await open();
  const { host, port, user, password } = server;
  const admin = await mysql.createConnection({ host, port, user, password });
  await admin.query(`KILL ${session.connectionId}`);
  await expect.poll(() => session.usable).toBe(false);
  await expect(session.query('SELECT 1')).rejects.toMatchObject({ code: 'LK1302', retryable: true });
  await admin.end();
});
