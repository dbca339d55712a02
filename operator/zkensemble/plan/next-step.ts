import { sameMembers, type MemberConfig } from '../members.ts';
import { quorumlessStep } from './quorumless.ts';
import { rollStep } from './roll.ts';
import { externalStep, scaleStep, strayStep } from './scale.ts';
import type { EnsembleStep, ServerView, View, Waiting, Wanted } from './view.ts';

/**
 * The next step towards what is wanted, from whatever state the ensemble is in. Nothing is remembered between steps: whoever stops
 * after any of them and begins anew comes to the same end.
 *
 * What is always kept to:
 * - Servers come and go one at a time, and the ensemble's own configuration is changed between: a new voter has copied everything
 *   before it counts, and one that goes counts no more before it stops.
 * - What the configuration says is the truth about who is a member; sets and lists are made to follow it.
 * - Without a quorum nothing is taken away.
 * - Observers count for nothing but their own group.
 */
export function nextStep(wanted: Wanted, view: View): EnsembleStep {
  if (view.config === null) return quorumlessStep(wanted, view);
  const { config } = view;
  return (
    rememberStep(view) ??
    publishStep(config, view) ??
    lostSetStep(wanted, view, config) ??
    firstAction([
      ...[...wanted.groups].reverse().map((group) => rollStep(wanted, view, config, group)),
      ...wanted.groups.map((group) => scaleStep(wanted, view, config, group)),
      externalStep(wanted, view, config),
      strayStep(wanted, view, config),
    ])
  );
}

/** The first that does something; else all that is waited for. */
function firstAction(steps: readonly (EnsembleStep | null)[]): EnsembleStep {
  const waiting: Waiting[] = [];
  for (const step of steps) {
    if (step === null || step.kind === 'none') continue;
    if (step.kind !== 'wait') return step;
    for (const each of step.waiting) if (!waiting.some(({ message }) => message === each.message)) waiting.push(each);
  }
  return waiting.length === 0 ? { kind: 'none' } : { kind: 'wait', waiting };
}

/** Before anything rests on it: a server that serves has a copy of everything. */
function rememberStep(view: View): EnsembleStep | null {
  const incomplete = view.servers.filter(({ says, volume }) => says !== null && (volume === 'fresh' || volume === 'torn'));
  const servers = incomplete.map(({ server }) => server);
  return servers.length === 0 ? null : { kind: 'remember', servers };
}

/** Starting servers must know the members; and once a quorum serves none may begin as a voter without having copied from it. */
function publishStep(config: MemberConfig, view: View): EnsembleStep | null {
  const { published } = view;
  if (published?.mayVote.length === 0 && sameMembers(published.members, config.members)) return null;
  const why =
    published === null
      ? 'the list of members was missing'
      : sameMembers(published.members, config.members)
        ? 'the ensemble has formed'
        : `members are now ${config.members.map(({ id }) => id).join(', ')}`;
  return { kind: 'publish', published: { members: config.members, mayVote: [] }, why };
}

/** A set that was removed or made smaller by somebody while its servers are members is made again. */
function lostSetStep(wanted: Wanted, view: View, config: MemberConfig): EnsembleStep | null {
  for (const group of wanted.groups) {
    const size = Math.max(
      0,
      ...view.servers.filter((each) => isMember(each, group.name, config)).map((each) => each.server.ordinal + 1),
    );
    const from = view.sets.get(group.name) ?? null;
    const why =
      from === null ? 'its servers are members and the set is missing' : 'its servers are members and the set is smaller';
    if (size > (from ?? 0)) return { kind: 'resize', group, from, size, why };
  }
  return null;
}

function isMember({ server }: ServerView, group: string, config: MemberConfig): boolean {
  return server.group === group && config.members.some((member) => member.id === server.id);
}
