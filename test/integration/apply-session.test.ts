import mysql from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askAbout } from '../../worker/target/answer-watch.ts';
import { TargetSession, type TargetSessionOptions } from '../../worker/target/session.ts';
import { startMysql, TcpProxy, type DbServer } from '../servers/index.ts';
import { freePort } from '../servers/process.ts';

let server: DbServer;

beforeAll(async () => {
  server = await startMysql();
});

afterAll(() => server.stop());

const open = ({ host, port }: { host: string; port: number } = server, options?: TargetSessionOptions) => {
  const { user, password } = server;
  return TargetSession.open({ host, port, user, password }, options);
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

test(
  'a line that swallows packets is found out; a statement that takes its time is not cut off',
  { timeout: 60_000 },
  async () => {
    await using proxy = await TcpProxy.start(server);
    const session = await open(proxy, { patienceMs: 200 });
    const [row] = await session.query<mysql.RowDataPacket[]>('SELECT SLEEP(3) AS slept');
    expect(Number(row!['slept'])).toBe(0);
    proxy.freeze();
    await expect(session.query('SELECT 1')).rejects.toMatchObject({ code: 'LK1302', retryable: true });
  },
);

test('the server tells what a session does', async () => {
  const { host, port, user, password } = server;
  const ask = (id: number) => askAbout({ host, port, user, password }, id);
  const session = await open();
  expect(await ask(session.connectionId)).toEqual({ kind: 'lost', why: 'its session is idle' });
  const slow = session.query('SELECT SLEEP(2)');
  await expect.poll(() => ask(session.connectionId)).toEqual({ kind: 'working' });
  await slow;
  expect(await ask(4_000_000)).toMatchObject({ kind: 'lost' });
  session.destroy();
  expect(await askAbout({ host, port: await freePort(), user, password }, 1)).toMatchObject({
    why: expect.stringContaining('ECONNREFUSED') as string,
  });
  expect(await askAbout({ host, port, user, password: 'wrong' }, 1)).toEqual({ kind: 'working' });
});
