import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ZkSession } from '../../common/zookeeper/session.ts';
import { startZookeeper, zkSuperAuth, type ZkCluster } from './zookeeper.ts';

let cluster: ZkCluster;

beforeAll(async () => {
  cluster = await startZookeeper({ voters: 3, observers: 1, tickTime: 500 });
});

afterAll(() => cluster.stop());

function modes() {
  return Promise.all(cluster.members.map((member) => member.mode()));
}

describe('startZookeeper', () => {
  test('starts voters and an observer that serve', async () => {
    expect((await modes()).sort()).toEqual(['follower', 'follower', 'leader', 'observer']);
    expect(cluster.members.map(({ role }) => role)).toEqual(['voter', 'voter', 'voter', 'observer']);
    expect(cluster.connectString.split(',')).toHaveLength(4);
  });

  test('elects another leader after kill -9, and takes the old one back', async () => {
    const before = await cluster.leader();
    await before.kill9();
    expect(await before.mode()).toBe('none');
    await expect
      .poll(
        () =>
          cluster.leader().then(
            ({ id }) => id,
            () => 0,
          ),
        { timeout: 20_000 },
      )
      .not.toBe(0);
    await before.start();
    expect(await before.mode()).toBe('follower');
  });

  test('a frozen member answers nothing until it goes on', async () => {
    const observer = cluster.members[3]!;
    observer.sigstop();
    expect(await observer.mode()).toBe('none');
    observer.sigcont();
    await expect.poll(() => observer.mode(), { timeout: 20_000 }).toBe('observer');
  });

  test('answers every four-letter word', async () => {
    expect(await cluster.members[0]!.fourLetterWord('conf')).toContain('server.4=');
    expect(await cluster.members[0]!.fourLetterWord('mntr')).toContain('zk_server_state');
  });

  test('lets the super user, and nobody else, change the membership', async () => {
    await using own = await startZookeeper({ voters: 1, observers: 1, tickTime: 500 });
    const anybody = new ZkSession({ servers: own.connectString });
    const superUser = new ZkSession({ servers: own.connectString, digestAuth: zkSuperAuth });
    try {
      const before = (await anybody.get('/zookeeper/config')).data.toString();
      const change = { joining: [], leaving: [2], fromVersion: /version=(.*)/.exec(before)![1]! };
      await expect(anybody.reconfigure(change)).rejects.toMatchObject({ reason: 'not-allowed' });
      await expect(superUser.reconfigure({ ...change, fromVersion: '1' })).rejects.toMatchObject({ reason: 'bad-version' });
      expect(await superUser.reconfigure(change)).not.toContain('server.2=');
    } finally {
      await Promise.all([anybody.close(), superUser.close()]);
    }
  });

  test('stop ends the processes', async () => {
    const one = await startZookeeper({ voters: 1 });
    const pid = one.members[0]!.pid;
    await one.stop();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });
});
