import { majority, votersOf, type MemberConfig } from '../members.ts';
import type { Group } from '../servers.ts';
import { serversOf, votes, type EnsembleStep, type ServerView, type View, type Waiting, type Wanted } from './view.ts';

/**
 * Restarts the servers of a group that do not run as they should, one at a time: first those that serve nobody anyway, which may be
 * what is wrong with them, then the others, each after the one before serves again; the leader last, so that it changes once.
 * A server of another group that was just started is waited for too; one that has long been down is not, as it would hold up all.
 */
export function rollStep(wanted: Wanted, view: View, config: MemberConfig, group: Group): EnsembleStep | null {
  const all = serversOf(view, group);
  const present = all.filter(({ pod, server }) => pod !== 'absent' && server.ordinal < (view.sets.get(group.name) ?? 0));
  const outdated = present.filter(({ restart }) => restart.length > 0);
  const broken = outdated.find(({ pod, says, stuck }) => says === null && stuck && pod !== 'ending');
  if (broken !== undefined) return restart(broken);
  // One that is to go soon is not restarted before.
  const due = outdated.filter(({ server, pod }) => pod === 'running' && server.ordinal < group.replicas);
  if (due.length === 0) return null;
  const obstacle =
    starting(view) ??
    unlisted(view) ??
    (group.role === 'voter' ? voterObstacle(wanted, view, config, due) : observerObstacle(all, config));
  if (obstacle !== null) return { kind: 'wait', waiting: [obstacle] };
  return restart(due.find(({ says }) => says?.mode !== 'leader') ?? due[0]!);
}

function restart({ server, restart: reasons }: ServerView): EnsembleStep {
  return { kind: 'restart', server, reasons };
}

/** A server that was started a moment ago and is yet to serve. */
export function starting(view: View): Waiting | null {
  const young = view.servers.find(({ pod, young, says }) => says === null && young && pod !== 'absent');
  return young === undefined ? null : notReady(young);
}

/** One that was started a moment ago and serves, but clients are not led to it yet: with the next one they might be left without any. */
function unlisted(view: View): Waiting | null {
  const young = view.servers.find(({ pod, young, listed }) => pod === 'running' && young && !listed);
  if (young === undefined) return null;
  const { server } = young;
  return {
    reason: 'ServerNotReady',
    message: `server ${server.id} (pod ${server.pod}) serves, and its pod is yet to be ready`,
    server,
  };
}

/** Why no voter may be stopped now. */
function voterObstacle(wanted: Wanted, view: View, config: MemberConfig, due: readonly ServerView[]): Waiting | null {
  const voters = votersOf(config.members);
  const stays = (each: ServerView) =>
    wanted.groups.some((group) => group.name === each.server.group && each.server.ordinal < group.replicas);
  const own = view.servers.filter(({ server }) => voters.some(({ id }) => id === server.id));
  const down = own.find((each) => !votes(each) && stays(each));
  if (down !== undefined) return notReady(down);
  const leaders = own.filter(({ says }) => says?.mode === 'leader');
  const external = voters.filter(({ id }) => view.externals.get(id)?.mode === 'leader');
  if (leaders.length + external.length !== 1) {
    return { reason: 'LeaderUnknown', message: 'the servers do not agree on one leader yet' };
  }
  const serving = own.filter(votes).length + voters.filter(({ id }) => view.externals.has(id)).length;
  // A single voter is stopped all the same, or it would run with old settings for ever.
  if (voters.length > 1 && serving - 1 < majority(voters.length)) {
    return {
      reason: 'NoQuorum',
      message: `only ${serving} of ${voters.length} voters serve, so none of them may be restarted`,
      server: due[0]!.server,
    };
  }
  const synced = leaders[0]?.says?.syncedFollowers;
  if (synced !== undefined && synced < serving - 1) {
    return {
      reason: 'ServerNotReady',
      message: `the leader has ${synced} voters up to date beside itself, of ${voters.length - 1}`,
    };
  }
  return null;
}

/** Observers of a group that have served go one by one; one that never came up does not hold up the others. */
function observerObstacle(all: readonly ServerView[], config: MemberConfig): Waiting | null {
  const down = all.find(
    ({ server, says, pod }) => says === null && pod !== 'absent' && config.members.some(({ id }) => id === server.id),
  );
  return down === undefined ? null : notReady(down);
}

export function notReady({ server, pod }: ServerView): Waiting {
  const message =
    pod === 'absent'
      ? `pod ${server.pod} is not there yet`
      : pod === 'ending'
        ? `pod ${server.pod} is stopping`
        : `server ${server.id} (pod ${server.pod}) does not serve yet`;
  return { reason: pod === 'ending' ? 'ServerStopping' : 'ServerNotReady', message, server };
}
