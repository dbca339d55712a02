import type {
  Live,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  Service,
  StatefulSet,
  ZkEnsembleResource,
} from '../kube/index.ts';
import { controllerOf, isControlledBy } from '../kube/index.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import type { Credentials } from './credentials.ts';
import { assignIds, emptyIdRecord, parseIdRecord, recoverIds, type IdProblem, type IdRecord } from './member-ids.ts';
import type { Member, MemberConfig } from './members.ts';
import { holdersIn, publishedIn } from './objects/config-maps.ts';
import { ACCEPT_DATA_LOSS, groupOfLabels, MEMBER_IDS, MEMBER_ID } from './objects/labels.ts';
import { claimName, volumesOf } from './objects/stateful-set.ts';
import { collectServers, type GroupFacts, type OrdinalFacts } from './plan/collect-servers.ts';
import { nextStep } from './plan/next-step.ts';
import type { EnsembleStep, Published, ServerSays, View, Wanted } from './plan/view.ts';
import { isReady, isStuck, isYoung, podState, restartReasons } from './pod-facts.ts';
import {
  externalsOf,
  formerGroup,
  groupsOf,
  idRequest,
  serverOf,
  type Group,
  type Names,
  type Server,
  type ZkSpec,
} from './servers.ts';
import { volumeState } from './volume-state.ts';

/** The ensemble's Secret; null data where it is missing. */
export interface SecretFacts {
  readonly exists: boolean;
  readonly resourceVersion: string | undefined;
  readonly credentials: Credentials | null;
  /** Whether it has everything that servers and workers take from it. */
  readonly complete: boolean;
  /** Of the passwords; changes when they do. */
  readonly hash: string;
}

/** What was asked of the servers themselves. */
export interface Answers {
  /** Those that serve, in the order in which they are best connected to. */
  readonly serving: readonly Member[];
  readonly says: ReadonlyMap<number, ServerSays>;
  readonly config: MemberConfig | null;
  /** Why the configuration could not be understood. */
  readonly configError: string | null;
  readonly secured: boolean | null;
}

export interface Observed {
  readonly names: Names;
  readonly ids: IdRecord;
  /** Whether the ensemble's annotation says the same. */
  readonly idsRecorded: boolean;
  readonly idProblems: readonly IdProblem[];
  readonly secret: SecretFacts;
  readonly answers: Answers;
  readonly wanted: Wanted;
  readonly view: View;
  readonly step: EnsembleStep;
  /** By group. */
  readonly sets: ReadonlyMap<string, Live<StatefulSet>>;
  /** By name. */
  readonly pods: ReadonlyMap<string, Live<Pod>>;
  /** By name. */
  readonly claims: ReadonlyMap<string, Live<PersistentVolumeClaim>>;
  readonly published: Published | null;
  /** Uids of pods that keep data in themselves and were seen serving. */
  readonly holders: readonly string[];
  readonly services: readonly Live<Service>[];
  readonly budgets: readonly Live<PodDisruptionBudget>[];
  /** Whether it is time to show anew how far each server is, which changes all the time. */
  readonly showsZxids: boolean;
  /** Storage classes of which it is known whether volumes may grow. */
  readonly expandable: ReadonlyMap<string, boolean>;
}

export interface Sources {
  readonly names: Names;
  readonly facts: ClusterFacts;
  readonly secret: SecretFacts;
  readonly expandable: ReadonlyMap<string, boolean>;
  readonly showsZxids: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What was read, put together as the planner looks at it. */
export function observedFrom(object: Live<ZkEnsembleResource>, spec: ZkSpec, sources: Sources, answers: Answers): Observed {
  const { names, facts, secret } = sources;
  const sets = setsOf(object, facts);
  const { ids, recorded, problems } = idsOf(object, spec, names, facts);
  const wanted = wantedOf(object, spec, names, ids, facts, sets, answers.config);
  const pods = new Map(facts.pods.map((pod) => [pod.metadata.name, pod]));
  const claims = new Map(facts.claims.map((claim) => [claim.metadata.name, claim]));
  const sizes = new Map([...sets].map(([group, set]) => [group, set.spec?.replicas ?? 0]));
  const membersMap = facts.maps.find(({ metadata }) => metadata.name === names.members);
  const published = publishedIn(membersMap);
  const living = new Set(facts.pods.map(({ metadata }) => metadata.uid));
  const holders = holdersIn(membersMap).filter((uid) => living.has(uid));
  const ordinals = ordinalFacts(wanted, spec, { sets, pods, claims, holders, now: sources.now });
  const servers = collectServers(wanted, sizes, ordinals, answers.config).map(({ server, facts: known }) => {
    return { server, ...known, says: answers.says.get(server.id) ?? null };
  });
  const externals = new Map([...answers.says].filter(([id]) => wanted.externals.some((member) => member.id === id)));
  const view: View = { config: answers.config, published, sets: sizes, servers, externals };
  return {
    ...{
      names,
      ids,
      idsRecorded: recorded,
      idProblems: problems,
      secret,
      answers,
      wanted,
      view,
      sets,
      pods,
      claims,
      published,
      holders,
    },
    step: nextStep(wanted, view),
    services: facts.services.filter((service) => isControlledBy(service, object)),
    budgets: facts.budgets.filter((budget) => isControlledBy(budget, object)),
    showsZxids: sources.showsZxids,
    expandable: sources.expandable,
  };
}

function setsOf(object: Live<ZkEnsembleResource>, facts: ClusterFacts): Map<string, Live<StatefulSet>> {
  const sets = new Map<string, Live<StatefulSet>>();
  for (const set of facts.sets) {
    const group = groupOfLabels(set.metadata.labels);
    // One that nobody owns was left behind by its owner; it is taken over.
    const isOurs = isControlledBy(set, object) || controllerOf(set) === undefined;
    if (group !== null && isOurs && set.metadata.deletionTimestamp === undefined) sets.set(group.name, set);
  }
  return sets;
}

function idsOf(
  object: Live<ZkEnsembleResource>,
  spec: ZkSpec,
  names: Names,
  facts: ClusterFacts,
): { ids: IdRecord; recorded: boolean; problems: IdProblem[] } {
  const text = object.metadata.annotations?.[MEMBER_IDS];
  const stored = (text === undefined ? null : parseIdRecord(text)) ?? emptyIdRecord;
  const volumes = facts.claims.flatMap(({ metadata }) => {
    const group = groupOfLabels(metadata.labels);
    const ordinal = group === null ? null : ordinalIn(metadata.name, claimName('data', names.set(group.name)));
    const id = Number(metadata.annotations?.[MEMBER_ID]);
    return group !== null && ordinal !== null && Number.isInteger(id) ? [{ group: group.name, ordinal, id }] : [];
  });
  const { record, problems } = assignIds(recoverIds(stored, volumes), idRequest(spec));
  return { ids: record, recorded: text === JSON.stringify(record), problems };
}

function wantedOf(
  object: Live<ZkEnsembleResource>,
  spec: ZkSpec,
  names: Names,
  ids: IdRecord,
  facts: ClusterFacts,
  sets: ReadonlyMap<string, Live<StatefulSet>>,
  config: MemberConfig | null,
): Wanted {
  const groups = groupsOf(spec);
  const members = new Set(config?.members.filter(({ host }) => names.ownsHost(host)).map(({ id }) => id) ?? []);
  const known = [
    ...sets.keys(),
    ...[...facts.pods, ...facts.claims].map(({ metadata }) => groupOfLabels(metadata.labels)?.name ?? ''),
    ...Object.keys(ids.groups).filter((name) => ids.groups[name]!.some((id) => members.has(id))),
  ];
  for (const name of new Set(known)) {
    const former = groups.some((group) => group.name === name) ? null : formerGroup(name);
    if (former !== null) groups.push(former);
  }
  const externals = externalsOf(spec);
  const { ephemeral, reclaimPolicy } = spec.storage;
  return {
    groups,
    externals,
    formerExternals: ids.externals.filter((id) => !externals.some((member) => member.id === id)),
    server: (group, ordinal) => serverOf(names, ids, group, ordinal),
    owns: ({ host }) => names.ownsHost(host),
    dropVolumes: reclaimPolicy === 'Delete',
    ephemeral,
    acceptLoss: ephemeral || object.metadata.annotations?.[ACCEPT_DATA_LOSS] === 'true',
  };
}

interface Known {
  readonly sets: ReadonlyMap<string, Live<StatefulSet>>;
  readonly pods: ReadonlyMap<string, Live<Pod>>;
  readonly claims: ReadonlyMap<string, Live<PersistentVolumeClaim>>;
  readonly holders: readonly string[];
  readonly now: number;
}

function ordinalFacts(wanted: Wanted, spec: ZkSpec, { sets, pods, claims, holders, now }: Known): Map<string, GroupFacts> {
  const factsOf = (group: Group, server: Server): OrdinalFacts | null => {
    const pod = pods.get(server.pod);
    const own = ['data', 'datalog'].flatMap((volume) => claims.get(claimName(volume, server.pod)) ?? []);
    if (pod === undefined && own.length === 0) return null;
    return {
      pod: podState(pod),
      young: pod !== undefined && isYoung(pod, now),
      listed: pod !== undefined && isReady(pod),
      stuck: pod !== undefined && isStuck(pod, now),
      restart: pod === undefined ? [] : restartReasons(pod, sets.get(group.name), own),
      volume: spec.storage.ephemeral ? podVolume(pod, holders) : volumeState(own, volumesOf(spec).length),
    };
  };
  return new Map(
    wanted.groups.map((group) => {
      const facts = new Map<number, OrdinalFacts>();
      for (let ordinal = 0; ; ordinal++) {
        const server = wanted.server(group, ordinal);
        if (server === null) return [group.name, facts];
        const known = factsOf(group, server);
        if (known !== null) facts.set(ordinal, known);
      }
    }),
  );
}

function podVolume(pod: Live<Pod> | undefined, holders: readonly string[]): OrdinalFacts['volume'] {
  if (pod === undefined) return 'none';
  return holders.includes(pod.metadata.uid) ? 'used' : 'fresh';
}

/** Ordinal of a name `prefix-N`; null for another name. */
function ordinalIn(name: string, prefix: string): number | null {
  const rest = name.startsWith(`${prefix}-`) ? name.slice(prefix.length + 1) : '';
  return /^\d+$/.test(rest) ? Number(rest) : null;
}
