import { majority, sameMembers, votersOf, type Member } from '../members.ts';
import { serversOf, type EnsembleStep, type Published, type ServerView, type View, type Wanted } from './view.ts';

/**
 * The next step while no server serves: the ensemble has yet to form, or has lost its quorum.
 *
 * Servers begin as voters without data only if no voter is known to hold any, or to have held it: then they form a new ensemble. Otherwise one that
 * comes without data waits for a leader to copy from, as two such could elect each other and forget everything. Only where a
 * majority has lost its data for good and that is accepted, just enough of them may vote that a quorum takes every voter that still
 * has data, whose newest then leads.
 */
export function quorumlessStep(wanted: Wanted, view: View): EnsembleStep {
  const [voters] = wanted.groups;
  if (voters === undefined) return { kind: 'none' };
  const own = serversOf(view, voters);
  const holders = own.filter(({ volume }) => volume === 'used');
  const isNew = !own.some(hasHeld);
  const size = startSize(own, isNew, view, voters.replicas);
  const starting = own.filter(({ server }) => server.ordinal < size);
  const published = publication(wanted, view, starting, holders, isNew);
  if (published.members.length === 0) return noVoters(wanted);
  if (view.published === null || !samePublication(view.published, published)) {
    return { kind: 'publish', published, why: isNew ? 'the ensemble is to form' : 'the quorum is lost' };
  }
  const from = view.sets.get(voters.name) ?? null;
  if (size > 0 && (from === null || from < size)) {
    const why = isNew ? 'the ensemble is to form' : 'volumes of voters are there';
    return { kind: 'resize', group: voters, from, size, why };
  }
  // A server that runs otherwise than it should may be what keeps the quorum away.
  const outdated = view.servers.find(({ pod, stuck, restart, volume }) => {
    const mayStop = stuck && pod !== 'ending' && !(wanted.ephemeral && volume === 'used');
    return restart.length > 0 && mayStop;
  });
  if (outdated !== undefined) return { kind: 'restart', server: outdated.server, reasons: outdated.restart };
  return waitForQuorum(wanted, starting, holders, published, isNew);
}

/**
 * Ordinals of the voters of the last configuration: all of them may be needed for a quorum. Where it is not known, that is whoever
 * holds data or has held it; where it is, the kept volume of a server that was dismissed is no reason to start it again.
 */
function startSize(own: readonly ServerView[], isNew: boolean, view: View, replicas: number): number {
  if (isNew) return replicas;
  const known = own.filter((each) => {
    return each.pod !== 'absent' || (view.published === null ? hasHeld(each) : isAmong(view.published.members, each));
  });
  return Math.max(0, ...known.map(({ server }) => server.ordinal + 1));
}

function publication(
  wanted: Wanted,
  view: View,
  starting: readonly ServerView[],
  holders: readonly ServerView[],
  isNew: boolean,
): Published {
  const voters = starting.map(({ server }) => server);
  const fresh: readonly Member[] = [...voters, ...wanted.externals.filter(({ role }) => role === 'voter')];
  if (isNew) return { members: fresh, mayVote: voters.map(({ id }) => id) };
  // What was last known of the ensemble is nearer to the truth than the spec.
  const known = view.published?.mayVote.length === 0 ? view.published.members : null;
  const members = known ?? view.published?.members ?? fresh;
  return { members, mayVote: wanted.acceptLoss ? recoveringVoters(members, starting, holders) : [] };
}

/** Just enough voters without data to make a quorum that cannot do without any voter that has data. */
function recoveringVoters(members: readonly Member[], starting: readonly ServerView[], holders: readonly ServerView[]): number[] {
  const needed = majority(votersOf(members).length) - votersAmong(members, holders).length;
  const empty = votersAmong(members, starting).filter(({ volume, pod }) => volume !== 'used' && pod !== 'absent');
  return needed > 0 && empty.length >= needed ? empty.slice(0, needed).map(({ server }) => server.id) : [];
}

/** Whether there is, or was, data of this server. */
function hasHeld({ volume }: ServerView): boolean {
  return volume === 'used' || volume === 'torn';
}

function isAmong(members: readonly Member[], { server }: ServerView): boolean {
  return members.some(({ id }) => id === server.id);
}

/** Without those that were dismissed: they have a volume perhaps, but no vote. */
function votersAmong(members: readonly Member[], servers: readonly ServerView[]): ServerView[] {
  const voters = votersOf(members);
  return servers.filter((each) => isAmong(voters, each));
}

function samePublication(a: Published, b: Published): boolean {
  return sameMembers(a.members, b.members) && [...a.mayVote].sort().join() === [...b.mayVote].sort().join();
}

function noVoters(wanted: Wanted): EnsembleStep {
  const message =
    wanted.externals.length === 0
      ? 'the spec has no voters'
      : 'none of the external voters answers; this ensemble has none of its own';
  return { kind: 'wait', waiting: [{ reason: 'NoQuorum', message }] };
}

function waitForQuorum(
  wanted: Wanted,
  starting: readonly ServerView[],
  holders: readonly ServerView[],
  published: Published,
  isNew: boolean,
): EnsembleStep {
  const needed = majority(votersOf(published.members).length);
  const external = votersOf(published.members).filter(({ id }) => !starting.some(({ server }) => server.id === id)).length;
  const left = votersAmong(published.members, holders).length;
  if (!isNew && left + published.mayVote.length + external < needed && !wanted.acceptLoss) {
    const message = `the data of only ${left} of ${votersOf(published.members).length} voters is left, a quorum takes ${needed}; bring the volumes of the others back`;
    return { kind: 'wait', waiting: [{ reason: 'MajorityLost', message }] };
  }
  const missing = starting.filter(({ pod }) => pod !== 'running').map(({ server }) => server.pod);
  const message =
    missing.length === 0
      ? 'the voters run and elect a leader'
      : `no quorum yet: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not running`;
  return { kind: 'wait', waiting: [{ reason: 'NoQuorum', message }] };
}
