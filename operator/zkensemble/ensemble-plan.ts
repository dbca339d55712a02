import { resources, type Live, type Plan, type Step, type StatefulSet, type ZkEnsembleResource } from '../kube/index.ts';
import type { IdRecord } from './member-ids.ts';
import { sameMembers, type Member } from './members.ts';
import type { Observed } from './observed.ts';
import { configMap, discoveryMap, membersMap, publishedIn } from './objects/config-maps.ts';
import { disruptionBudgets, networkPolicy } from './objects/policies.ts';
import { clientServices, serversService } from './objects/services.ts';
import { statefulSet, templateSizes } from './objects/stateful-set.ts';
import { wantedServers, type EnsembleStep, type Published } from './plan/view.ts';
import type { Group, Server, ZkSpec } from './servers.ts';
import { outgrownSets, volumeSteps } from './volume-steps.ts';

/** What is done besides applying and deleting objects. */
export type ExtraStep =
  | { readonly kind: 'recordIds'; readonly record: IdRecord }
  | { readonly kind: 'completeSecret' }
  /** `servers`: through which the ensemble is reached. */
  | { readonly kind: 'secure'; readonly servers: readonly Member[] }
  | {
      readonly kind: 'reconfig';
      readonly change: EnsembleStep & { readonly kind: 'reconfig' };
      readonly servers: readonly Member[];
    }
  /** Before servers that were members stop: their quorum has accepted that they are none. */
  | { readonly kind: 'barrier'; readonly servers: readonly Member[] }
  | { readonly kind: 'dropVolume'; readonly server: Server }
  /** Deletes the set and leaves its pods: it is made anew with larger claims for the next ones. */
  | { readonly kind: 'replaceSet'; readonly set: Live<StatefulSet> };

type EnsemblePlan = Plan<ExtraStep>;

/** How soon to look again though nothing may have happened in the cluster: servers do not tell when they serve. */
const AFTER_ACTION_MS = 100;
const WAITING_MS = 2_000;
const SETTLED_MS = 30_000;

export function planEnsemble(owner: Live<ZkEnsembleResource>, spec: ZkSpec, observed: Observed): EnsemblePlan {
  if (spec.paused) return { steps: [], requeueAfterMs: SETTLED_MS };
  const { secret, step } = observed;
  const first: ExtraStep[] = [
    ...(observed.idsRecorded ? [] : [{ kind: 'recordIds', record: observed.ids } as const]),
    ...(secret.complete ? [] : [{ kind: 'completeSecret' } as const]),
  ];
  // Everything else rests on these two, and is planned when they are there.
  if (first.length > 0) return { steps: first, requeueAfterMs: AFTER_ACTION_MS };
  const steps = [
    ...standing(owner, spec, observed),
    ...volumeSteps(owner, spec, observed),
    ...outgrownSets(spec, observed).map((set) => ({ kind: 'replaceSet', set }) as const),
    ...surplus(owner, spec, observed),
    ...secureSteps(observed),
    ...stepsOf(owner, spec, observed, step),
  ];
  return { steps, requeueAfterMs: pauseAfter(observed) };
}

function pauseAfter({ step, sets }: Observed): number {
  if (step.kind === 'wait') return WAITING_MS;
  if (step.kind !== 'none') return AFTER_ACTION_MS;
  return [...sets.values()].every(isTakenIn) ? SETTLED_MS : WAITING_MS;
}

/** Whether Kubernetes has looked at the set as it is now. */
export function isTakenIn(set: Live<StatefulSet>): boolean {
  return set.status?.observedGeneration === set.metadata.generation;
}

/** What there is whatever the servers do. */
function standing(owner: Live<ZkEnsembleResource>, spec: ZkSpec, observed: Observed): Step[] {
  const { names, published } = observed;
  const objects = [
    configMap(owner, names, spec),
    discoveryMap(owner, names, spec, wantedServers(observed.wanted)),
    serversService(owner, names, spec),
    ...clientServices(owner, names, spec),
    ...disruptionBudgets(owner, names, spec),
    networkPolicy(owner, names, spec),
  ];
  return [
    ...objects.map((object) => ({ kind: 'apply', object }) as const),
    ...(published === null || writesMembers(observed, spec) ? [] : [membersStep(owner, observed, published)]),
    ...[...observed.sets].map(([name, set]) => templateStep(owner, spec, observed, name, set)),
  ];
}

/** Whether the step itself writes the lists. */
function writesMembers({ step }: Observed, spec: ZkSpec): boolean {
  return step.kind === 'publish' || (step.kind === 'remember' && spec.storage.ephemeral);
}

/** The list of servers follows the spec; the rest of it is only ever changed by a step of its own. */
function membersStep(owner: Live<ZkEnsembleResource>, observed: Observed, published: Published): Step {
  return {
    kind: 'apply',
    object: membersMap(owner, observed.names, published, serversKnown(observed), observed.holders),
    unless: (live) => (samePublished(publishedIn(live), observed.published) ? undefined : 'another list was published meanwhile'),
  };
}

/** Notes which pods hold data. */
function holdersStep(owner: Live<ZkEnsembleResource>, observed: Observed, servers: readonly Server[]): Step {
  const uids = servers.flatMap(({ pod }) => observed.pods.get(pod)?.metadata.uid ?? []);
  const published = observed.published ?? { members: observed.view.config?.members ?? [], mayVote: [] };
  return {
    kind: 'apply',
    object: membersMap(owner, observed.names, published, serversKnown(observed), [...observed.holders, ...uids]),
    unless: (live) => (samePublished(publishedIn(live), observed.published) ? undefined : 'another list was published meanwhile'),
  };
}

function samePublished(a: Published | null, b: Published | null): boolean {
  if (a === null || b === null) return a === b;
  return sameMembers(a.members, b.members) && a.mayVote.join() === b.mayVote.join();
}

function serversKnown({ wanted, view }: Observed): Server[] {
  return wanted.groups.flatMap((group) => {
    const size = Math.max(group.replicas, view.sets.get(group.name) ?? 0);
    return Array.from({ length: size }, (_, ordinal) => wanted.server(group, ordinal)).filter((server) => server !== null);
  });
}

function setOf(owner: Live<ZkEnsembleResource>, spec: ZkSpec, observed: Observed, group: Group, size: number): StatefulSet {
  const live = observed.sets.get(group.name);
  return statefulSet(owner, observed.names, spec, group, {
    size,
    credentialsHash: observed.secret.hash,
    templateSizes: templateSizes(live),
  });
}

/** A set in its present size, with the template that the spec asks for. */
function templateStep(
  owner: Live<ZkEnsembleResource>,
  spec: ZkSpec,
  observed: Observed,
  name: string,
  set: Live<StatefulSet>,
): Step {
  const group = observed.wanted.groups.find((each) => each.name === name)!;
  return sizedSet(setOf(owner, spec, observed, group, set.spec?.replicas ?? 0), set.spec?.replicas ?? 0, {});
}

/** Written only over a set of the size that was observed; null: only where there is none. */
function sizedSet(object: StatefulSet, from: number | null, announced: { reason?: string; note?: string }): Step {
  const sizeOf = (live: StatefulSet | undefined) => (live === undefined ? null : (live.spec?.replicas ?? 1));
  const unless = (live: Live<StatefulSet> | undefined) => (sizeOf(live) === from ? undefined : 'its size is not what it was');
  return { kind: 'apply', object, unless, ...announced };
}

/** Services and budgets of groups that the spec has no more. */
function surplus(owner: Live<ZkEnsembleResource>, spec: ZkSpec, { names, services, budgets }: Observed): Step[] {
  const kept = new Set([
    ...[serversService(owner, names, spec), ...clientServices(owner, names, spec)].map(
      ({ metadata }) => `Service ${metadata.name}`,
    ),
    ...disruptionBudgets(owner, names, spec).map(({ metadata }) => `PodDisruptionBudget ${metadata.name}`),
  ]);
  return [...services, ...budgets]
    .filter(({ kind, metadata }) => !kept.has(`${kind} ${metadata.name}`) && metadata.deletionTimestamp === undefined)
    .map(({ kind, metadata }) => ({
      kind: 'delete',
      resource: kind === 'Service' ? resources.Service : resources.PodDisruptionBudget,
      ref: metadata,
      uid: metadata.uid,
    }));
}

/** Whoever leaves may drop the connection through which it is told so. */
function answeringAfter({ answers: { serving } }: Observed, leaving: readonly number[]): readonly Member[] {
  return serving.toSorted((a, b) => Number(leaving.includes(a.id)) - Number(leaving.includes(b.id)));
}

/** Servers that still know other credentials would refuse; they are restarted first. */
function secureSteps({ answers, view }: Observed): ExtraStep[] {
  const refusing = view.servers.some(({ restart }) => restart.includes('the credentials changed'));
  return answers.secured === false && !refusing ? [{ kind: 'secure', servers: answers.serving }] : [];
}

function stepsOf(owner: Live<ZkEnsembleResource>, spec: ZkSpec, observed: Observed, step: EnsembleStep): (Step | ExtraStep)[] {
  switch (step.kind) {
    case 'publish':
      return [
        {
          kind: 'apply',
          object: membersMap(owner, observed.names, step.published, serversKnown(observed), observed.holders),
          unless: (live) =>
            samePublished(publishedIn(live), observed.published) ? undefined : 'another list was published meanwhile',
          reason: 'MembersPublished',
          note: `Starting servers are told: ${step.why}`,
        },
      ];
    case 'resize': {
      const { group, from, size, why } = step;
      const object = setOf(owner, spec, observed, group, size);
      const note = `${group.name} in region ${group.region} ${from === null ? 'begin with' : size > from ? 'grow to' : 'shrink to'} ${size}: ${why}`;
      const apply = sizedSet(object, from, { reason: from !== null && size < from ? 'ServerStopped' : 'ServerStarted', note });
      return from !== null && size < from ? [{ kind: 'barrier', servers: observed.answers.serving }, apply] : [apply];
    }
    case 'removeSet': {
      const set = observed.sets.get(step.group.name);
      if (set === undefined) return [];
      return [
        {
          kind: 'delete',
          resource: resources.StatefulSet,
          ref: { name: set.metadata.name, namespace: observed.names.namespace },
          uid: set.metadata.uid,
          unless: (live) => ((live as Live<StatefulSet>).spec?.replicas === 0 ? undefined : 'it has servers again'),
          reason: 'RegionRemoved',
          note: `No servers are left in region ${step.group.region}`,
        },
      ];
    }
    case 'restart': {
      const pod = observed.pods.get(step.server.pod);
      if (pod === undefined) return [];
      return [
        {
          kind: 'delete',
          resource: resources.Pod,
          ref: { name: pod.metadata.name, namespace: observed.names.namespace },
          uid: pod.metadata.uid,
          reason: 'ServerRestarted',
          note: `Pod ${pod.metadata.name} is replaced: ${step.reasons.join('; ')}`,
        },
      ];
    }
    case 'reconfig':
      return [{ kind: 'reconfig', change: step, servers: answeringAfter(observed, step.leaving) }];
    case 'remember':
      return spec.storage.ephemeral ? [holdersStep(owner, observed, step.servers)] : []; // volumeSteps does it for volumes
    case 'dropVolume':
      return [{ kind: 'dropVolume', server: step.server }];
    case 'wait':
    case 'none':
      return [];
    default:
      return step satisfies never;
  }
}
