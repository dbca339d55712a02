import { majority, sameMember, votersOf, type Member, type MemberConfig } from '../members.ts';
import type { Group } from '../servers.ts';
import { notReady, starting } from './roll.ts';
import { serversOf, votes, type EnsembleStep, type ServerView, type View, type Waiting, type Wanted } from './view.ts';

/**
 * Brings a group to its size, one server at a time.
 * Up: the set grows by one -> the new server serves, as an observer yet -> it is made a member.
 * Down: the last server is a member no more -> the set shrinks by one -> the pod is gone -> its volume goes, if it shall.
 */
export function scaleStep(wanted: Wanted, view: View, config: MemberConfig, group: Group): EnsembleStep | null {
  const size = view.sets.get(group.name) ?? null;
  const servers = serversOf(view, group);
  return (
    joinStep(servers, config, group, size ?? 0) ??
    leaveStep(wanted, view, servers, config, group, size) ??
    growStep(servers, group, size)
  );
}

function memberOf(config: MemberConfig, id: number): Member | undefined {
  return config.members.find((member) => member.id === id);
}

/** A server that is up and wanted becomes a member, in its role and at its address. */
function joinStep(servers: readonly ServerView[], config: MemberConfig, group: Group, size: number): EnsembleStep | null {
  const outside = servers.filter(({ server }) => {
    const member = memberOf(config, server.id);
    return server.ordinal < Math.min(size, group.replicas) && (member === undefined || !sameMember(member, server));
  });
  const ready = outside.find(({ says }) => says !== null);
  if (ready !== undefined) {
    const { server } = ready;
    const why = `server ${server.id} (pod ${server.pod}) joins as ${server.role}`;
    return { kind: 'reconfig', joining: [server], leaving: [], fromVersion: config.version, why };
  }
  return outside.length === 0 ? null : { kind: 'wait', waiting: outside.map(notReady) };
}

function leaveStep(
  wanted: Wanted,
  view: View,
  servers: readonly ServerView[],
  config: MemberConfig,
  group: Group,
  size: number | null,
): EnsembleStep | null {
  const going = servers.filter(({ server }) => server.ordinal >= group.replicas).reverse();
  for (const each of going) {
    const { server, pod, volume } = each;
    if (memberOf(config, server.id) !== undefined) return dismissStep(view, each, config);
    if (size !== null && server.ordinal < size) {
      return { kind: 'resize', group, from: size, size: size - 1, why: `server ${server.id} is no member any more` };
    }
    if (size === null && (pod === 'starting' || pod === 'running')) {
      return { kind: 'resize', group, from: null, size: server.ordinal + 1, why: `pod ${server.pod} belongs to no set` };
    }
    if (pod !== 'absent') return { kind: 'wait', waiting: [stopping(each)] };
    if (volume !== 'none' && volume !== 'leaving' && wanted.dropVolumes) return { kind: 'dropVolume', server };
  }
  if (size !== null && size > group.replicas) {
    return { kind: 'resize', group, from: size, size: size - 1, why: 'the spec asks for fewer servers' };
  }
  return group.replicas === 0 && size === 0 ? { kind: 'removeSet', group } : null;
}

/** Takes a server out of the configuration; a voter only if those left have a quorum. */
function dismissStep(view: View, { server }: ServerView, config: MemberConfig): EnsembleStep {
  const young = starting(view);
  if (young !== null && young.server?.id !== server.id) return { kind: 'wait', waiting: [young] };
  const left = votersOf(config.members).filter(({ id }) => id !== server.id);
  const serving = left.filter(({ id }) => isServing(view, id)).length;
  if (memberOf(config, server.id)?.role === 'voter' && serving < majority(left.length)) {
    const message = `server ${server.id} cannot leave: only ${serving} of the ${left.length} voters left would serve`;
    return { kind: 'wait', waiting: [{ reason: 'NoQuorum', message, server }] };
  }
  const why = `server ${server.id} (pod ${server.pod}) leaves`;
  return { kind: 'reconfig', joining: [], leaving: [server.id], fromVersion: config.version, why };
}

function isServing(view: View, id: number): boolean {
  return view.externals.has(id) || view.servers.some((each) => each.server.id === id && votes(each));
}

function growStep(servers: readonly ServerView[], group: Group, size: number | null): EnsembleStep | null {
  const present = servers.filter(({ server }) => server.ordinal < Math.min(size ?? 0, group.replicas));
  const down = present.filter(({ says }) => says === null);
  const waiting = down.map(notReady);
  const grows = (size ?? 0) < group.replicas;
  // A voter that is down makes the quorum weaker already; an observer that is down does not concern the next one.
  if (grows && (group.role === 'observer' || down.length === 0)) {
    const next = servers.find(({ server }) => server.ordinal === (size ?? 0));
    if (next?.volume === 'leaving') {
      const message = `the former volume of ${next.server.pod} is not gone yet`;
      return { kind: 'wait', waiting: [{ reason: 'VolumeLeaving', message, server: next.server }] };
    }
    return { kind: 'resize', group, from: size, size: (size ?? 0) + 1, why: `the spec asks for ${group.replicas}` };
  }
  return waiting.length === 0 ? null : { kind: 'wait', waiting };
}

function stopping(view: ServerView): Waiting {
  const { server } = view;
  return { reason: 'ServerStopping', message: `pod ${server.pod} of the former server ${server.id} is not gone yet`, server };
}

/** Servers outside this cluster: a voter joins once it follows the leader; an observer may come whenever it likes. */
export function externalStep(wanted: Wanted, view: View, config: MemberConfig): EnsembleStep | null {
  const leaving = wanted.formerExternals.filter((id) => {
    const member = memberOf(config, id);
    return member !== undefined && !wanted.owns(member);
  });
  for (const id of leaving) {
    const left = votersOf(config.members).filter((member) => member.id !== id);
    const isVoter = memberOf(config, id)?.role === 'voter';
    if (!isVoter || left.filter((member) => isServing(view, member.id)).length >= majority(left.length)) {
      const why = `external server ${id} is not in the spec any more`;
      return { kind: 'reconfig', joining: [], leaving: [id], fromVersion: config.version, why };
    }
  }
  const waiting: Waiting[] = [];
  for (const member of wanted.externals) {
    const present = memberOf(config, member.id);
    if (present !== undefined && sameMember({ ...present, clientAddress: member.clientAddress }, member)) continue;
    if (member.role === 'voter' && !view.externals.has(member.id)) {
      const message = `external voter ${member.id} (${member.host}) does not answer srvr on its client port; start it with this ensemble's members and itself as observer`;
      waiting.push({ reason: 'ExternalMemberAbsent', message });
      continue;
    }
    const why = `external server ${member.id} (${member.host}) joins as ${member.role}`;
    return { kind: 'reconfig', joining: [member], leaving: [], fromVersion: config.version, why };
  }
  return waiting.length === 0 ? null : { kind: 'wait', waiting };
}

/** A member under one of our names that belongs to no group any more, as after the ensemble was made anew over old volumes. */
export function strayStep(wanted: Wanted, view: View, config: MemberConfig): EnsembleStep | null {
  const stray = config.members.find(
    (member) => wanted.owns(member) && !view.servers.some(({ server }) => server.id === member.id),
  );
  if (stray === undefined) return null;
  const left = votersOf(config.members).filter(({ id }) => id !== stray.id);
  const serving = left.filter(({ id }) => isServing(view, id)).length;
  if (stray.role === 'voter' && serving < majority(left.length)) {
    const message = `former server ${stray.id} (${stray.host}) cannot leave: only ${serving} of the ${left.length} voters left would serve`;
    return { kind: 'wait', waiting: [{ reason: 'NoQuorum', message }] };
  }
  const why = `server ${stray.id} (${stray.host}) belongs to no pod`;
  return { kind: 'reconfig', joining: [], leaving: [stray.id], fromVersion: config.version, why };
}
