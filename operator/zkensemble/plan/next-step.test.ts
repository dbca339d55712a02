import { describe, expect, test } from 'vitest';
import { zkEnsembleSpec, type ZkEnsembleInput } from '../../../crds/zk-ensemble.ts';
import { assignIds, emptyIdRecord } from '../member-ids.ts';
import { majority, votersOf, type Member } from '../members.ts';
import { externalsOf, formerGroup, groupsOf, idRequest, Names, serverOf, type Group, type Server } from '../servers.ts';
import { collectServers, type GroupFacts, type OrdinalFacts } from './collect-servers.ts';
import { nextStep } from './next-step.ts';
import type { EnsembleStep, Published, ServerSays, View, Wanted } from './view.ts';

const names = new Names('shop', 'main');
type Spec = NonNullable<ZkEnsembleInput['spec']>;

/** A world in a few words; what is left out is as it should be. */
interface World {
  readonly spec?: Spec;
  /** Sizes of sets by group; default: what the spec asks for. */
  readonly sets?: Record<string, number>;
  /** Ids of members, negative for observers; null: nobody serves. Default: all servers of all sets. */
  readonly members?: readonly number[] | null;
  /** By id: what differs from a server that runs, serves, and holds data. */
  readonly odd?: Record<number, Partial<OrdinalFacts> & { readonly says?: ServerSays | null }>;
  readonly leader?: number;
  readonly published?: Published | null;
  readonly acceptLoss?: boolean;
  readonly formerExternals?: readonly number[];
  readonly externals?: Record<number, ServerSays>;
}

const ids = assignIds(emptyIdRecord, {
  groups: [
    { name: 'voters', size: 9 },
    { name: 'observers-east', size: 9 },
    { name: 'observers-west', size: 9 },
  ],
  externals: [],
}).record;

function build(world: World): { wanted: Wanted; view: View } {
  const spec = zkEnsembleSpec.parse(world.spec ?? {});
  const groups: Group[] = groupsOf(spec);
  for (const name of Object.keys(world.sets ?? {})) {
    if (!groups.some((group) => group.name === name)) groups.push(formerGroup(name)!);
  }
  const server = (group: Group, ordinal: number) => serverOf(names, ids, group, ordinal);
  const wanted: Wanted = {
    ...{ groups, externals: externalsOf(spec), formerExternals: world.formerExternals ?? [], server },
    owns: ({ host }) => names.ownsHost(host),
    dropVolumes: spec.storage.reclaimPolicy === 'Delete',
    ephemeral: spec.storage.ephemeral,
    acceptLoss: world.acceptLoss ?? spec.storage.ephemeral,
  };
  const sets = new Map(Object.entries(world.sets ?? Object.fromEntries(groups.map(({ name, replicas }) => [name, replicas]))));
  const all = groups.flatMap((group) => Array.from({ length: 9 }, (_, ordinal) => server(group, ordinal)!));
  const inSets = all.filter((each) => each.ordinal < (sets.get(each.group) ?? 0));
  const member = (id: number): Member =>
    all.find((each) => each.id === Math.abs(id)) ?? {
      ...all[0]!,
      id: Math.abs(id),
      host: `other-${Math.abs(id)}`,
      role: id < 0 ? 'observer' : 'voter',
    };
  const listed = world.members === undefined ? inSets.map((each) => member(each.id)) : world.members?.map(member);
  const config = listed === undefined || listed === null ? null : { version: '7', members: listed };
  const facts = new Map<string, Map<number, OrdinalFacts>>();
  const odd = world.odd ?? {};
  for (const each of all) {
    const isThere = inSets.includes(each);
    if (!isThere && odd[each.id] === undefined) continue;
    const usual: OrdinalFacts = {
      pod: isThere ? 'running' : 'absent',
      young: false,
      listed: isThere,
      stuck: false,
      restart: [],
      volume: 'used',
    };
    const group = facts.get(each.group) ?? new Map<number, OrdinalFacts>();
    facts.set(each.group, group.set(each.ordinal, { ...usual, ...odd[each.id] }));
  }
  const says = ({ id, role }: Server): ServerSays | null => {
    if (odd[id]?.says !== undefined) return odd[id].says;
    if (config === null || !inSets.some((each) => each.id === id)) return null;
    return { mode: id === (world.leader ?? 1) ? 'leader' : role === 'observer' ? 'observer' : 'follower', zxid: '1' };
  };
  const servers = collectServers(wanted, sets, facts as ReadonlyMap<string, GroupFacts>, config).map(
    ({ server: each, facts: known }) => {
      return { server: each, ...known, says: says(each) };
    },
  );
  const published = world.published === undefined ? { members: config?.members ?? [], mayVote: [] } : world.published;
  const externals = new Map(Object.entries(world.externals ?? {}).map(([id, said]) => [Number(id), said]));
  return { wanted, view: { config, published, sets, servers, externals } };
}

function step(world: World): EnsembleStep {
  const { wanted, view } = build(world);
  return nextStep(wanted, view);
}

/** The step in a few words. */
function told(world: World): string {
  const next = step(world);
  switch (next.kind) {
    case 'publish':
      return `publish ${next.published.members.map(({ id }) => id).join()} may vote ${next.published.mayVote.join()}`;
    case 'resize':
      return `${next.group.name} ${next.from}>${next.size}`;
    case 'removeSet':
      return `remove ${next.group.name}`;
    case 'reconfig':
      return [...next.joining.map(({ id, role }) => `join ${id} ${role}`), ...next.leaving.map((id) => `leave ${id}`)].join();
    case 'restart':
      return `restart ${next.server.id}`;
    case 'remember':
      return `remember ${next.servers.map(({ id }) => id).join()}`;
    case 'dropVolume':
      return `drop ${next.server.id}`;
    case 'wait':
      return `wait ${next.waiting.map(({ reason, server }) => `${reason}${server === undefined ? '' : ` ${server.id}`}`).join()}`;
    case 'none':
      return 'none';
    default:
      return next satisfies never;
  }
}

const down = { says: null };
const five: Spec = { voters: { replicas: 5 } };
const east = (replicas: number): Spec => ({ observers: [{ region: 'east', replicas }] });
const outdated = { restart: ['zoo.cfg changed'] };

describe('an ensemble that is as it should be', () => {
  test.each<[string, World]>([
    ['of three', {}],
    ['of one', { spec: { voters: { replicas: 1 } } }],
    ['with observers', { spec: east(2) }],
    ['beside kept volumes of former servers', { odd: { 4: {}, 5: {} } }],
    ['with a member of somebody else’s', { members: [1, 2, 3, -77] }],
  ])('%s is left alone', (_what, world) => expect(told(world)).toBe('none'));
});

describe('a new ensemble', () => {
  const nothing: World = { sets: {}, members: null, published: null };

  test.each<[string, World, string]>([
    ['first tells its servers who may vote', nothing, 'publish 1,2,3 may vote 1,2,3'],
    [
      'then starts them all',
      { ...nothing, published: build({}).view.config && { members: build({}).view.config!.members, mayVote: [1, 2, 3] } },
      'voters null>3',
    ],
    [
      'then waits for a quorum',
      { members: null, published: { members: build({}).view.config!.members, mayVote: [1, 2, 3] }, odd: fresh(1, 2, 3) },
      'wait NoQuorum',
    ],
    [
      'then notes who has data',
      { odd: fresh(1, 3), published: { members: build({}).view.config!.members, mayVote: [1, 2, 3] } },
      'remember 1,3',
    ],
    [
      'then lets nobody else begin so',
      { published: { members: build({}).view.config!.members, mayVote: [1, 2, 3] } },
      'publish 1,2,3 may vote ',
    ],
    ['then makes the observers', { spec: east(1), sets: { voters: 3 } }, 'observers-east null>1'],
  ])('%s', (_what, world, expected) => expect(told(world)).toBe(expected));
});

function fresh(...of: number[]): NonNullable<World['odd']> {
  return Object.fromEntries(of.map((id) => [id, { volume: 'fresh' as const }]));
}

describe('growing', () => {
  test.each<[string, World, string]>([
    ['adds one server to the set', { spec: five, sets: { voters: 3 } }, 'voters 3>4'],
    [
      'does not take a volume that is being deleted',
      { spec: five, sets: { voters: 3 }, odd: { 4: { pod: 'absent', volume: 'leaving' } } },
      'wait VolumeLeaving 4',
    ],
    ['waits for it', { spec: five, sets: { voters: 4 }, members: [1, 2, 3], odd: { 4: down } }, 'wait ServerNotReady 4'],
    ['makes it a member', { spec: five, sets: { voters: 4 }, members: [1, 2, 3] }, 'join 4 voter'],
    [
      'tells the others',
      { spec: five, sets: { voters: 4 }, published: { members: [], mayVote: [] } },
      'publish 1,2,3,4 may vote ',
    ],
    ['goes on with the next', { spec: five, sets: { voters: 4 } }, 'voters 4>5'],
    ['waits while a voter is down', { spec: five, sets: { voters: 4 }, odd: { 2: down } }, 'wait ServerNotReady 2'],
    ['of two at once by somebody else is brought in one by one', { spec: five, members: [1, 2, 3] }, 'join 4 voter'],
    [
      'of observers goes on beside one that is down',
      { spec: east(3), sets: { voters: 3, 'observers-east': 1 }, odd: { 11: down } },
      'observers-east 1>2',
    ],
    [
      'of observers goes on beside a voter that is down',
      { spec: east(1), sets: { voters: 3 }, odd: { 2: down } },
      'observers-east null>1',
    ],
    [
      'of a second region does not wait for the first',
      {
        spec: {
          observers: [
            { region: 'east', replicas: 1 },
            { region: 'west', replicas: 1 },
          ],
        },
        sets: { voters: 3, 'observers-east': 1 },
        members: [1, 2, 3],
        odd: { 11: down },
      },
      'observers-west null>1',
    ],
  ])('%s', (_what, world, expected) => expect(told(world)).toBe(expected));
});

describe('shrinking', () => {
  test.each<[string, World, string]>([
    ['dismisses the last server first', { sets: { voters: 5 } }, 'leave 5'],
    ['then stops it', { sets: { voters: 5 }, members: [1, 2, 3, 4] }, 'voters 5>4'],
    [
      'waits until it is gone',
      { sets: { voters: 4 }, members: [1, 2, 3, 4], odd: { 5: { pod: 'ending', says: null } } },
      'wait ServerStopping 5',
    ],
    ['keeps its volume', { odd: { 4: { pod: 'absent' } } }, 'none'],
    [
      'drops its volume where that is asked for',
      { spec: { storage: { reclaimPolicy: 'Delete' } }, odd: { 4: { pod: 'absent' } } },
      'drop 4',
    ],
    [
      'drops it once',
      { spec: { storage: { reclaimPolicy: 'Delete' } }, odd: { 4: { pod: 'absent', volume: 'leaving' } } },
      'none',
    ],
    [
      'does not drop the volume of a member',
      {
        spec: { storage: { reclaimPolicy: 'Delete' } },
        members: [1, 2, 3, 4],
        sets: { voters: 3 },
        odd: { 4: { pod: 'absent' } },
      },
      'voters 3>4',
    ],
    ['dismisses the leader too', { sets: { voters: 5 }, leader: 5 }, 'leave 5'],
    [
      'does not break the quorum of those left',
      { spec: { voters: { replicas: 1 } }, sets: { voters: 3 }, odd: { 2: down } },
      'wait NoQuorum 3',
    ],
    ['dismisses a server that is down', { sets: { voters: 5 }, odd: { 5: down } }, 'leave 5'],
    [
      'waits for one that was just started',
      { sets: { voters: 5 }, odd: { 2: { ...down, young: true } } },
      'wait ServerNotReady 2',
    ],
    ['takes a whole region away, server by server', { sets: { voters: 3, 'observers-east': 2 } }, 'leave 12'],
    ['and then its set', { sets: { voters: 3, 'observers-east': 0 } }, 'remove observers-east'],
    ['undoes what somebody scaled up', { sets: { voters: 9 }, members: [1, 2, 3] }, 'voters 9>8'],
  ])('%s', (_what, world, expected) => expect(told(world)).toBe(expected));
});

describe('restarting', () => {
  const all = { 1: outdated, 2: outdated, 3: outdated };
  test.each<[string, World, string]>([
    ['begins with a follower', { odd: all }, 'restart 2'],
    ['goes on with the next', { odd: { 1: outdated, 3: outdated } }, 'restart 3'],
    ['ends with the leader', { odd: { 1: outdated } }, 'restart 1'],
    ['asks who leads now', { odd: all, leader: 2 }, 'restart 1'],
    ['waits for the one before', { odd: { ...all, 2: { ...down, young: true } } }, 'wait ServerNotReady 2'],
    ['and until clients are led to it', { odd: { ...all, 2: { young: true, listed: false } } }, 'wait ServerNotReady 2'],
    ['which may take a while only', { odd: { ...all, 2: { listed: false } } }, 'restart 3'],
    ['waits for a voter that is down for another reason', { odd: { 1: outdated, 2: down } }, 'wait ServerNotReady 2'],
    ['begins with one that serves nobody anyway', { odd: { ...all, 3: { ...down, ...outdated, stuck: true } } }, 'restart 3'],
    ['does not take a moment’s silence for that', { odd: { 1: outdated, 3: { ...down, ...outdated } } }, 'wait ServerNotReady 3'],
    ['restarts a single voter too', { spec: { voters: { replicas: 1 } }, odd: { 1: outdated } }, 'restart 1'],
    ['leaves two voters alone until there are three', { sets: { voters: 2 }, odd: { 1: outdated } }, 'voters 2>3'],
    ['does not restart one that is to go', { sets: { voters: 5 }, odd: { 5: outdated } }, 'leave 5'],
    [
      'waits until there is one leader',
      { odd: { 2: { ...outdated, says: { mode: 'leader', zxid: '1' } } } },
      'wait LeaderUnknown',
    ],
    [
      'waits until all voters are up to date',
      { odd: { 2: outdated, 1: { says: { mode: 'leader', zxid: '1', syncedFollowers: 1 } } } },
      'wait ServerNotReady',
    ],
    ['takes observers before voters', { spec: east(1), odd: { ...all, 11: outdated } }, 'restart 11'],
    ['takes one observer at a time', { spec: east(2), odd: { 12: outdated, 11: down } }, 'wait ServerNotReady 11'],
    ['does not wait for a region that is long gone', { spec: east(1), odd: { ...all, 11: down } }, 'restart 2'],
    ['goes before growing, which may need it', { spec: five, sets: { voters: 3 }, odd: all }, 'restart 2'],
  ])('%s', (_what, world, expected) => expect(told(world)).toBe(expected));
});

describe('repairing', () => {
  test.each<[string, World, string]>([
    [
      'a set that is gone while its servers are members',
      { sets: {}, members: [1, 2, 3], odd: { 1: { says: { mode: 'leader', zxid: '1' } } } },
      'voters null>3',
    ],
    ['a set that somebody made smaller', { sets: { voters: 1 }, members: [1, 2, 3] }, 'voters 1>3'],
    ['a list that is lost', { published: null }, 'publish 1,2,3 may vote '],
    ['a member that belongs to nothing', { members: [1, 2, 3, 11] }, 'observers-east null>1'],
    ['a voter listed as observer', { members: [1, 2], sets: { voters: 3 } }, 'join 3 voter'],
    ['pods that belong to no set', { sets: { voters: 3 }, odd: { 4: { pod: 'running' } } }, 'wait ServerStopping 4'],
  ])('%s', (what, world, expected) => {
    // A region of which nothing is left but its member is known by the member.
    const spec = what.includes('belongs to nothing') ? { ...world, sets: { voters: 3, 'observers-east': 0 } } : world;
    expect(told(spec).replace('observers-east 0>1', 'observers-east null>1')).toBe(expected);
  });
});

describe('a lost quorum', () => {
  const members = build({}).view.config!.members;
  const known: Published = { members, mayVote: [] };
  const lost = { says: null, volume: 'fresh' as const };
  const torn = { says: null, volume: 'torn' as const };
  /** Servers that were dismissed: their volumes are kept. */
  const retired = { 4: { pod: 'absent' }, 5: { pod: 'absent' } } as const;

  test.each<[string, World, string]>([
    ['is waited for', { members: null, published: known }, 'wait NoQuorum'],
    [
      'takes nothing away',
      { spec: { voters: { replicas: 1 } }, sets: { voters: 3 }, members: null, published: known },
      'wait NoQuorum',
    ],
    [
      'restores the set',
      { sets: {}, members: null, published: known, odd: { 1: { pod: 'absent' }, 2: { pod: 'absent' } } },
      'voters null>3',
    ],
    ['does not start servers again that were dismissed', { members: null, published: known, odd: retired }, 'wait NoQuorum'],
    [
      'is not made good by the data of servers that were dismissed',
      { members: null, published: known, odd: { ...retired, 2: lost, 3: lost } },
      'wait MajorityLost',
    ],
    [
      'is, where that is accepted, made without servers that were dismissed',
      { acceptLoss: true, members: null, published: known, odd: { ...retired, 2: lost, 3: lost } },
      'publish 1,2,3 may vote 2',
    ],
    [
      'of the only voter, whose data is gone, is not taken for an election',
      {
        spec: { voters: { replicas: 1 } },
        members: null,
        published: { members: members.slice(0, 1), mayVote: [] },
        odd: { 1: lost, 2: { pod: 'absent' }, 3: { pod: 'absent' } },
      },
      'wait MajorityLost',
    ],
    ['restarts what is wrong', { members: null, published: known, odd: { 2: { ...outdated, stuck: true } } }, 'restart 2'],
    ['restarts nothing in the midst of an election', { members: null, published: known, odd: { 2: outdated } }, 'wait NoQuorum'],
    [
      'restarts no server whose pod holds the data',
      { spec: { storage: { ephemeral: true } }, members: null, published: known, odd: { 2: { ...outdated, stuck: true } } },
      'wait NoQuorum',
    ],
    [
      'with the data is not replaced by an empty ensemble',
      { members: null, published: known, odd: { 2: lost, 3: lost } },
      'wait MajorityLost',
    ],
    [
      'is, where that is accepted, made of those that still have data',
      { acceptLoss: true, members: null, published: known, odd: { 2: lost, 3: lost } },
      'publish 1,2,3 may vote 2',
    ],
    [
      'with all data begins anew',
      { members: null, published: known, odd: { 1: lost, 2: lost, 3: lost } },
      'publish 1,2,3 may vote 1,2,3',
    ],
    [
      'with a part of all data begins nothing anew',
      { members: null, published: known, odd: { 1: torn, 2: torn, 3: torn } },
      'wait MajorityLost',
    ],
    [
      'with a part of all data takes away that any may vote who has none',
      { members: null, published: { members, mayVote: [1, 2, 3] }, odd: { 1: torn, 2: torn, 3: torn } },
      'publish 1,2,3 may vote ',
    ],
    [
      'with a part of all data begins, where that is accepted, by a majority',
      { acceptLoss: true, members: null, published: known, odd: { 1: torn, 2: torn, 3: torn } },
      'publish 1,2,3 may vote 1,2',
    ],
    [
      'of the only voter, which lost the volume of its log, is waited for',
      {
        spec: { voters: { replicas: 1 } },
        members: null,
        published: { members: members.slice(0, 1), mayVote: [] },
        odd: { 1: torn },
      },
      'wait MajorityLost',
    ],
    [
      'of an ensemble made anew over more volumes starts them all',
      {
        spec: { voters: { replicas: 1 } },
        sets: {},
        members: null,
        published: null,
        odd: { 1: { pod: 'absent' }, 2: { pod: 'absent' }, 3: { pod: 'absent' } },
      },
      'publish 1,2,3 may vote ',
    ],
  ])('%s', (_what, world, expected) => expect(told(world)).toBe(expected));
});

describe('servers outside', () => {
  const outside: Spec = { externalMembers: [{ id: 200, host: 'zk.dc', role: 'observer' }] };
  const voter: Spec = { voters: { replicas: 2 }, externalMembers: [{ id: 200, host: 'zk.dc', role: 'voter' }] };
  const follows: ServerSays = { mode: 'follower', zxid: '1' };

  test.each<[string, World, string]>([
    ['that observe join at once', { spec: outside }, 'join 200 observer'],
    ['that vote join once they follow', { spec: voter }, 'wait ExternalMemberAbsent'],
    ['that vote and follow join', { spec: voter, externals: { 200: follows } }, 'join 200 voter'],
    ['that the spec names no more leave', { members: [1, 2, 3, -200], formerExternals: [200] }, 'leave 200'],
    ['that the spec never named stay', { members: [1, 2, 3, -201], formerExternals: [200] }, 'none'],
  ])('%s', (_what, world, expected) => expect(told(world)).toBe(expected));
});

describe('in any state', () => {
  /** Small numbers that are the same each time. */
  function* numbers(seed: number): Generator<number> {
    for (let x = seed; ;) yield (x = (x * 48271) % 2147483647) / 2147483647;
  }

  test('a step never costs a quorum that there is', () => {
    for (let seed = 1; seed <= 3000; seed++) {
      const random = numbers(seed * 7919);
      const pick = <T>(...of: T[]): T => of[Math.floor(random.next().value! * of.length)]!;
      const size = pick(1, 2, 3, 4, 5);
      const odd = Object.fromEntries(
        Array.from({ length: size }, (_, i) => i + 1).map((id) => [
          id,
          pick<NonNullable<World['odd']>[number]>(
            {},
            {},
            {},
            down,
            outdated,
            { ...down, ...outdated, stuck: true },
            { ...down, pod: 'ending' },
            { ...down, young: true },
          ),
        ]),
      );
      const members = Array.from({ length: size }, (_, i) => i + 1).filter((id) => id <= 2 || pick(true, true, false));
      const world: World = {
        spec: { voters: { replicas: pick(1, 3, 5) } },
        sets: { voters: size },
        members,
        odd,
        leader: pick(1, 2, 3),
      };
      const { wanted, view } = build(world);
      const voters = votersOf(view.config!.members).map(({ id }) => id);
      const serving = (without: number | null, of: readonly number[]) =>
        of.filter((id) => id !== without && view.servers.some(({ server, says }) => server.id === id && says !== null)).length;
      if (serving(null, voters) < majority(voters.length)) continue;
      const next = nextStep(wanted, view);
      const story = JSON.stringify({ seed, world, next });
      if (next.kind === 'restart' && voters.length > 1) {
        expect(serving(next.server.id, voters), story).toBeGreaterThanOrEqual(majority(voters.length));
      }
      if (next.kind === 'reconfig') {
        const after = [...voters.filter((id) => !next.leaving.includes(id)), ...next.joining.map(({ id }) => id)];
        expect(next.joining.length + next.leaving.length, story).toBe(1);
        expect(serving(null, after), story).toBeGreaterThanOrEqual(majority(after.length));
      }
      if (next.kind === 'resize' && next.size < (next.from ?? 0)) {
        expect(next.size, story).toBe(next.from! - 1);
        expect(
          voters.some((id) => id > next.size),
          story,
        ).toBe(false);
      }
    }
  });
});

test('ids of a request are those of the spec', () => {
  expect(idRequest(zkEnsembleSpec.parse(east(2)))).toEqual({
    groups: [
      { name: 'voters', size: 3 },
      { name: 'observers-east', size: 2 },
    ],
    externals: [],
  });
});
