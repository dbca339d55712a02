import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { newCredentials, superAuth, workerAuth } from '../../operator/zkensemble/credentials.ts';
import { ZkSession } from '../../common/zookeeper/session.ts';
import { openAcl } from '../../common/zookeeper/acl.ts';
import { ZookeeperAccess } from '../../operator/zkensemble/zookeeper-access.ts';
import { LocalEnsemble } from '../servers/local-ensemble.ts';
import { hasQuorum, localSpec, operate, outline, type TakenStep } from '../support/ensemble-operator.ts';
import { ZookeeperWriter } from '../support/zookeeper-writer.ts';

const open: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.stop()));
});

function ensemble(spec = localSpec()): LocalEnsemble {
  const made = new LocalEnsemble(spec, newCredentials());
  open.push(made);
  return made;
}

async function formed(spec = localSpec()): Promise<LocalEnsemble> {
  const made = ensemble(spec);
  await operate(made);
  return made;
}

function writer(made: LocalEnsemble, ids: readonly number[]): ZookeeperWriter {
  return new ZookeeperWriter(ids.map((id) => made.address(id)).join(','), workerAuth(made.credentials));
}

/** Servers are stopped, and members change, only while a quorum serves. */
function withQuorum({ step, view }: TakenStep): void {
  if (!['restart', 'reconfig', 'resize'].includes(step.kind)) return;
  expect(hasQuorum(view), JSON.stringify(step)).toBe(true);
}

async function modes(made: LocalEnsemble): Promise<Record<number, string>> {
  const access = new ZookeeperAccess(made.credentials);
  const { view } = await made.observe(access);
  await access.close();
  return Object.fromEntries(view.servers.filter(({ says }) => says !== null).map(({ server, says }) => [server.id, says!.mode]));
}

async function session(made: LocalEnsemble, ids: readonly number[], digestAuth?: string): Promise<ZkSession> {
  const servers = ids.map((id) => made.address(id)).join(',');
  const opened = new ZkSession({ servers, ...(digestAuth === undefined ? {} : { digestAuth }) });
  open.push({ stop: () => opened.close() });
  await opened.whenConnected();
  return opened;
}

describe('an ensemble of real servers', () => {
  test('grows and shrinks under a writing client, each step by another operator, and loses nothing', async () => {
    const made = await formed();
    const load = writer(made, [1, 2, 3, 4, 5, 11, 12]);
    const each = { newOperatorEachStep: true, before: withQuorum };

    made.spec = localSpec({ voters: { replicas: 5 }, observers: [{ region: 'east', replicas: 2 }] });
    const up = outline(await operate(made, each));
    expect(up.filter((step) => !step.includes('1'))).toEqual(['voters 3>4', 'add 4 voter', 'voters 4>5', 'add 5 voter']);
    expect(Object.values(await modes(made)).sort()).toEqual([
      ...['follower', 'follower', 'follower', 'follower', 'leader', 'observer', 'observer'],
    ]);

    made.spec = localSpec({ observers: [{ region: 'east', replicas: 1 }] });
    const down = outline(await operate(made, each));
    expect(down.filter((step) => !/1/.test(step))).toEqual(['remove 5', 'voters 5>4', 'remove 4', 'voters 4>3']);
    expect(down).toContain('remove 12');

    made.spec = localSpec({ voters: { replicas: 1 } });
    expect(outline(await operate(made, each))).toContain('no observers-east');
    expect(await modes(made)).toEqual({ 1: 'leader' });

    // The volumes of the servers 2 and 3 are still there, and so is the observer's.
    made.spec = localSpec({ observers: [{ region: 'east', replicas: 1 }] });
    await operate(made, each);
    expect(Object.values(await modes(made)).sort()).toEqual(['follower', 'follower', 'leader', 'observer']);

    const missing = await load.missing([1, 2, 3, 11].map((id) => made.address(id)));
    console.log(`${load.acknowledged} writes, the longest gap ${Math.round(load.longestGap)} ms`);
    expect(load.acknowledged).toBeGreaterThan(200);
    expect(Object.values(missing)).toEqual([[], [], [], []]);
  });

  test('is restarted one server at a time, the leader last, with a quorum all the while', async () => {
    const made = await formed(localSpec({ observers: [{ region: 'east', replicas: 1 }] }));
    const load = writer(made, [1, 2, 3, 11]);
    const leader = Object.entries(await modes(made)).find(([, mode]) => mode === 'leader')![0];
    made.spec = localSpec({ observers: [{ region: 'east', replicas: 1 }], config: { maxClientCnxns: 77 } });
    const taken = await operate(made, { newOperatorEachStep: true, before: withQuorum });
    const restarts = outline(taken);
    expect(restarts).toHaveLength(4);
    expect(new Set(restarts)).toEqual(new Set(['restart 1', 'restart 2', 'restart 3', 'restart 11']));
    expect(restarts.at(-1)).toBe(`restart ${leader}`);
    for (const { step, view } of taken) {
      expect(step).toMatchObject({ reasons: ['zoo.cfg changed'] });
      expect(view.servers.filter(({ says }) => says === null)).toEqual([]);
    }
    expect(Object.values(await load.missing([1, 2, 3, 11].map((id) => made.address(id))))).toEqual([[], [], [], []]);
    console.log(`${load.acknowledged} writes, the longest gap ${Math.round(load.longestGap)} ms`);
  });

  test('outlives the kill of each of its servers in turn, the leader’s too, and loses nothing', async () => {
    const made = await formed(localSpec({ observers: [{ region: 'east', replicas: 1 }] }));
    const ids = [1, 2, 3, 11];
    const load = writer(made, ids);
    for (const id of ids) {
      const { acknowledged } = load;
      await made.byId(id).kill9();
      expect(outline(await operate(made))).toEqual([]);
      await expect.poll(() => load.acknowledged, { timeout: 20_000 }).toBeGreaterThan(acknowledged + 10);
    }
    expect(Object.values(await load.missing(ids.map((id) => made.address(id))))).toEqual([[], [], [], []]);
    console.log(`${load.acknowledged} writes, the longest gap ${Math.round(load.longestGap)} ms`);
  });

  test('is made whole again by whoever finds a change half done', async () => {
    const made = await formed();
    made.spec = localSpec({ voters: { replicas: 5 } });
    // The answer to each change of the members is lost, and so is whoever waited for it.
    const lost: string[] = [];
    const taken = await operate(made, {
      newOperatorEachStep: true,
      access: (access) => {
        const lossy = Object.create(access) as typeof access;
        lossy.ask = (server) => access.ask(server);
        lossy.config = (servers) => access.config(servers);
        lossy.secure = (servers) => access.secure(servers);
        lossy.writeBarrier = (servers) => access.writeBarrier(servers);
        lossy.reconfigure = async (servers, change) => {
          await access.reconfigure(servers, change);
          lost.push(change.fromVersion);
        };
        return lossy;
      },
    });
    expect(lost).toHaveLength(2);
    expect(outline(taken)).toEqual(['voters 3>4', 'add 4 voter', 'voters 4>5', 'add 5 voter']);
  });
});

describe('a server', () => {
  test('that restarts before it is made a member, having learnt a configuration without itself, comes up', async () => {
    const made = await formed();
    made.spec = localSpec({ voters: { replicas: 5 } });
    await operate(made, { until: (step) => step.kind === 'reconfig' });
    expect((await modes(made))[4]).toBe('follower');
    await made.byId(4).kill9();
    expect(outline(await operate(made))).toEqual(['add 4 voter', 'voters 4>5', 'add 5 voter']);
    expect(
      made
        .byId(4)
        .log()
        .match(/server 4 begins as observer/g),
    ).toHaveLength(2);
  });

  test('that was removed and is restarted by somebody serves nobody and takes part in nothing', async () => {
    const made = await formed(localSpec({ voters: { replicas: 5 } }));
    const load = writer(made, [1, 2, 3]);
    made.spec = localSpec();
    await operate(made);
    // Two servers whose volumes still tell of five members, at once: with a third of them they could be a quorum.
    made.setSize('voters', 5);
    await sleep(4_000);
    const access = new ZookeeperAccess(made.credentials);
    const { view } = await made.observe(access);
    await access.close();
    expect(view.config?.members.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(view.servers.filter(({ says }) => says?.mode === 'leader')).toHaveLength(1);
    expect(outline(await operate(made))).toEqual(['voters 5>4', 'voters 4>3']);
    expect(Object.values(await load.missing([1, 2, 3].map((id) => made.address(id))))).toEqual([[], [], []]);
  });

  test('that lost its disk votes no sooner than it has copied everything', async () => {
    const made = await formed();
    const load = writer(made, [1, 2, 3]);
    await sleep(500);
    await made.byId(2).wipe();
    await operate(made);
    await sleep(1_000);
    expect(await operate(made)).toEqual([]);
    expect(made.byId(2).log()).toContain('server 2 begins as observer');
    // It is a voter again: with it the other two can spare one.
    await made.byId(1).stop();
    await sleep(2_000);
    await operate(made);
    expect(Object.values(await load.missing([1, 2, 3].map((id) => made.address(id))))).toEqual([[], [], []]);
  });

  test('is told apart from one that runs but serves nobody', async () => {
    const made = await formed();
    expect([await made.byId(1).health('live'), await made.byId(1).health('ready')]).toEqual([true, true]);
    await Promise.all([made.byId(2).wipe(), made.byId(3).wipe()]);
    await expect.poll(() => made.byId(1).health('ready'), { timeout: 20_000 }).toBe(false);
    expect(await made.byId(1).health('live')).toBe(true);
  });
});

describe('lost data', () => {
  test('of a majority is not papered over, unless the spec says that data may go', async () => {
    const made = await formed();
    const load = writer(made, [1, 2, 3]);
    await expect.poll(() => load.acknowledged, { timeout: 20_000 }).toBeGreaterThan(20);
    await made.byId(3).stop();
    const missing = await load.missing([made.address(1)]);
    expect(missing).toEqual({ [made.address(1)]: [] });
    await Promise.all([made.byId(2).wipe(), made.byId(3).wipe()]);
    const waits: string[] = [];
    const isLost = (step: TakenStep['step']) => {
      if (step.kind === 'wait') waits.push(...step.waiting.map(({ reason }) => reason));
      return waits.includes('MajorityLost');
    };
    await operate(made, { until: isLost });
    await sleep(3_000);
    await operate(made, { until: isLost });
    expect(await modes(made)).toEqual({});

    // Now by somebody's word: one empty server may vote beside the one that still has everything.
    made.spec = { ...made.spec, storage: { ...made.spec.storage, ephemeral: true } };
    const told = await operate(made, { until: (step) => step.kind === 'wait' });
    expect(told.map(({ step }) => step)).toMatchObject([{ kind: 'publish', published: { mayVote: [2] } }]);
    const live = () => Promise.all([1, 2, 3].map((id) => made.byId(id).health('live')));
    await expect.poll(live, { timeout: 60_000, interval: 500 }).toEqual([true, false, true]);
    await made.byId(2).kill9(); // as the kubelet does
    await operate(made);
    expect(Object.values(await modes(made)).sort()).toEqual(['follower', 'follower', 'leader']);
    for (const id of [1, 2, 3]) {
      const reader = await session(made, [id], workerAuth(made.credentials));
      expect((await reader.children('/lockkeeper/load')).length).toBeGreaterThanOrEqual(load.acknowledged);
    }
  });

  test('of everybody begins a new ensemble', async () => {
    const made = await formed(localSpec({ storage: { ephemeral: true } }));
    await Promise.all([1, 2, 3].map((id) => made.byId(id).wipe()));
    await operate(made);
    expect(Object.values(await modes(made)).sort()).toEqual(['follower', 'follower', 'leader']);
  });
});

describe('access', () => {
  test('is the operator’s and the workers’, and nobody’s without a password', async () => {
    const made = await formed();
    const ids = [1, 2, 3];
    const worker = await session(made, ids, workerAuth(made.credentials));
    const anybody = await session(made, ids);
    const guesser = await session(made, ids, 'super:guess');
    await worker.ensurePath('/lockkeeper/ns/orders/workers');
    await worker.create('/lockkeeper/ns/orders/workers/w1', 'here', { ephemeral: true });

    for (const stranger of [anybody, guesser]) {
      const refused = { reason: 'not-allowed' };
      await expect(stranger.children('/lockkeeper')).rejects.toMatchObject(refused);
      await expect(stranger.get('/lockkeeper/ns/orders/workers/w1')).rejects.toMatchObject(refused);
      await expect(stranger.create('/lockkeeper/mine')).rejects.toMatchObject(refused);
      await expect(stranger.set('/lockkeeper', '')).rejects.toMatchObject(refused);
      await expect(stranger.setAcl('/lockkeeper', openAcl)).rejects.toMatchObject(refused);
      await expect(stranger.setAcl('/', openAcl)).rejects.toMatchObject(refused);
      await expect(stranger.set('/zookeeper/config', '')).rejects.toMatchObject(refused);
    }
    for (const client of [anybody, guesser, worker]) {
      const version = /version=(.*)/.exec((await client.get('/zookeeper/config')).data.toString())![1]!;
      const change = { joining: [], leaving: [3], fromVersion: version };
      await expect(client.reconfigure(change)).rejects.toMatchObject({ reason: 'not-allowed' });
    }
    // What workers were given they cannot give away; what they make they can.
    await expect(worker.setAcl('/lockkeeper', openAcl)).rejects.toMatchObject({ reason: 'not-allowed' });
    await anybody.create('/elsewhere', 'the rest of the tree is open as ever');
  });

  test('moves to new passwords, after which the old ones are worth nothing', async () => {
    const made = await formed(localSpec({ voters: { replicas: 1 } }));
    const old = made.credentials;
    const worker = await session(made, [1], workerAuth(old));
    await worker.ensurePath('/lockkeeper/ns/orders');
    made.useCredentials(newCredentials());
    expect(outline(await operate(made))).toEqual(['restart 1']);
    const before = await session(made, [1], workerAuth(old));
    await expect(before.children('/lockkeeper/ns')).rejects.toMatchObject({ reason: 'not-allowed' });
    const after = await session(made, [1], workerAuth(made.credentials));
    expect(await after.children('/lockkeeper/ns')).toEqual(['orders']);
    await after.create('/lockkeeper/ns/orders/x');
    const oldSuper = await session(made, [1], superAuth(old));
    await expect(oldSuper.children('/lockkeeper')).rejects.toMatchObject({ reason: 'not-allowed' });
  });

  test('is closed from top to bottom where it was open before', async () => {
    const made = ensemble();
    const access = new ZookeeperAccess(made.credentials);
    open.push({ stop: () => access.close() });
    await operate(made, {
      until: () => false,
      access: (inner) =>
        Object.assign(Object.create(inner) as typeof inner, {
          secure: () => Promise.resolve(false),
          ask: inner.ask.bind(inner),
          config: inner.config.bind(inner),
          reconfigure: inner.reconfigure.bind(inner),
        }),
    });
    const anybody = await session(made, [1, 2, 3]);
    await anybody.ensurePath('/lockkeeper/ns/a/b');
    await anybody.ensurePath('/lockkeeper/other');
    const servers = made.servers.map(({ server }) => server);
    expect(await access.secure(servers)).toBe(true);
    expect(await access.secure(servers)).toBe(false);
    for (const path of ['/lockkeeper', '/lockkeeper/ns', '/lockkeeper/ns/a', '/lockkeeper/ns/a/b', '/lockkeeper/other']) {
      await expect(anybody.get(path), path).rejects.toMatchObject({ reason: 'not-allowed' });
    }
  });
});

describe('an ensemble made anew over old volumes', () => {
  test('of more servers takes them all first, and lets them go one by one', async () => {
    const made = await formed(localSpec({ voters: { replicas: 5 } }));
    const load = writer(made, [1, 2, 3, 4, 5]);
    await expect.poll(() => load.acknowledged, { timeout: 20_000 }).toBeGreaterThan(20);
    await load.missing([]);
    await made.forget();
    made.spec = localSpec({ voters: { replicas: 1 } });
    const steps = outline(await operate(made));
    expect(steps[0]).toBe('voters none>5');
    expect(steps.at(-1)).toBe('voters 2>1');
    expect(await load.missing([made.address(1)])).toEqual({ [made.address(1)]: [] });
  });
});
