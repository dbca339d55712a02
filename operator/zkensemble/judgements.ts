import type { Judgement } from '../kube/index.ts';
import { isTakenIn } from './ensemble-plan.ts';
import { majority, sameMember, votersOf } from './members.ts';
import type { Observed } from './observed.ts';
import { votes, wantedServers, type ServerView } from './plan/view.ts';
import { waitsFor } from './pod-facts.ts';
import { risksOf } from './risks.ts';
import type { ZkSpec } from './servers.ts';
import { growingClaims } from './volume-steps.ts';

/** What is well and what is not, as far as it was seen. `changed`: whether this reconcile has changed anything. */
export function judgements(spec: ZkSpec, observed: Observed, changed: boolean): Judgement[] {
  const quorum = quorumHealthy(observed);
  return [
    ready(spec, observed, quorum, changed),
    progressing(observed, changed),
    degraded(spec, observed),
    quorum,
    observersSynced(observed),
    reconfigInProgress(observed),
    paused(spec),
    risky(spec, observed),
  ];
}

const yes = (type: string, reason: string, message: string): Judgement => ({ type, status: 'True', reason, message });
const no = (type: string, reason: string, message: string): Judgement => ({ type, status: 'False', reason, message });

function quorumHealthy({ view, answers, step }: Observed): Judgement {
  if (answers.configError !== null) return no('QuorumHealthy', 'ConfigUnreadable', answers.configError);
  if (view.config === null) {
    const waiting = step.kind === 'wait' ? step.waiting[0] : undefined;
    return no('QuorumHealthy', waiting?.reason ?? 'Forming', waiting?.message ?? 'no server serves yet');
  }
  const voters = votersOf(view.config.members);
  const serving = voters.filter(({ id }) => {
    return view.externals.has(id) || view.servers.some((each) => each.server.id === id && votes(each));
  });
  const leader = [...answers.says].find(([, { mode }]) => mode === 'leader')?.[0];
  const message = `${serving.length} of ${voters.length} voters serve${leader === undefined ? '' : `, server ${leader} leads`}`;
  return serving.length >= majority(voters.length)
    ? yes('QuorumHealthy', 'QuorumServes', message)
    : no('QuorumHealthy', 'QuorumLost', `${message}; a quorum takes ${majority(voters.length)}`);
}

/** The voters are what the spec says and serve. Observers do not count, nor do external members that are yet to come. */
function ready(spec: ZkSpec, observed: Observed, quorum: Judgement, changed: boolean): Judgement {
  const { view, wanted, sets } = observed;
  if (quorum.status !== 'True') return no('Ready', quorum.reason, quorum.message);
  if (spec.paused) return yes('Ready', 'Paused', `${quorum.message}; the spec is not carried out while paused`);
  const [voters] = wanted.groups;
  const own = view.servers.filter(({ server }) => server.group === voters?.name);
  const missing = own.find((each) => each.server.ordinal < spec.voters.replicas && !isSound(observed, each));
  if (missing !== undefined) return no('Ready', 'VoterNotReady', whatIsWrong(observed, missing));
  const surplus = own.find(
    ({ server, pod }) => server.ordinal >= spec.voters.replicas && (pod !== 'absent' || isMember(observed, server.id)),
  );
  if (surplus !== undefined) return no('Ready', 'VoterLeaving', `server ${surplus.server.id} is yet to leave`);
  const set = sets.get(voters?.name ?? '');
  if (changed || (set !== undefined && !isTakenIn(set))) return no('Ready', 'Applying', 'changes were made a moment ago');
  return yes('Ready', 'VotersReady', quorum.message);
}

function isMember({ view }: Observed, id: number): boolean {
  return view.config?.members.some((member) => member.id === id) ?? false;
}

/** It is a member as it should be, serves, and runs as the spec says. */
function isSound({ view }: Observed, { server, says, restart }: ServerView): boolean {
  const member = view.config?.members.find(({ id }) => id === server.id);
  return member !== undefined && sameMember(member, server) && says !== null && restart.length === 0;
}

function whatIsWrong(observed: Observed, { server, says, restart, pod }: ServerView): string {
  const name = `server ${server.id} (pod ${server.pod})`;
  const live = observed.pods.get(server.pod);
  const waits = live === undefined ? null : waitsFor(live);
  if (waits !== null) return `${name}: ${waits.reason}: ${waits.message}`;
  if (pod === 'absent') return `${name} is not there`;
  if (says === null) return `${name} does not serve`;
  if (!isMember(observed, server.id)) return `${name} is no member yet`;
  return restart.length > 0
    ? `${name} is to be restarted: ${restart.join('; ')}`
    : `${name} is a member under another address or role`;
}

function progressing({ step, sets }: Observed, changed: boolean): Judgement {
  if (step.kind === 'wait') {
    const message = step.waiting.map((waiting) => waiting.message).join('; ');
    return yes('Progressing', step.waiting[0]?.reason ?? 'Waiting', message);
  }
  if (step.kind !== 'none') return yes('Progressing', 'Changing', `next: ${step.kind}`);
  if (changed || ![...sets.values()].every(isTakenIn)) return yes('Progressing', 'Applying', 'changes were made a moment ago');
  return no('Progressing', 'Settled', 'the ensemble is as the spec says');
}

function degraded(spec: ZkSpec, observed: Observed): Judgement {
  const { view, wanted, step, answers } = observed;
  if (answers.configError !== null) return yes('Degraded', 'ConfigUnreadable', answers.configError);
  const lost = step.kind === 'wait' ? step.waiting.find(({ reason }) => reason === 'MajorityLost') : undefined;
  if (lost !== undefined) {
    const remedy = spec.storage.ephemeral
      ? ''
      : ', or let go of what only they knew with the annotation lockkeeper.io/accept-data-loss: "true"';
    return yes('Degraded', lost.reason, `${lost.message}${remedy}`);
  }
  const replicas = new Map(wanted.groups.map((group) => [group.name, group.replicas]));
  const down = view.servers.filter((each) => {
    const isWanted = each.server.ordinal < (replicas.get(each.server.group) ?? 0);
    return isWanted && each.says === null && each.pod !== 'absent' && each.stuck && !each.young;
  });
  if (down.length > 0) {
    const first = observed.pods.get(down[0]!.server.pod);
    const waits = first === undefined ? null : waitsFor(first);
    const hint = waits?.reason === 'Unschedulable' ? regionHint(spec, down[0]!) : '';
    const message = down.map((each) => whatIsWrong(observed, each)).join('; ') + hint;
    return yes('Degraded', waits?.reason ?? 'ServerDown', message);
  }
  const fixed = growingClaims(spec, observed).find(
    ({ claim }) => observed.expandable.get(claim.spec?.storageClassName ?? '') === false,
  );
  if (fixed !== undefined) {
    const { claim, size } = fixed;
    return yes(
      'Degraded',
      'VolumeCannotGrow',
      `${claim.metadata.name} cannot grow to ${size}: StorageClass ${claim.spec?.storageClassName} has no allowVolumeExpansion; set it, or take spec.storage back to the old size`,
    );
  }
  return no('Degraded', 'AllServe', 'every server that was started serves');
}

function regionHint(spec: ZkSpec, { server }: ServerView): string {
  const more = Object.entries(spec.pod.nodeSelector).map(([key, value]) => `, ${key}=${value}`);
  return `; it takes a node with the label topology.kubernetes.io/region=${server.region}${more.join('')} that has room`;
}

function observersSynced(observed: Observed): Judgement {
  const groups = observed.wanted.groups.filter(({ role, replicas }) => role === 'observer' && replicas > 0);
  const wanted = observed.view.servers.filter(({ server }) =>
    groups.some((group) => group.name === server.group && server.ordinal < group.replicas),
  );
  if (wanted.length === 0) return yes('ObserversSynced', 'NoObservers', 'the spec has no observers');
  const missing = wanted.filter(({ server, says }) => says === null || !isMember(observed, server.id));
  const message = `${wanted.length - missing.length} of ${wanted.length} observers serve`;
  if (missing.length === 0) return yes('ObserversSynced', 'ObserversServe', message);
  return no('ObserversSynced', 'ObserverMissing', `${message}; ${missing.map((each) => whatIsWrong(observed, each)).join('; ')}`);
}

function reconfigInProgress(observed: Observed): Judgement {
  const { view, wanted, step } = observed;
  if (view.config === null)
    return { type: 'ReconfigInProgress', status: 'Unknown', reason: 'NoQuorum', message: 'no server serves' };
  const servers = wantedServers(wanted);
  const members = view.config.members;
  const joining = servers.filter((server) => !members.some((member) => sameMember(member, server))).map(({ id }) => id);
  const leaving = members
    .filter((member) => wanted.owns(member) && !servers.some(({ id }) => id === member.id))
    .map(({ id }) => id);
  if (joining.length + leaving.length === 0 && step.kind !== 'reconfig') {
    return no('ReconfigInProgress', 'MembersMatch', `members are ${members.map(({ id }) => id).join(', ')}`);
  }
  const parts = [
    ...(joining.length === 0 ? [] : [`to join: ${joining.join(', ')}`]),
    ...(leaving.length === 0 ? [] : [`to leave: ${leaving.join(', ')}`]),
  ];
  return yes('ReconfigInProgress', 'MembersChange', parts.join('; ') || 'external members change');
}

function paused(spec: ZkSpec): Judgement {
  return spec.paused
    ? yes('Paused', 'PausedBySpec', 'spec.paused is true: the operator only looks')
    : no('Paused', 'Active', 'the operator carries out the spec');
}

function risky(spec: ZkSpec, { view, pods }: Observed): Judgement {
  const nodes = view.servers
    .filter(({ server, pod }) => server.role === 'voter' && (pod === 'running' || pod === 'starting'))
    .map(({ server }) => pods.get(server.pod)?.spec?.nodeName)
    .filter((node) => node !== undefined);
  const shared = nodes.find((node, index) => nodes.indexOf(node) !== index) ?? null;
  const risks = risksOf(spec, shared);
  const [first] = risks;
  if (first === undefined) return no('Risky', 'NoRisk', 'nothing in the spec is known to be risky');
  return yes('Risky', first.reason, risks.map(({ message }) => message).join('; '));
}
