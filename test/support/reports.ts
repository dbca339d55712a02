import type { PipelineReport } from '../../crds/pipeline-report.ts';
import type { WorkerInfo } from '../../crds/worker-info.ts';

/** A report of a pipeline that is well, as its leader writes it. */
export function pipelineReport(fields: Partial<PipelineReport> = {}): PipelineReport {
  return {
    namespace: 'shop',
    instance: 'orders',
    name: 'east',
    at: '2026-01-01T00:00:00.000Z',
    generation: 1,
    instanceGeneration: 1,
    configError: null,
    phase: 'running',
    worker: 'w1',
    region: 'home',
    epoch: 1,
    leaderSince: '2026-01-01T00:00:00.000Z',
    currentSource: 'mysql.home:3306',
    currentTarget: 'mysql.east:3306',
    position: {
      flavor: 'mysql',
      serverUuid: '3e11fa47-71ca-11e1-9e33-c80aa9429562',
      gtid: '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77',
      journal: 'binlog.000042',
      offset: 4711,
      timestampMicros: 0,
    },
    lag: { applySeconds: 0, heartbeatSeconds: 1, bytes: 0 },
    retention: null,
    rows: { inserted: 10, updated: 5, deleted: 1 },
    transactions: 12,
    initialLoad: null,
    divergence: { missingOnUpdate: 0, missingOnDelete: 0, existingOnInsert: 0, repaired: 0 },
    fenced: 0,
    lastError: null,
    preflight: null,
    ...fields,
  };
}

export function workerInfo(fields: Partial<WorkerInfo> = {}): WorkerInfo {
  const startedAt = '2026-01-01T00:00:00.000Z';
  return { region: 'home', version: '0.1.0', load: 0, pipelines: [], startedAt, host: 'node-1', ...fields };
}
