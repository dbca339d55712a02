import { describe, expect, test } from 'vitest';
import { formatMember, majority, parseMemberConfig, sameMembers, type Member } from './members.ts';

const voter: Member = {
  ...{ id: 1, host: 'zk-0.zk', quorumPort: 2888, electionPort: 3888 },
  ...{ clientAddress: '0.0.0.0:2181', role: 'voter' as const },
};

describe('a configuration', () => {
  test('is read as ZooKeeper writes it, by id', () => {
    const text =
      'server.12=b:1:2:observer;0.0.0.0:2181\nserver.1=zk-0.zk:2888:3888:participant;0.0.0.0:2181\nversion=10000000a\n';
    const { version, members } = parseMemberConfig(text);
    expect(version).toBe('10000000a');
    expect(members).toEqual([voter, { ...voter, id: 12, host: 'b', quorumPort: 1, electionPort: 2, role: 'observer' }]);
    expect(formatMember(members[0]!)).toBe('server.1=zk-0.zk:2888:3888:participant;0.0.0.0:2181');
  });

  test('may leave out what has a default', () => {
    expect(parseMemberConfig('server.1=zk-0.zk:2888:3888;2181')).toEqual({ version: '0', members: [voter] });
  });

  test('may hold IPv6 addresses', () => {
    const line = 'server.1=[fd00::1]:2888:3888:participant;0.0.0.0:2181';
    expect(formatMember(parseMemberConfig(line).members[0]!)).toBe(line);
    expect(parseMemberConfig('server.1=a:1:2;[::]:2181').members[0]?.clientAddress).toBe('[::]:2181');
  });

  test.each(['server.1=a:1:2|b:1:2;2181', 'group.1=1:2', 'weight.1=3', 'server.x=a:1:2;2181', 'server.1=a:1:2'])(
    'with %j is not understood, and says so',
    (line) => expect(() => parseMemberConfig(line)).toThrow(expect.objectContaining({ code: 'LK1802', found: line })),
  );

  test('is the same in whatever order', () => {
    const other = { ...voter, id: 2 };
    expect(sameMembers([voter, other], [other, voter])).toBe(true);
    expect(sameMembers([voter], [{ ...voter, role: 'observer' }])).toBe(false);
    expect(sameMembers([voter], [])).toBe(false);
  });
});

test('a quorum is more than half', () => {
  expect([1, 2, 3, 4, 5].map(majority)).toEqual([1, 2, 2, 3, 3]);
});
