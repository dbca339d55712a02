import { isDeepStrictEqual } from 'node:util';
import type { CanalInstanceStatus } from '../../crds/index.ts';
import { sourceStatusOf } from '../../crds/status-of-reports.ts';
import {
  findCondition,
  judge,
  type CanalInstanceResource,
  type EventNote,
  type Judgement,
  type Live,
  type Outcome,
  type Report,
} from '../kube/index.ts';
import type { InstanceStep } from './instance-plan.ts';
import { judgements } from './judgements.ts';
import type { Observed } from './observed.ts';
import type { InstanceSpec } from './parse-instance.ts';

/** How soon to look again at what tells nobody when it changes, such as an ensemble that is out of reach. */
const LOOK_AGAIN_MS = 15_000;

export function reportInstance(
  outcome: Outcome<InstanceSpec, Observed, InstanceStep>,
  object: Live<CanalInstanceResource>,
  now: number,
): Report<CanalInstanceStatus> {
  const { generation } = object.metadata;
  const before = object.status ?? {};
  const { observed } = outcome;
  const seen = observed === undefined ? [] : judgements(object, observed, outcome.kind === 'done' && outcome.changed > 0);
  const judged = [...(seen ?? unread(object)), ...overruling(outcome, before)];
  const conditions = judge(before.conditions, judged, generation, now);
  const status: CanalInstanceStatus = {
    ...before,
    ...(observed === undefined ? {} : measured(before, observed)),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions,
  };
  const waits = seen === null || isOutOfReach(observed) ? LOOK_AGAIN_MS : undefined;
  const held = observed === undefined || observed.numbersIn === 0 ? null : withOldNumbers(status, before);
  return {
    status: held ?? status,
    events: warnings(conditions, before.conditions ?? []),
    requeueAfterMs: held === null ? waits : Math.min(observed!.numbersIn, waits ?? Infinity),
  };
}

/** The old status where the new one differs from it in numbers alone; else null. */
function withOldNumbers(status: CanalInstanceStatus, before: CanalInstanceStatus): CanalInstanceStatus | null {
  const numbers = ({ workers, pipelines, binlogRetention }: CanalInstanceStatus) => ({ workers, pipelines, binlogRetention });
  if (isDeepStrictEqual(numbers(status), numbers(before))) return null;
  return isDeepStrictEqual({ ...status, ...numbers(before) }, { ...before, ...numbers(before) }) ? before : null;
}

/** What workers and pipelines are, and what the source was found to be; of a source that is not known at present what was known last. */
function measured(before: CanalInstanceStatus, { workers, pipelines, ensemble }: Observed): CanalInstanceStatus {
  const { currentSource, serverUuid, flavor, version, binlogRetention, ...rest } = before;
  const told = ensemble.kind === 'usable' && ensemble.told.known ? ensemble.told : null;
  const last = { currentSource, serverUuid, flavor, version, binlogRetention };
  const source = told === null ? last : told.source === null ? {} : sourceStatusOf(told.source);
  return {
    ...rest,
    ...(Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined)) as typeof source),
    workers: workers.map(({ region, ready, desired }) => ({ region, ready, desired })),
    pipelines: pipelines.length,
  };
}

/** For as long as ZooKeeper has not been read; what was judged of the same spec stands until then. */
function unread({ metadata, status }: Live<CanalInstanceResource>): Judgement[] {
  const ready = findCondition(status?.conditions, 'Ready');
  if (ready !== undefined && ready.observedGeneration === metadata.generation) return [];
  return [{ type: 'Ready', status: 'Unknown', reason: 'Connecting', message: 'what workers say in ZooKeeper is yet to be read' }];
}

function isOutOfReach(observed: Observed | undefined): boolean {
  if (observed === undefined || observed.ensemble.kind === 'missing') return false;
  return observed.ensemble.kind === 'unusable' || observed.config === undefined;
}

/** What a spec that cannot be carried out, or a reconcile that failed, makes of the rest. */
function overruling(outcome: Outcome<InstanceSpec, Observed, InstanceStep>, before: CanalInstanceStatus): Judgement[] {
  if (outcome.kind === 'invalid') {
    const reason = outcome.problems[0]?.reason ?? 'Invalid';
    const message = outcome.problems.map((problem) => problem.message).join('; ');
    return [
      { type: 'Ready', status: 'False', reason, message },
      { type: 'Progressing', status: 'False', reason, message },
    ];
  }
  if (outcome.kind !== 'failed') return [];
  const { message } = outcome.error;
  const unseen = outcome.observed === undefined && findCondition(before.conditions, 'Ready') === undefined;
  return [
    ...(unseen ? [{ type: 'Ready', status: 'Unknown', reason: 'ReconcileFailed', message } as const] : []),
    { type: 'Progressing', status: 'True', reason: 'Retrying', message },
  ];
}

/** A person is told once when something has gone wrong, or when what is wrong has changed. */
function warnings(now: readonly Judgement[], before: readonly Judgement[]): EventNote[] {
  return now.flatMap(({ type, status, reason, message }): EventNote[] => {
    if (status !== 'False' || type === 'Progressing' || passing.has(reason)) return [];
    // Told of already under the name of what Ready depends on.
    if (type === 'Ready' && now.some((each) => causes.has(each.type) && each.status === 'False' && each.message === message))
      return [];
    const known = before.find((each) => each.type === type);
    const shown = type === 'PreflightPassed' ? 'PreflightFailed' : reason;
    return known?.status !== status || known.reason !== reason ? [{ type: 'Warning', reason: shown, note: message }] : [];
  });
}

const causes = new Set(['WorkersReady', 'PreflightPassed']);

/** Reasons that go by themselves, and need no warning. */
const passing = new Set(['WorkersMissing', 'SourceNotReported']);
