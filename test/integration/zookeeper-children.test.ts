import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ZkClient } from '../../common/zookeeper/client.ts';
import { startZookeeper, TcpProxy, type ZkCluster } from '../servers/index.ts';

/** Many times what a connection takes here, and what a session lives without one. */
const CONNECT_MS = 5_000;

let cluster: ZkCluster;
const clients: ZkClient[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  cluster = await startZookeeper({ voters: 3, tickTime: 1000 });
});
afterAll(() => cluster.stop());
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const child of children.splice(0)) child.kill();
});

async function connect(servers = cluster.connectString): Promise<ZkClient> {
  const client = new ZkClient({ servers });
  clients.push(client);
  await client.session.whenConnected(CONNECT_MS);
  return client;
}

/** A process that lives until the test ends, with all that it inherits. */
async function startChild(): Promise<ChildProcess> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(child);
  await once(child, 'spawn');
  // After an answer a socket is in epoll only from the event loop's next turn on.
  await nextTurn();
  return child;
}

/** Empty where it is closed meanwhile: the child opens files of its own as it begins. */
function fileOf(pid: number, number: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${number}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

test('no child inherits the socket of a session', async () => {
  await connect();
  const { pid } = await startChild();
  const sockets = readdirSync(`/proc/${pid}/fd`).filter((number) => fileOf(pid!, number).startsWith('socket:'));
  expect(sockets, 'the package zookeeper is not compiled as docs/decisions/0020-close-on-exec.md says').toEqual([]);
});

test('clients connect one after the other while children live that were started during earlier sessions', async () => {
  let slowest = 0;
  for (let round = 0; round < 200; round++) {
    const startedAt = performance.now();
    const client = await connect();
    slowest = Math.max(slowest, performance.now() - startedAt);
    if (round % 20 === 0) await startChild();
    await client.close();
  }
  console.log(`200 clients: the slowest connected after ${Math.round(slowest)} ms`);
});

test('a session reconnects, and moves between servers, while children live that were started during it', async () => {
  const near = await TcpProxy.start(cluster.members[0]!);
  const far = await TcpProxy.start(cluster.members[1]!);
  const names = [near, far].map(({ port }) => `127.0.0.1:${port}`);
  const { session } = await connect(names.join(','));
  const { id } = session;
  const moveTo = async (name: string | undefined, cut: () => unknown) => {
    await startChild();
    const lost = session.whenChanged('/');
    await cut();
    await lost;
    await session.whenConnected(CONNECT_MS);
    expect(session.state).toMatchObject({ kind: 'connected', server: name, sessionId: id });
  };
  for (let round = 0; round < 10; round++) {
    await moveTo(names[0], () => near.closeConnections());
    await moveTo(names[1], () => near.cut());
    await near.restore();
    await moveTo(names[0], () => far.closeConnections());
  }
  await Promise.all([near.stop(), far.stop()]);
});

test('a session outlives its server while children live, and clients find the server when it is back', async () => {
  const [first, second] = cluster.members;
  const servers = [first!, second!].map(({ port }) => `127.0.0.1:${port}`).join(',');
  const { session } = await connect(servers);
  const { id } = session;
  await startChild();
  const lost = session.whenChanged('/');
  await first!.kill9();
  await lost;
  await session.whenConnected(CONNECT_MS);
  expect(session.state).toMatchObject({ kind: 'connected', server: `127.0.0.1:${second!.port}`, sessionId: id });
  await first!.start();
  const next = await connect(servers);
  expect(next.session.state).toMatchObject({ kind: 'connected', server: `127.0.0.1:${first!.port}` });
});
