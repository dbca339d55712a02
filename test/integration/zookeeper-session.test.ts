import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openAcl, userAcl, zkPerms } from '../../common/zookeeper/acl.ts';
import { ZkClient } from '../../common/zookeeper/client.ts';
import { ZkSession, type ZkSessionOptions, type ZkState } from '../../common/zookeeper/session.ts';
import { reportZnode, writeZnode } from '../../common/zookeeper/znode.ts';
import { watchChildren, watchData } from '../../common/zookeeper/watch.ts';
import { startZookeeper, TcpProxy, zkSuperAuth, type ZkCluster } from '../servers/index.ts';

let cluster: ZkCluster;
const open: { close(): Promise<void> }[] = [];
let folders = 0;

beforeAll(async () => {
  cluster = await startZookeeper({ voters: 3, observers: 1, tickTime: 1000 });
});
afterAll(() => cluster.stop());
afterEach(async () => {
  await Promise.all(open.splice(0).map((session) => session.close()));
});

async function connect(options: Partial<ZkSessionOptions> = {}): Promise<ZkSession> {
  const session = new ZkSession({ servers: cluster.connectString, ...options });
  open.push(session);
  await session.whenConnected();
  return session;
}

/** `root`: another one for sessions with credentials, since they take everything above for themselves. */
async function folder(session: ZkSession, root = '/lockkeeper'): Promise<string> {
  const path = `${root}/test/session-${++folders}`;
  await session.ensurePath(path);
  return path;
}

function statesOf(session: ZkSession): ZkState[] {
  const states: ZkState[] = [];
  session.onState((state) => states.push(state));
  return states;
}

const kinds = (states: readonly ZkState[]) => states.map(({ kind }) => kind);
const serverOf = (session: ZkSession) => (session.state.kind === 'connected' ? session.state.server : session.state.kind);
const until = (what: () => unknown, timeout = 10_000) => expect.poll(what, { timeout, interval: 10 });

describe('requests', () => {
  test('create, read, write by version, list and delete', async () => {
    const session = await connect();
    const path = await folder(session);
    expect(await session.create(`${path}/a`, 'one')).toBe(`${path}/a`);
    expect((await session.get(`${path}/a`)).data.toString()).toBe('one');
    expect((await session.set(`${path}/a`, 'two', 0)).version).toBe(1);
    await session.create(`${path}/b`);
    expect((await session.get(`${path}/b`)).data).toHaveLength(0);
    expect((await session.children(path)).sort()).toEqual(['a', 'b']);
    await session.delete(`${path}/a`, 1);
    expect(await session.exists(`${path}/a`)).toBeNull();
  });

  test('fail with a reason, a code and the path', async () => {
    const session = await connect();
    const path = await folder(session);
    await session.create(`${path}/a`);
    await session.create(`${path}/a/b`);
    const failures: Record<string, () => Promise<unknown>> = {
      'no-node': () => session.get(`${path}/none`),
      'node-exists': () => session.create(`${path}/a`),
      'bad-version': () => session.set(`${path}/a`, '', 9),
      'not-empty': () => session.delete(`${path}/a`),
      'bad-request': () => session.create('relative'),
    };
    for (const [reason, fail] of Object.entries(failures)) {
      await expect(fail()).rejects.toMatchObject({ reason, code: 'LK1705', uncertain: false });
    }
    await expect(session.get(`${path}/none`)).rejects.toThrow(`${path}/none`);
  });

  test('carry a value of nearly a megabyte', async () => {
    const session = await connect();
    const path = await folder(session);
    const value = Buffer.alloc(1_000_000, 'x');
    await session.create(`${path}/large`, value);
    expect((await session.get(`${path}/large`)).data.equals(value)).toBe(true);
  });

  test('carry digest credentials', async () => {
    const session = await connect({ digestAuth: zkSuperAuth });
    // Only the super user gets as far as the version.
    await expect(session.set('/zookeeper/config', '', 999)).rejects.toMatchObject({ reason: 'bad-version' });
    await expect((await connect()).set('/zookeeper/config', '', 999)).rejects.toMatchObject({ reason: 'not-allowed' });
  });

  test('give nodes to their user alone', async () => {
    const mine = await connect({ digestAuth: 'me:secret' });
    const others = await connect({ digestAuth: 'me:guess' });
    const anybody = await connect();
    const path = `${await folder(anybody, '/guarded')}/mine`;
    await mine.ensurePath(`${path}/below`);
    const made = await mine.createProtected(path, 'node');
    for (const node of [path, `${path}/below`, made]) {
      for (const stranger of [others, anybody]) {
        await expect(stranger.get(node)).rejects.toMatchObject({ reason: 'not-allowed' });
        await expect(stranger.set(node, '')).rejects.toMatchObject({ reason: 'not-allowed' });
        await expect(stranger.create(`${node}/x`)).rejects.toMatchObject({ reason: 'not-allowed' });
        await expect(stranger.setAcl(node, openAcl)).rejects.toMatchObject({ reason: 'not-allowed' });
      }
    }
    const shared = [...userAcl('me:secret'), ...userAcl('you:too', zkPerms.read)];
    await mine.create(`${path}/shared`, 'data', { acl: shared });
    expect((await (await connect({ digestAuth: 'you:too' })).get(`${path}/shared`)).data.toString()).toBe('data');
    await mine.setAcl(`${path}/shared`, openAcl, 1);
    await expect(mine.setAcl(`${path}/shared`, shared, 1)).rejects.toMatchObject({ reason: 'bad-version' });
    await anybody.set(`${path}/shared`, 'anybody’s');
  });

  test('take over nodes that were left open by a maker cut off half way', async () => {
    const anybody = await connect();
    const above = await folder(anybody, '/left-open');
    const mine = await connect({ digestAuth: 'me:secret' });
    const nodes = ['ensured', 'written', 'reported'].map((name) => `${above}/${name}`);
    for (const node of nodes) await anybody.create(node);
    await mine.ensurePath(nodes[0]!);
    await writeZnode(mine, nodes[1]!, 'text');
    await reportZnode(mine, nodes[2]!, 'text');
    for (const node of [above, ...nodes]) {
      await expect(anybody.get(node), node).rejects.toMatchObject({ reason: 'not-allowed' });
    }
  });

  test('leave nodes as they are that somebody else has given a list', async () => {
    const anybody = await connect();
    const path = `${await folder(anybody, '/shared')}/node`;
    await anybody.create(path);
    await anybody.setAcl(path, openAcl);
    await (await connect({ digestAuth: 'me:secret' })).ensurePath(path);
    expect((await anybody.exists(path))?.aversion).toBe(1);
    await anybody.set(path, '');
  });

  test('carry credentials on each further connection', async () => {
    const proxy = await TcpProxy.start(cluster.members[0]!);
    const session = await connect({ servers: `127.0.0.1:${proxy.port}`, digestAuth: 'me:secret' });
    const path = `${await folder(session, '/reconnecting')}/node`;
    await session.create(path);
    for (let round = 0; round < 3; round++) {
      proxy.closeConnections();
      await until(() => session.state.kind).toBe('suspended');
      await session.whenConnected();
      await session.set(path, String(round));
    }
    await proxy.cut();
  });

  test('fail with LK1701 when no server can be reached', async () => {
    const session = new ZkSession({ servers: '127.0.0.1:1,127.0.0.1:2', requestWaitMs: 500 });
    open.push(session);
    await expect(session.get('/')).rejects.toMatchObject({ code: 'LK1701', reason: 'connection-loss', uncertain: false });
  });
});

describe('servers', () => {
  test('are tried in order, and found whichever single one is left', async () => {
    const order = [...cluster.members].reverse();
    const names = order.map(({ port }) => `127.0.0.1:${port}`);
    expect(serverOf(await connect({ servers: names.join(',') }))).toBe(names[0]);
    for (let live = 0; live < names.length; live++) {
      const some = names.map((name, i) => (i === live ? name : `127.0.0.1:${i + 1}`));
      expect(serverOf(await connect({ servers: some.join(',') }))).toBe(names[live]);
    }
  });

  test('an observer comes first, voters take over when it dies, within the same session', async () => {
    const [first, , , observer] = cluster.members;
    const servers = [observer!, first!].map(({ port }) => `127.0.0.1:${port}`).join(',');
    const session = await connect({ servers });
    expect(serverOf(session)).toBe(`127.0.0.1:${observer!.port}`);
    const { id } = session;
    const states = statesOf(session);
    const killedAt = performance.now();
    await observer!.kill9();
    await until(() => serverOf(session)).toBe(`127.0.0.1:${first!.port}`);
    console.log(`observer killed: on a voter after ${Math.round(performance.now() - killedAt)} ms`);
    expect([session.id, kinds(states)]).toEqual([id, ['suspended', 'connected']]);
    expect(performance.now() - killedAt).toBeLessThan(1_000);
    await observer!.start();
    expect(serverOf(await connect({ servers }))).toBe(`127.0.0.1:${observer!.port}`);
  });

  test('a silent one is left before the lease ends', async () => {
    const proxy = await TcpProxy.start(cluster.members[3]!);
    const session = await connect({ servers: `127.0.0.1:${proxy.port},${cluster.connectString}`, sessionTimeoutMs: 6_000 });
    expect(serverOf(session)).toBe(`127.0.0.1:${proxy.port}`);
    const { id } = session;
    proxy.freeze();
    let alwaysValid = true;
    const deadline = performance.now() + 6_000;
    while (performance.now() < deadline && serverOf(session) !== `127.0.0.1:${cluster.members[0]!.port}`) {
      alwaysValid &&= session.lease.valid;
      await sleep(5);
    }
    expect([serverOf(session), session.id, alwaysValid]).toEqual([`127.0.0.1:${cluster.members[0]!.port}`, id, true]);
    await proxy.cut();
  });

  test('names are resolved anew for each round, and a name that stops resolving keeps its addresses', async () => {
    const proxy = await TcpProxy.start(cluster.members[0]!);
    let answers: (() => Promise<string[]>)[] = [async () => ['127.0.0.1']];
    const resolve = () => (answers.shift() ?? (() => Promise.reject(new Error('no such name'))))();
    const session = await connect({ servers: `zk.example:${proxy.port}`, resolve });
    const { id } = session;
    answers = [];
    proxy.closeConnections();
    await until(() => session.state.kind).toBe('suspended');
    await session.whenConnected();
    expect(session.id).toBe(id);
    await proxy.cut();
  });
});

describe('watches', () => {
  test('deliver data through creation, changes, deletion and lost connections', async () => {
    const proxy = await TcpProxy.start(cluster.members[0]!);
    const session = await connect({ servers: `127.0.0.1:${proxy.port}` });
    const other = await connect();
    const path = `${await folder(other)}/watched`;
    const seen: (string | null)[] = [];
    const stop = new AbortController();
    const done = watchData(session, path, (value) => seen.push(value && value.data.toString()), stop.signal);
    const newest = () => seen.at(-1);
    await until(newest).toBe(null);
    await other.create(path, '1');
    await until(newest).toBe('1');
    await other.set(path, '2');
    await until(newest).toBe('2');
    proxy.closeConnections();
    await other.set(path, '3'); // while the watcher is away
    await until(newest).toBe('3');
    await other.set(path, '4');
    await until(newest).toBe('4');
    await other.delete(path);
    await until(newest).toBe(null);
    await other.create(path, '5');
    await until(newest).toBe('5');
    stop.abort();
    await done;
    expect(session.watchedPaths).toBe(0);
    await proxy.cut();
  });

  test('miss nothing however fast it changes', async () => {
    const [session, other] = [await connect(), await connect()];
    const path = await folder(other);
    let names: readonly string[] = [];
    const stop = new AbortController();
    const done = watchChildren(session, path, (now) => (names = now ?? []), stop.signal);
    await Promise.all(Array.from({ length: 200 }, (_, i) => other.create(`${path}/${i}`)));
    await until(() => names.length).toBe(200);
    await Promise.all(Array.from({ length: 199 }, (_, i) => other.delete(`${path}/${i}`)));
    await until(() => names).toEqual(['199']);
    stop.abort();
    await done;
  });

  test('end with the session', async () => {
    const session = await connect();
    const done = watchData(session, '/lockkeeper', () => undefined, new AbortController().signal);
    await session.close();
    await expect(done).resolves.toBeUndefined();
    await expect(session.get('/')).rejects.toMatchObject({ reason: 'closed' });
  });
});

describe('lost connections', () => {
  test('protected nodes are created exactly once', async () => {
    const proxy = await TcpProxy.start(cluster.members[1]!);
    const session = await connect({ servers: `127.0.0.1:${proxy.port}` });
    const other = await connect();
    const path = await folder(other);
    const { id } = session;
    let running = true;
    const breaking = (async () => {
      while (running) {
        // Some are lost on the way there, some on the way back.
        proxy.delay(Math.random() < 0.5 ? 3 : 0);
        await sleep(10 + Math.random() * 40);
        proxy.closeConnections();
        await session.whenConnected();
      }
    })();
    const created: string[] = [];
    for (let i = 0; i < 150; i++) created.push(await session.createProtected(path, 'w'));
    running = false;
    await breaking;
    const found = (await other.children(path)).map((name) => `${path}/${name}`);
    expect(found.sort()).toEqual(created.sort());
    expect(session.id).toBe(id);
    for (const node of created) await session.deleteSurely(node);
    expect(await other.children(path)).toEqual([]);
    await proxy.cut();
  });

  test('hundreds of reconnections leak neither watches nor memory', async () => {
    const proxy = await TcpProxy.start(cluster.members[2]!);
    const session = await connect({ servers: `127.0.0.1:${proxy.port}` });
    const { id } = session;
    const round = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const lost = session.whenChanged('/lockkeeper');
        await session.exists('/lockkeeper', { watch: true });
        proxy.closeConnections();
        await lost;
        await session.whenConnected();
      }
      globalThis.gc?.();
      return process.memoryUsage().rss;
    };
    const before = await round(100);
    const after = await round(300);
    console.log(`300 reconnections: ${((after - before) / 1e6).toFixed(1)} MB`);
    expect(after - before).toBeLessThan(30e6);
    expect([session.watchedPaths, session.id]).toEqual([0, id]);
    await proxy.cut();
  });

  test('expire the session after its timeout, never before the lease; the client makes a new one', async () => {
    const proxy = await TcpProxy.start(cluster.members[0]!);
    const client = new ZkClient({ servers: `127.0.0.1:${proxy.port}`, sessionTimeoutMs: 2_000 });
    open.push(client);
    const sessions: ZkSession[] = [];
    client.onSession((session) => sessions.push(session));
    await client.session.whenConnected();
    const other = await connect();
    const node = `${await folder(other)}/ephemeral`;
    await client.session.create(node, '', { ephemeral: true });
    const { lease } = client.session;
    await proxy.cut();
    await until(() => lease.valid).toBe(false);
    expect(await other.exists(node)).not.toBeNull();
    await until(async () => other.exists(node), 15_000).toBeNull();
    await proxy.restore();
    await until(() => sessions.length).toBe(2);
    expect([sessions[0]!.state.kind, sessions[1]!.state.kind]).toEqual(['expired', 'connected']);
    await expect(sessions[0]!.get('/')).rejects.toMatchObject({ code: 'LK1702' });
    expect(lease.valid).toBe(false);
    await proxy.cut();
  });
});

describe('the lease', () => {
  test('ends while an observer that has lost the voters still answers reads', async () => {
    const [a, b, c, observer] = cluster.members;
    const session = await connect({ servers: `127.0.0.1:${observer!.port}` });
    for (const voter of [a!, b!, c!]) voter.sigstop();
    await sleep(1_000);
    // What a renewal by an ordinary read would have taken for a sign of life.
    const reader = new ZkSession({ servers: `127.0.0.1:${observer!.port}` });
    expect(await observer!.fourLetterWord('srvr')).toContain('Mode: observer');
    await reader.close();
    await until(() => session.lease.valid, 6_000).toBe(false);
    for (const voter of [a!, b!, c!]) voter.sigcont();
    await until(() => session.lease.valid || session.ended, 20_000).toBe(true);
  });

  test('and the session outlast a loss of quorum much longer than the timeout', async () => {
    const session = await connect();
    const { id } = session;
    const states = statesOf(session);
    const [, b, c] = cluster.members;
    await Promise.all([b!.kill9(), c!.kill9()]);
    await until(() => session.lease.valid, 6_000).toBe(false);
    await sleep(9_000);
    await Promise.all([b!.start(), c!.start()]);
    await until(() => session.lease.valid, 20_000).toBe(true);
    expect([session.id, session.state.kind, kinds(states).includes('expired')]).toEqual([id, 'connected', false]);
  });

  test('ends with close, which takes the ephemeral nodes along at once', async () => {
    const [session, other] = [await connect(), await connect()];
    const node = `${await folder(other)}/ephemeral`;
    await session.create(node, '', { ephemeral: true });
    const startedAt = performance.now();
    await session.close();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await other.sync();
    expect([await other.exists(node), session.lease.valid]).toEqual([null, false]);
  });
});
