import type { SyncPipelineStatus } from '../../crds/index.ts';
import { findCondition, type EventNote } from '../kube/index.ts';

/** Reasons of not being ready that go by themselves, most often within seconds. */
const passing = new Set(['Connecting', 'EnsembleNotReady', 'NoLeader', 'NotTakenUp', 'Starting', 'ReconcileFailed']);
/** Reasons that are as a person wants it. */
const wanted = new Set(['Running', 'Copying', 'Paused', 'Stopped']);

/** What a person should hear of, once each: a new leader, another state, and what goes wrong or is well again. */
export function eventsOf(before: SyncPipelineStatus, now: SyncPipelineStatus): EventNote[] {
  return [...leaderEvents(before, now), ...readyEvents(before, now)];
}

function leaderEvents({ leader: before }: SyncPipelineStatus, { leader: now }: SyncPipelineStatus): EventNote[] {
  if (now === undefined || (before?.worker === now.worker && before.epoch === now.epoch)) return [];
  const note = `Worker ${now.worker}${now.region === '' ? '' : ` in region ${now.region}`} leads with epoch ${now.epoch}`;
  return [{ type: 'Normal', reason: 'LeaderElected', note }];
}

function readyEvents(before: SyncPipelineStatus, now: SyncPipelineStatus): EventNote[] {
  const [then, ready] = [findCondition(before.conditions, 'Ready'), findCondition(now.conditions, 'Ready')];
  if (ready === undefined || passing.has(ready.reason)) return [];
  const isNews = then?.reason !== ready.reason || then.status !== ready.status;
  if (wanted.has(ready.reason)) {
    if (!isNews) return [];
    const isRecovery = ready.status === 'True' && then !== undefined && !wanted.has(then.reason) && !passing.has(then.reason);
    return [{ type: 'Normal', reason: isRecovery ? 'Recovered' : ready.reason, note: ready.message }];
  }
  // The same trouble with another cause is another trouble; that of a passing error is not.
  if (!isNews && (ready.reason === 'Retrying' || then.message === ready.message)) return [];
  return [{ type: 'Warning', reason: ready.reason, note: ready.message }];
}
