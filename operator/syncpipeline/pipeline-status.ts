import type { SyncPipeline, SyncPipelineStatus } from '../../crds/index.ts';
import { pipelineStatusOf } from '../../crds/status-of-reports.ts';
import { canonicalJson } from '../kube/applied.ts';
import {
  findCondition,
  judge,
  Postponed,
  type Judgement,
  type Live,
  type Outcome,
  type Problem,
  type Report,
  type SyncPipelineResource,
} from '../kube/index.ts';
import { preflight, publication, readiness } from './judgements.ts';
import type { Observed } from './observed.ts';
import { eventsOf } from './pipeline-events.ts';
import type { Publish } from './pipeline-plan.ts';

type PipelineOutcome = Outcome<SyncPipeline, Observed, Publish>;

/** What workers say about numbers is looked at this often; what else they say is looked at at once. */
const LOOK_MS = 10_000;
/** While the ensemble cannot be used. */
const LOOK_SOON_MS = 5_000;

export function reportPipeline(
  outcome: PipelineOutcome,
  object: Live<SyncPipelineResource>,
  now: number,
): Report<SyncPipelineStatus> {
  const before = object.status ?? {};
  const { generation } = object.metadata;
  const conditions = judge(before.conditions, judgementsOf(outcome, before), generation, now);
  const status: SyncPipelineStatus = {
    ...factsOf(outcome, before),
    ...seenGeneration(outcome, object),
    conditions,
  };
  return {
    status: quiet(status, before, outcome.observed?.showsNumbers ?? false),
    events: eventsOf(before, status),
    requeueAfterMs: requeueOf(outcome),
  };
}

/** What failed before anything was seen has judged nothing of the newest spec. */
function seenGeneration(outcome: PipelineOutcome, { metadata, status }: Live<SyncPipelineResource>) {
  const isUnseen = outcome.kind === 'failed' && outcome.observed === undefined;
  const observedGeneration = isUnseen ? status?.observedGeneration : metadata.generation;
  return observedGeneration === undefined ? {} : { observedGeneration };
}

function judgementsOf(outcome: PipelineOutcome, before: SyncPipelineStatus): Judgement[] {
  const judged = findCondition(before.conditions, 'Ready') !== undefined;
  switch (outcome.kind) {
    case 'invalid': {
      const { problems, observed } = outcome;
      const ready = invalid(problems, observed, before);
      return observed === undefined ? [ready] : [ready, ...some(publication(observed, false)), ...some(preflight(observed))];
    }
    case 'failed': {
      const { spec, observed, error } = outcome;
      const unseen: Judgement = { type: 'Ready', status: 'Unknown', reason: 'ReconcileFailed', message: error.message };
      // What was judged before the failure stands; where nothing was, nothing is known.
      if (observed === undefined) return judged ? [] : [unseen];
      const ready = readiness(spec, observed) ?? (judged ? null : unseen);
      const why = error instanceof Postponed ? null : error.message;
      return [...some(ready), ...some(publication(observed, false, why)), ...some(preflight(observed))];
    }
    case 'done': {
      const { spec, observed, changed } = outcome;
      const connecting: Judgement = {
        ...{ type: 'Ready', status: 'Unknown', reason: 'Connecting' },
        message: 'the operator connects to the ensemble',
      };
      const ready = readiness(spec, observed) ?? (judged ? null : connecting);
      return [...some(ready), ...some(publication(observed, changed > 0)), ...some(preflight(observed))];
    }
    default:
      return outcome satisfies never;
  }
}

function some(judgement: Judgement | null): Judgement[] {
  return judgement === null ? [] : [judgement];
}

/** What was published before goes on, which whoever reads of the problem must know. */
function invalid(problems: readonly Problem[], observed: Observed | undefined, before: SyncPipelineStatus): Judgement {
  const generation = observed?.published?.generation ?? null;
  const stays =
    generation !== null
      ? `. Meanwhile the configuration of generation ${generation} stays in force`
      : observed?.channel.kind !== 'open' && before.leader !== undefined
        ? '. Meanwhile what was published before stays in force'
        : '';
  const text = problems.map(({ message }) => message.replace(/\.$/, '')).join('; ');
  return { type: 'Ready', status: 'False', reason: problems[0]?.reason ?? 'Invalid', message: `${text}${stays}` };
}

type Facts = Omit<SyncPipelineStatus, 'observedGeneration' | 'conditions'>;

/** What the leader reports. Without one the numbers stay as they were last known. */
function factsOf({ observed, spec }: PipelineOutcome, before: SyncPipelineStatus): Facts {
  const { observedGeneration: _generation, conditions: _conditions, ...known } = before;
  if (observed === undefined || spec === undefined) return known;
  const { report, leads, channel } = observed;
  const isSeen = channel.kind === 'open' && channel.known;
  if (report === null) return isSeen ? withoutLeader(known) : known;
  const facts = pipelineStatusOf(report, spec.spec.initialLoad.mode);
  return leads ? facts : withoutLeader(facts);
}

function withoutLeader({ leader: _leader, ...rest }: Facts): Facts {
  return rest;
}

/** Seconds of silence that are nothing to write home about: sources that idle send a sign of life now and then. */
const SILENCE = 10;

/** The status, but as it was before if only numbers have changed and it is not their time. */
function quiet(status: SyncPipelineStatus, before: SyncPipelineStatus, showsNumbers: boolean): SyncPipelineStatus {
  const { lag, position, rows, divergence, initialLoad } = before;
  const old = {
    ...(lag === undefined ? {} : { lag }),
    ...(position === undefined ? {} : { position }),
    ...(rows === undefined ? {} : { rows }),
    ...(divergence === undefined ? {} : { divergence }),
    ...(initialLoad === undefined || initialLoad.state !== status.initialLoad?.state ? {} : { initialLoad }),
  };
  if (!showsNumbers) return isSame({ ...status, ...old }, before) ? before : status;
  const [then, now] = [lag?.heartbeatSeconds ?? 0, status.lag?.heartbeatSeconds ?? 0];
  const still = {
    ...status,
    ...(status.lag === undefined
      ? {}
      : { lag: { ...status.lag, ...(lag?.heartbeatSeconds === undefined ? {} : { heartbeatSeconds: lag.heartbeatSeconds }) } }),
  };
  return Math.abs(then - now) < SILENCE && isSame(still, before) ? before : status;
}

function isSame(a: SyncPipelineStatus, b: SyncPipelineStatus): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

function requeueOf({ kind, observed }: PipelineOutcome): number | undefined {
  if (observed === undefined || kind === 'failed') return undefined;
  switch (observed.channel.kind) {
    case 'none':
      return undefined; // what is missing tells when it comes
    case 'unformed':
    case 'away':
      return LOOK_SOON_MS;
    case 'open':
      return LOOK_MS;
    default:
      return observed.channel satisfies never;
  }
}
