import { describe, expect, it } from 'vitest';
import { fault, fine, warning } from '../common/finding.ts';
import { canalInstanceStatus } from './canal-instance.ts';
import { pipelineReportSchema, type PipelineReport } from './pipeline-report.ts';
import { preflightReport } from './preflight-report.ts';
import { readReport } from './read-report.ts';
import { sourceReportSchema, type SourceReport } from './source-report.ts';
import { pipelineStatusOf, sourceStatusOf } from './status-of-reports.ts';
import { syncPipelineStatus } from './sync-pipeline.ts';

const error = { code: 'LK1302', message: 'gone', remedy: 'Look.', at: '2026-01-02T03:04:05.000Z', attempts: 2 };
const report: PipelineReport = {
  namespace: 'shop',
  instance: 'orders',
  name: 'to-east',
  at: '2026-01-02T03:04:06.000Z',
  generation: 7,
  instanceGeneration: 1,
  currentTarget: 'mysql.east:3306',
  configError: null,
  phase: 'running',
  worker: 'w1',
  region: 'east',
  epoch: 3,
  leaderSince: '2026-01-02T03:00:00.000Z',
  currentSource: 'db:3306',
  position: {
    flavor: 'mysql',
    serverUuid: 'u',
    gtid: 'u:1-5',
    journal: 'b.1',
    offset: 9,
    timestampMicros: 1_767_322_000_500_000,
  },
  lag: { applySeconds: 0.5, heartbeatSeconds: null, bytes: 10 },
  retention: null,
  rows: { inserted: 1, updated: 2, deleted: 3 },
  transactions: 4,
  initialLoad: null,
  divergence: { missingOnUpdate: 1, missingOnDelete: 2, existingOnInsert: 4, repaired: 5 },
  fenced: 0,
  lastError: error,
  preflight: null,
};
const progress = {
  tablesDone: 1,
  tablesTotal: 2,
  rowsDone: 3,
  rowsTotalEstimate: 9,
  bytes: 1,
  rowsPerSecond: 1,
  etaSeconds: null,
};

describe('a report of a pipeline', () => {
  it('is read as it was written, with keys of newer releases passed over, and null where it is none', () => {
    expect(readReport(pipelineReportSchema, JSON.stringify({ ...report, later: 1 }))).toEqual(report);
    expect(readReport(pipelineReportSchema, JSON.stringify({ ...report, phase: 'dancing' }))).toBeNull();
    expect(readReport(pipelineReportSchema, '{')).toBeNull();
    expect(readReport(pipelineReportSchema, null)).toBeNull();
  });

  it('gives all that a status shows', () => {
    const status = pipelineStatusOf(report, 'WhenNew');
    expect(status).toEqual({
      leader: { worker: 'w1', region: 'east', epoch: 3, since: '2026-01-02T03:00:00.000Z' },
      position: { gtid: 'u:1-5', journal: 'b.1', offset: 9, timestamp: '2026-01-02T02:46:40.500Z' },
      lag: { applySeconds: 0.5, bytes: 10 },
      rows: { inserted: 1, updated: 2, deleted: 3 },
      initialLoad: { state: 'Done' },
      divergence: { missing: 3, existing: 4, repaired: 5 },
      lastError: { code: 'LK1302', message: 'gone', remedy: 'Look.', at: '2026-01-02T03:04:05.000Z' },
    });
    expect(syncPipelineStatus.parse(status)).toEqual(status);
  });

  it('of a worker that has not taken over names no leader and no position', () => {
    const status = pipelineStatusOf({ ...report, epoch: null, leaderSince: null, position: null, lastError: null }, 'Never');
    expect(status).not.toHaveProperty('leader');
    expect(status).not.toHaveProperty('position');
    expect(status).not.toHaveProperty('initialLoad');
    expect(status).not.toHaveProperty('lastError');
    expect(syncPipelineStatus.parse(status)).toEqual(status);
  });

  it.each([
    ['starting', null, 'Pending'],
    ['copying', progress, 'Running'],
    ['retrying', progress, 'Pending'],
    ['suspended', progress, 'Failed'],
    ['suspended', null, 'Pending'],
  ] as const)('that is %s without a position tells of a first copy %#', (phase, initialLoad, state) => {
    const status = pipelineStatusOf({ ...report, phase, initialLoad, position: null }, 'WhenNew');
    expect(status.initialLoad).toMatchObject({ state, ...(initialLoad === null ? {} : { rowsEstimated: 9 }) });
    expect(syncPipelineStatus.parse(status)).toEqual(status);
  });
});

describe('a report of a source', () => {
  const source: SourceReport = {
    namespace: 'shop',
    instance: 'orders',
    at: error.at,
    generation: 2,
    worker: 'w1',
    region: 'home',
    currentSource: 'db:3306',
    serverUuid: 'u',
    flavor: 'mysql',
    version: '9.7.0',
    binlogRetention: {
      oldestJournal: 'b.1',
      oldestTimestamp: error.at,
      expireSeconds: 86_400,
      headroomSeconds: 4_000,
      slowestPipeline: 'to-east',
    },
    preflight: preflightReport([], error.at),
  };

  it('gives all that a status shows', () => {
    const status = sourceStatusOf(readReport(sourceReportSchema, JSON.stringify(source))!);
    expect(status).toEqual({
      currentSource: 'db:3306',
      serverUuid: 'u',
      flavor: 'mysql',
      version: '9.7.0',
      binlogRetention: { oldestJournal: 'b.1', oldestTimestamp: error.at, headroomSeconds: 4_000 },
    });
    expect(canalInstanceStatus.parse(status)).toEqual(status);
  });

  it('that nobody could read gives nothing', () => {
    const blank = { currentSource: null, serverUuid: null, flavor: null, version: null, binlogRetention: null };
    expect(sourceStatusOf({ ...source, ...blank })).toEqual({});
  });
});

describe('a report of a preflight', () => {
  it('has errors first, then warnings, and counts what is well', () => {
    const findings = [
      warning('LK1111', 'TLS', 'off'),
      fine('login', 'as root'),
      fault('LK1104', 'log_bin', 'OFF'),
      fine('version', '9.7'),
    ];
    expect(preflightReport(findings, error.at)).toMatchObject({
      at: error.at,
      passed: 2,
      leftOut: 0,
      findings: [
        { severity: 'error', code: 'LK1104' },
        { severity: 'warning', code: 'LK1111' },
      ],
    });
  });

  it('stays small, however much is wrong', () => {
    const many = Array.from({ length: 3000 }, (_, i) => fault('LK1308', `table ${i}`, 'x'.repeat(5000)));
    const small = preflightReport(many, error.at);
    expect([small.findings.length, small.leftOut]).toEqual([100, 2900]);
    expect(JSON.stringify(small).length).toBeLessThan(200_000);
  });
});
