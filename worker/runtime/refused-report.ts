import type { PipelineReport, ReportedError } from '../../crds/pipeline-report.ts';

/** The report of a pipeline that cannot begin because its first configuration cannot be used. */
export function refusedReport(
  who: Pick<PipelineReport, 'namespace' | 'instance' | 'name' | 'worker' | 'region'>,
  error: ReportedError,
): PipelineReport {
  return {
    ...who,
    at: error.at,
    generation: 0,
    instanceGeneration: 0,
    configError: error,
    phase: 'suspended',
    epoch: null,
    leaderSince: null,
    currentSource: null,
    currentTarget: null,
    position: null,
    lag: { applySeconds: null, heartbeatSeconds: null, bytes: 0 },
    retention: null,
    rows: { inserted: 0, updated: 0, deleted: 0 },
    transactions: 0,
    initialLoad: null,
    divergence: { missingOnUpdate: 0, missingOnDelete: 0, existingOnInsert: 0, repaired: 0 },
    fenced: 0,
    lastError: error,
    preflight: null,
  };
}
