import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ZkClient } from '../../common/zookeeper/client.ts';
import {
  configPath,
  electionPath,
  instanceConfigPath,
  instancePath,
  namespacePath,
  pipelinePath,
  pipelinesPath,
  sourcePath,
  statusPath,
  workerPath,
} from '../../common/zookeeper/paths.ts';
import { removeInstance, removePipeline, sweepPipeline } from '../../common/zookeeper/removal.ts';
import { ZkSession } from '../../common/zookeeper/session.ts';
import { watchEach } from '../../common/zookeeper/following.ts';
import { readZnode, reportZnode, writeZnode } from '../../common/zookeeper/znode.ts';
import { startZookeeper, TcpProxy, type ZkCluster } from '../servers/index.ts';

let cluster: ZkCluster;
let instances = 0;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  cluster = await startZookeeper({ voters: 1, tickTime: 500 });
});
afterAll(() => cluster.stop());
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

const newInstance = () => ({ namespace: 'shop', instance: `i${++instances}` });
const until = (what: () => unknown) => expect.poll(what, { timeout: 30_000, interval: 10 });

async function connect(): Promise<ZkSession> {
  const session = new ZkSession({ servers: cluster.connectString });
  open.push(session);
  await session.whenConnected();
  return session;
}

describe('writing', () => {
  test('makes the nodes above, and tells whether anything changed', async () => {
    const session = await connect();
    const path = configPath(newInstance(), 'p');
    expect(await readZnode(session, path)).toBeNull();
    expect(await writeZnode(session, path, 'a')).toBe('written');
    expect(await writeZnode(session, path, 'a')).toBe('unchanged');
    expect(await writeZnode(session, path, 'b')).toBe('written');
    expect(await readZnode(session, path)).toBe('b');
    expect((await session.exists(path))?.version).toBe(1);
  });

  test('that was given up writes nothing later, be there a text already or none', async () => {
    const session = await connect();
    const ref = newInstance();
    const aborted = AbortSignal.abort(new Error('given up'));
    await expect(writeZnode(session, configPath(ref, 'p'), 'late', aborted)).rejects.toThrow('given up');
    expect(await readZnode(session, configPath(ref, 'p'))).toBeNull();
    await writeZnode(session, configPath(ref, 'p'), 'newer');
    await expect(writeZnode(session, configPath(ref, 'p'), 'late', aborted)).rejects.toThrow('given up');
    expect(await readZnode(session, configPath(ref, 'p'))).toBe('newer');
  });

  test('by several at once ends with the text of one, each version written once', async () => {
    const sessions = await Promise.all([connect(), connect(), connect(), connect()]);
    const path = configPath(newInstance(), 'p');
    const texts = sessions.map((_, i) => `writer ${i}`);
    const outcomes = await Promise.all(sessions.map((session, i) => writeZnode(session, path, texts[i]!)));
    expect(outcomes).toEqual(['written', 'written', 'written', 'written']);
    expect(texts).toContain(await readZnode(sessions[0], path));
    expect((await sessions[0].exists(path))?.version).toBe(3);
  });

  test('a report does not bring back what is above it', async () => {
    const session = await connect();
    const ref = newInstance();
    await expect(reportZnode(session, statusPath(ref, 'p'), '1')).rejects.toMatchObject({ reason: 'no-node' });
    await session.ensurePath(pipelinePath(ref, 'p'));
    await reportZnode(session, statusPath(ref, 'p'), '1');
    await reportZnode(session, statusPath(ref, 'p'), '2');
    expect(await readZnode(session, statusPath(ref, 'p'))).toBe('2');
  });
});

describe('removal', () => {
  test('of a pipeline waits for its candidates, and leaves nothing', async () => {
    const [operator, worker] = await Promise.all([connect(), connect()]);
    const ref = newInstance();
    await writeZnode(operator, configPath(ref, 'p'), '{}');
    await reportZnode(worker, statusPath(ref, 'p'), '{}');
    await worker.ensurePath(electionPath(ref, 'p'));
    const candidate = await worker.createProtected(electionPath(ref, 'p'), 'w');
    expect(await removePipeline(operator, ref, 'p')).toBe(false);
    expect(await readZnode(operator, configPath(ref, 'p'))).toBeNull();
    await worker.delete(candidate);
    expect(await removePipeline(operator, ref, 'p')).toBe(true);
    expect(await removePipeline(operator, ref, 'p')).toBe(true);
    expect(await operator.children(pipelinesPath(ref))).toEqual([]);
  });

  test('of leftovers spares a pipeline that has come back', async () => {
    const session = await connect();
    const ref = newInstance();
    await session.ensurePath(electionPath(ref, 'gone'));
    await reportZnode(session, statusPath(ref, 'gone'), '{}');
    await writeZnode(session, configPath(ref, 'back'), '{}');
    await reportZnode(session, statusPath(ref, 'back'), '{}');
    for (const name of ['gone', 'back', 'never']) await sweepPipeline(session, ref, name);
    expect(await session.children(pipelinesPath(ref))).toEqual(['back']);
    expect(await readZnode(session, statusPath(ref, 'back'))).toBe('{}');
  });

  test('of an instance waits for its pipelines and workers', async () => {
    const [operator, worker] = await Promise.all([connect(), connect()]);
    const ref = newInstance();
    await writeZnode(operator, instanceConfigPath(ref), '{}');
    await reportZnode(worker, sourcePath(ref), '{}');
    await writeZnode(operator, configPath(ref, 'p'), '{}');
    await writeZnode(worker, `${instancePath(ref)}/workers`, '');
    await worker.create(workerPath(ref, 'w'), '', { ephemeral: true });
    expect(await removeInstance(operator, ref)).toBe(false);
    await removePipeline(operator, ref, 'p');
    expect(await removeInstance(operator, ref)).toBe(false);
    await worker.close();
    await until(() => removeInstance(operator, ref)).toBe(true);
    expect(await operator.children(namespacePath(ref.namespace))).not.toContain(ref.instance);
  });
});

describe('following one node of each child', () => {
  test('tells each text once, through changes of both, and over an expired session', async () => {
    const writing = await connect();
    const ref = newInstance();
    const proxy = await TcpProxy.start(cluster.members[0]!);
    const client = new ZkClient({ servers: `127.0.0.1:${proxy.port}`, sessionTimeoutMs: 2_000 });
    open.push(client);
    const told: string[] = [];
    const stop = watchEach(client, pipelinesPath(ref), (name) => statusPath(ref, name), {
      told: (name, text) => told.push(`${name} ${text}`),
      failed: (name, error) => told.push(`${name} failed ${String(error)}`),
    });
    await writeZnode(writing, statusPath(ref, 'a'), '1');
    await until(() => told).toEqual(['a 1']);
    await writing.ensurePath(pipelinePath(ref, 'b')); // without the node: nothing to tell
    await writeZnode(writing, statusPath(ref, 'a'), '2');
    await until(() => told).toEqual(['a 1', 'a 2']);
    await writeZnode(writing, statusPath(ref, 'b'), '1');
    await until(() => told.slice(2)).toEqual(['b 1']);
    const { session } = client;
    await proxy.cut();
    await removePipeline(writing, ref, 'b');
    await writeZnode(writing, statusPath(ref, 'c'), '1');
    await sleep(4_000);
    await proxy.restore();
    await until(() => told.slice(3).sort()).toEqual(['b null', 'c 1']); // a is the same as before
    expect(session.state.kind).toBe('expired');
    stop();
    await writeZnode(writing, statusPath(ref, 'c'), '2');
    await sleep(300);
    expect(told).toHaveLength(5);
    await proxy.cut();
  });

  test('tries again where it may not read, until it may', async () => {
    const writing = await connect();
    const ref = newInstance();
    const client = new ZkClient({ servers: cluster.connectString });
    open.push(client);
    const told: string[] = [];
    let broken = true;
    const stop = watchEach(client, pipelinesPath(ref), (name) => statusPath(ref, name), {
      told: (name, text) => {
        if (broken) throw new Error('not now');
        told.push(`${name} ${text}`);
      },
      failed: (name, error) => {
        broken = false;
        told.push(`${name} failed ${(error as Error).message}`);
      },
    });
    await writeZnode(writing, statusPath(ref, 'a'), '1');
    await until(() => told).toEqual(['a failed not now']);
    await writeZnode(writing, statusPath(ref, 'a'), '2');
    await until(() => told.slice(1)).toEqual(['a 2']);
    stop();
  });
});
