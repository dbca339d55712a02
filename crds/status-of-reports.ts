import type { CanalInstanceStatus } from './canal-instance.ts';
import type { PipelineReport } from './pipeline-report.ts';
import type { SourceReport } from './source-report.ts';
import type { SyncPipeline, SyncPipelineStatus } from './sync-pipeline.ts';

/** A SyncPipeline's status as its leader's report tells it; conditions are the operator's judgement. */
export function pipelineStatusOf(
  report: PipelineReport,
  mode: SyncPipeline['spec']['initialLoad']['mode'],
): Omit<SyncPipelineStatus, 'observedGeneration' | 'conditions'> {
  const { worker, region, epoch, leaderSince, position, lag, rows, divergence, lastError } = report;
  return {
    ...(epoch === null || leaderSince === null ? {} : { leader: { worker, region: region ?? '', epoch, since: leaderSince } }),
    ...(position === null
      ? {}
      : {
          position: {
            gtid: position.gtid,
            journal: position.journal,
            offset: position.offset,
            ...(position.timestampMicros === 0 ? {} : { timestamp: isoOf(position.timestampMicros) }),
          },
        }),
    lag: {
      ...(lag.applySeconds === null ? {} : { applySeconds: hundredths(lag.applySeconds) }),
      ...(lag.heartbeatSeconds === null ? {} : { heartbeatSeconds: hundredths(lag.heartbeatSeconds) }),
      bytes: lag.bytes,
    },
    rows,
    ...(mode === 'Never' ? {} : { initialLoad: initialLoadOf(report) }),
    divergence: {
      missing: divergence.missingOnUpdate + divergence.missingOnDelete,
      existing: divergence.existingOnInsert,
      repaired: divergence.repaired,
    },
    ...(lastError === null
      ? {}
      : { lastError: { code: lastError.code, message: lastError.message, remedy: lastError.remedy, at: lastError.at } }),
  };
}

/** A position is stored only when the copy is done. */
function initialLoadOf({ initialLoad, position, phase }: PipelineReport): NonNullable<SyncPipelineStatus['initialLoad']> {
  const state =
    position !== null ? 'Done' : phase === 'copying' ? 'Running' : phase === 'suspended' && initialLoad ? 'Failed' : 'Pending';
  if (initialLoad === null) return { state };
  const { tablesDone, tablesTotal, rowsDone, rowsTotalEstimate } = initialLoad;
  return { state, tablesDone, tablesTotal, rowsDone, rowsEstimated: rowsTotalEstimate };
}

/** What a CanalInstance's status has from the report of its source. */
export function sourceStatusOf({
  currentSource,
  serverUuid,
  flavor,
  version,
  binlogRetention,
}: SourceReport): Pick<CanalInstanceStatus, 'currentSource' | 'serverUuid' | 'flavor' | 'version' | 'binlogRetention'> {
  return {
    ...(currentSource === null ? {} : { currentSource }),
    ...(serverUuid === null ? {} : { serverUuid }),
    ...(flavor === null ? {} : { flavor }),
    ...(version === null ? {} : { version }),
    ...(binlogRetention === null
      ? {}
      : {
          binlogRetention: {
            oldestJournal: binlogRetention.oldestJournal,
            ...(binlogRetention.oldestTimestamp === null ? {} : { oldestTimestamp: binlogRetention.oldestTimestamp }),
            ...(binlogRetention.headroomSeconds === null ? {} : { headroomSeconds: binlogRetention.headroomSeconds }),
          },
        }),
  };
}

/** Seconds for people, who see them as a column of kubectl. */
function hundredths(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}

function isoOf(micros: number): string {
  return new Date(micros / 1000).toISOString();
}
