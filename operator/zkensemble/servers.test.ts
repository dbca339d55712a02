import { describe, expect, test } from 'vitest';
import { zkEnsembleSpec } from '../../crds/zk-ensemble.ts';
import { clientHost, externalsOf, formerGroup, groupsOf, Names, serverOf } from './servers.ts';

const names = new Names('shop', 'main');
const spec = zkEnsembleSpec.parse({
  observers: [{ region: 'east', replicas: 2 }],
  externalMembers: [{ id: 200, host: 'zk.dc', role: 'observer' }],
});

describe('names', () => {
  test('tell what a thing is', () => {
    expect([names.set('voters'), names.pod('observers-east', 1), names.servers, names.clients('east')]).toEqual([
      ...['main-voters', 'main-observers-east-1', 'main-servers', 'main-east-client'],
    ]);
    expect(names.host('voters', 0)).toBe('main-voters-0.main-servers.shop.svc.cluster.local');
  });

  test('stay short enough for the label with a set’s revision, and apart', () => {
    const long = new Names('shop', 'e'.repeat(26));
    const sets = ['r'.repeat(24), `${'r'.repeat(23)}s`].map((region) => long.set(`observers-${region}`));
    for (const set of sets) expect(`${set}-0123456789`.length).toBeLessThanOrEqual(63);
    expect(sets[0]).not.toBe(sets[1]);
    expect(`${long.pod(`observers-${'r'.repeat(24)}`, 19)}`.length).toBeLessThanOrEqual(63);
  });

  test('know their own hosts, of whatever cluster domain, from others', () => {
    expect(names.ownsHost(names.host('voters', 7))).toBe(true);
    expect(names.ownsHost(new Names('shop', 'main', 'other.domain').host('voters', 0))).toBe(true);
    expect(names.ownsHost(new Names('shop2', 'main').host('voters', 0))).toBe(false);
    expect(names.ownsHost(new Names('shop', 'mainz').host('voters', 0))).toBe(false);
    expect(names.ownsHost('zk.dc')).toBe(false);
  });
});

describe('servers', () => {
  const ids = { groups: { voters: [1, 2, 3], 'observers-east': [11] }, externals: [200] };

  test('are the spec’s, each with its id', () => {
    const [voters, east] = groupsOf(spec);
    expect(serverOf(names, ids, voters!, 1)).toMatchObject({ id: 2, pod: 'main-voters-1', role: 'voter', region: 'home' });
    expect(serverOf(names, ids, east!, 0)).toMatchObject({
      id: 11,
      pod: 'main-observers-east-0',
      role: 'observer',
      region: 'east',
    });
    expect(serverOf(names, ids, east!, 1)).toBeNull();
  });

  test('of a region that is gone are known by the group’s name', () => {
    expect(formerGroup('observers-far-east')).toEqual({
      name: 'observers-far-east',
      role: 'observer',
      region: 'far-east',
      replicas: 0,
    });
    expect(formerGroup('voters')).toBeNull();
  });

  test('outside are reached at their own ports', () => {
    expect(externalsOf(spec).map(clientHost)).toEqual(['zk.dc:2181']);
  });
});
