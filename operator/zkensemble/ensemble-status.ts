import type { ZkEnsembleStatus } from '../../crds/index.ts';
import {
  judge,
  type EventNote,
  type Judgement,
  type Live,
  type Outcome,
  type Report,
  type ZkEnsembleResource,
} from '../kube/index.ts';
import { connectStrings } from './connect-strings.ts';
import type { ExtraStep } from './ensemble-plan.ts';
import { judgements } from './judgements.ts';
import type { Observed } from './observed.ts';
import { wantedServers } from './plan/view.ts';
import type { ZkSpec } from './servers.ts';

type MemberStatus = NonNullable<ZkEnsembleStatus['members']>[number];

/** How soon to look again after something was changed. */
const CHANGED_MS = 100;

export function reportEnsemble(
  outcome: Outcome<ZkSpec, Observed, ExtraStep>,
  object: Live<ZkEnsembleResource>,
  now: number,
): Report<ZkEnsembleStatus> {
  const { generation } = object.metadata;
  const before = object.status ?? {};
  const observed = outcome.observed;
  const changed = outcome.kind === 'done' && outcome.changed > 0;
  const seen = observed === undefined || outcome.spec === undefined ? [] : judgements(outcome.spec, observed, changed);
  const conditions = judge(before.conditions, [...seen, ...overruling(outcome, before)], generation, now);
  const status: ZkEnsembleStatus = {
    ...before,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions,
    ...(observed === undefined || outcome.spec === undefined
      ? {}
      : {
          members: memberStatus(observed, before.members ?? []),
          connectStrings: connectStrings(outcome.spec, wantedServers(observed.wanted)),
        }),
  };
  return {
    status,
    events: warnings(conditions, before.conditions ?? []),
    ...(changed ? { requeueAfterMs: CHANGED_MS } : {}),
  };
}

/** What a spec that cannot be carried out, or a reconcile that failed, makes of the rest. */
function overruling(outcome: Outcome<ZkSpec, Observed, ExtraStep>, before: ZkEnsembleStatus): Judgement[] {
  if (outcome.kind === 'invalid') {
    const [first] = outcome.problems;
    const message = outcome.problems.map((problem) => problem.message).join('; ');
    const reason = first?.reason ?? 'Invalid';
    return [
      { type: 'Ready', status: 'False', reason, message },
      { type: 'Progressing', status: 'False', reason, message },
    ];
  }
  if (outcome.kind !== 'failed') return [];
  const message = outcome.error.message;
  // What was seen before the failure stands; where nothing was seen, nothing is known.
  const unknown: Judgement[] =
    outcome.observed !== undefined || before.conditions?.some(({ type }) => type === 'Ready') === true
      ? []
      : [{ type: 'Ready', status: 'Unknown', reason: 'ReconcileFailed', message }];
  return [...unknown, { type: 'Progressing', status: 'True', reason: 'Retrying', message }];
}

/** Every member of the ensemble, and every server that is wanted or still there. */
function memberStatus(observed: Observed, before: readonly MemberStatus[]): MemberStatus[] {
  const { view, answers, wanted } = observed;
  const own = view.servers
    .filter(({ server, pod }) => {
      const group = wanted.groups.find(({ name }) => name === server.group);
      return (
        pod !== 'absent' || server.ordinal < (group?.replicas ?? 0) || view.config?.members.some(({ id }) => id === server.id)
      );
    })
    .map(({ server }): Omit<MemberStatus, 'ready'> => {
      return { id: server.id, pod: server.pod, region: server.region, role: server.role };
    });
  const others = [...(view.config?.members ?? []), ...wanted.externals]
    .filter((member, index, all) => all.findIndex(({ id }) => id === member.id) === index)
    .filter(({ id }) => !own.some((member) => member.id === id))
    .map(({ id, role }): Omit<MemberStatus, 'ready'> => ({ id, role }));
  return [...own, ...others]
    .sort((a, b) => a.id - b.id)
    .map((member) => {
      const says = answers.says.get(member.id);
      const shown = before.find(({ id }) => id === member.id)?.zxid;
      const zxid = observed.showsZxids || shown === undefined ? says?.zxid : shown;
      return {
        ...member,
        mode: says?.mode ?? 'none',
        ready: says !== undefined,
        ...(zxid === undefined ? {} : { zxid: hex(zxid) }),
      };
    });
}

function hex(zxid: string): string {
  return zxid.startsWith('0x') ? zxid : `0x${zxid}`;
}

/** A person is told once when something has gone wrong, or when what is wrong has changed. */
function warnings(now: readonly Judgement[], before: readonly Judgement[]): EventNote[] {
  return now.flatMap((condition): EventNote[] => {
    const { type, status, reason, message } = condition;
    const isBad =
      (['Degraded', 'Risky'].includes(type) && status === 'True') ||
      (type === 'QuorumHealthy' && status === 'False' && reason === 'QuorumLost') ||
      (type === 'Ready' && status === 'False' && !passing.has(reason));
    const known = before.find((each) => each.type === type);
    return isBad && (known?.status !== status || known.reason !== reason) ? [{ type: 'Warning', reason, note: message }] : [];
  });
}

/** Reasons of not being ready that go by themselves, and need no warning. */
const passing = new Set([
  'VoterNotReady',
  'VoterLeaving',
  'Applying',
  'Forming',
  'NoQuorum',
  'QuorumLost',
  'ConfigUnreadable',
  'MajorityLost',
]);
