import { expect, test } from 'vitest';
import { zkEnsembleSpec } from '../../crds/zk-ensemble.ts';
import { connectStringFor, connectStrings, operatorConnectString } from './connect-strings.ts';
import { assignIds, emptyIdRecord } from './member-ids.ts';
import { groupsOf, idRequest, Names, serverOf, type Server } from './servers.ts';

test('the nearest servers come first: the region’s observers, its voters, other voters, other observers', () => {
  const spec = zkEnsembleSpec.parse({
    voters: { replicas: 2 },
    observers: [
      { region: 'east', replicas: 2 },
      { region: 'home', replicas: 1 },
    ],
    externalMembers: [{ id: 200, host: 'zk.dc', clientPort: 2182, role: 'voter' }],
  });
  const names = new Names('s', 'm');
  const { record } = assignIds(emptyIdRecord, idRequest(spec));
  const servers = groupsOf(spec).flatMap((group) =>
    Array.from({ length: group.replicas }, (_, ordinal) => serverOf(names, record, group, ordinal) as Server),
  );
  const short = connectStrings(spec, servers).map(({ region, servers: list }) => [
    region,
    list.split(',').map((each) => each.replace('.m-servers.s.svc.cluster.local:2181', '')),
  ]);
  for (const { region, servers: list } of connectStrings(spec, servers)) expect(connectStringFor(spec, names, region)).toBe(list);
  expect(connectStringFor(spec, names, 'west')).toMatch(/^m-voters-0\..*,m-voters-1\..*,zk.dc:2182,m-observers-/);
  expect(Object.fromEntries(short)).toEqual({
    east: ['m-observers-east-0', 'm-observers-east-1', 'm-voters-0', 'm-voters-1', 'zk.dc:2182', 'm-observers-home-0'],
    home: ['m-observers-home-0', 'm-voters-0', 'm-voters-1', 'zk.dc:2182', 'm-observers-east-0', 'm-observers-east-1'],
  });
  // The operator's own, though it knows no ids.
  expect(operatorConnectString(names, spec)).toBe(connectStrings(spec, servers).find(({ region }) => region === 'home')!.servers);
});
