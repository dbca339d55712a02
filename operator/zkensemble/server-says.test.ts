import { expect, test } from 'vitest';
import { parseSrvr, parseSyncedFollowers } from './server-says.ts';

const answer = (mode: string) =>
  `Zookeeper version: 3.9.5-x\nLatency min/avg/max: 0/0.5/3\nReceived: 10\nZxid: 0x30000001f\nMode: ${mode}\nNode count: 9\n`;

test('a server that serves says in which mode, and how far it is', () => {
  expect(parseSrvr(answer('follower'))).toEqual({ mode: 'follower', zxid: '30000001f' });
  expect(parseSrvr(answer('leader'))).toEqual({ mode: 'leader', zxid: '30000001f' });
});

test.each(['This ZooKeeper instance is not currently serving requests\n', '', answer('standalone'), answer('read-only')])(
  'one that does not serve an ensemble says nothing: %j',
  (text) => expect(parseSrvr(text)).toBeNull(),
);

test('a leader counts who follows it', () => {
  expect(parseSyncedFollowers('zk_version\t3.9\nzk_synced_followers\t2\nzk_synced_observers\t1\n')).toBe(2);
  expect(parseSyncedFollowers('zk_server_state\tfollower\n')).toBeUndefined();
});
