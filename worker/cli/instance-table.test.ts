import { describe, expect, it } from 'vitest';
import { fault, warning } from '../../common/finding.ts';
import type { PipelineReport } from '../../crds/pipeline-report.ts';
import { preflightReport } from '../../crds/preflight-report.ts';
import type { SourceReport } from '../../crds/source-report.ts';
import { judge, renderInstances } from './instance-table.ts';
import type { InstanceView, PipelineView } from './instance-view.ts';

const at = '2026-01-02T03:04:05.000Z';
const now = Date.parse(at) + 1000;

const report: PipelineReport = {
  namespace: 'shop',
  instance: 'orders',
  name: 'to-east',
  at,
  generation: 3,
  instanceGeneration: 1,
  currentTarget: 'mysql.east:3306',
  configError: null,
  phase: 'running',
  worker: 'east-0',
  region: 'east',
  epoch: 2,
  leaderSince: at,
  currentSource: 'db:3306',
  position: { flavor: 'mysql', serverUuid: 'u', gtid: null, journal: 'binlog.000002', offset: 4711, timestampMicros: 1 },
  lag: { applySeconds: 0.012, heartbeatSeconds: 1, bytes: 0 },
  retention: null,
  rows: { inserted: 2900, updated: 90, deleted: 10 },
  transactions: 5,
  initialLoad: null,
  divergence: { missingOnUpdate: 0, missingOnDelete: 0, existingOnInsert: 0, repaired: 0 },
  fenced: 0,
  lastError: null,
  preflight: preflightReport([], at),
};
const pipeline: PipelineView = {
  name: 'to-east',
  wanted: { generation: 3, state: 'Running', region: 'east' },
  configFault: null,
  leader: 'east-0',
  report,
};
const source: SourceReport = {
  namespace: 'shop',
  instance: 'orders',
  at,
  generation: 1,
  worker: 'east-0',
  region: 'east',
  currentSource: 'db:3306',
  serverUuid: 'u',
  flavor: 'mysql',
  version: '9.7.0-0debian',
  binlogRetention: {
    oldestJournal: 'binlog.000001',
    oldestTimestamp: at,
    expireSeconds: 2_592_000,
    headroomSeconds: 2_592_000,
    slowestPipeline: 'to-east',
  },
  preflight: preflightReport([], at),
};
const info = { version: '0.1.0', load: 1, startedAt: at, host: 'h' };
const instance: InstanceView = {
  namespace: 'shop',
  instance: 'orders',
  source,
  workers: [
    { id: 'east-0', region: 'east', pipelines: ['to-east'], ...info },
    { id: 'home-0', region: 'home', pipelines: [], ...info },
  ],
  pipelines: [pipeline],
};

const withPipeline = (change: Partial<PipelineView>): InstanceView => ({ ...instance, pipelines: [{ ...pipeline, ...change }] });
const withReport = (change: Partial<PipelineReport>) => withPipeline({ report: { ...report, ...change } });
const error = {
  code: 'LK1301',
  message: 'target refused the login',
  remedy: 'Compare.',
  found: 'Access denied',
  at,
  attempts: 1,
};

describe('status', () => {
  it('says that all is well, and how', () => {
    expect(judge(instance, now)).toEqual([]);
    expect(renderInstances([{ ...instance, problems: [] }])).toEqual([
      'CanalInstance shop/orders',
      '  source:  db:3306, MySQL 9.7.0, keeps its binlog for 30 d 0 h, 30 d 0 h left for to-east',
      '  workers: 1 in region east, 1 in region home',
      '',
      '  PIPELINE  STATE    PHASE    LEADER  LAG    ROWS  POSITION',
      '  to-east   Running  running  east-0  12 ms  3000  binlog.000002:4711',
      '',
      '  all is well',
    ]);
  });

  it.each([
    [
      'no worker at all',
      { ...instance, workers: [], pipelines: [{ ...pipeline, leader: null }] },
      ['no worker is there: nothing is being copied', 'no worker leads it'],
    ],
    ['nobody leads', withPipeline({ leader: null }), ['no worker leads it']],
    ['a configuration of no use', withPipeline({ wanted: null, configFault: 'field x' }), ['field x']],
    [
      'a configuration refused by the leader',
      withReport({ configError: { ...error, code: 'LK1703' } }),
      ['target refused the login: Access denied; generation 3 goes on'],
    ],
    ['a suspended pipeline', withReport({ phase: 'suspended', lastError: error }), ['target refused the login: Access denied']],
    [
      'a source without binlog',
      { ...instance, source: { ...source, preflight: preflightReport([fault('LK1104', 'log_bin', 'OFF')], at) } },
      ['log_bin: OFF'],
    ],
    [
      'a target that cannot be written',
      withReport({ preflight: preflightReport([fault('LK1304', 'writable', 'no')], at) }),
      ['writable: no'],
    ],
    [
      'binlog that is gone',
      { ...instance, source: { ...source, binlogRetention: { ...source.binlogRetention!, headroomSeconds: 0 } } },
      ['the source has deleted binlog that this pipeline still needs, or is about to'],
    ],
  ])('counts %s as an error', (_, view, messages) => {
    const problems = judge(view, now);
    expect(problems.map(({ severity }) => severity)).toEqual(messages.map(() => 'error'));
    expect(problems.map(({ message }) => message)).toEqual(messages);
    for (const { remedy } of problems) expect(remedy.length).toBeGreaterThan(5);
  });

  it.each([
    [
      'a configuration on its way',
      withPipeline({ wanted: { generation: 4, state: 'Running', region: 'east' } }),
      'generation 4 is not yet in force, 3 is',
    ],
    [
      'a pipeline that tries again',
      withReport({ phase: 'retrying', lastError: error }),
      'target refused the login: Access denied',
    ],
    [
      'a leader of another region',
      withPipeline({ leader: 'home-0', report: { ...report, worker: 'home-0' } }),
      'led from region home, as region east has no worker',
    ],
    ['a silent leader', withReport({ at: '2026-01-02T03:03:05.000Z' }), 'the leader’s last report is 1 min 1 s old'],
    [
      'little headroom',
      { ...instance, source: { ...source, binlogRetention: { ...source.binlogRetention!, headroomSeconds: 7200 } } },
      'the source deletes binlog that this pipeline still needs in 2 h 0 min',
    ],
    ['a finding', withReport({ preflight: preflightReport([warning('LK1309', 'table t', 'no key')], at) }), 'table t: no key'],
  ])('counts %s as a warning', (_, view, message) => {
    expect(judge(view, now)).toMatchObject([{ severity: 'warning', message }]);
  });

  it('forgives errors that have passed, and takes no report of a former leader', () => {
    expect(judge(withReport({ lastError: error }), now)).toEqual([]);
    expect(judge(withReport({ worker: 'before', phase: 'suspended', lastError: error }), now)).toEqual([]);
  });

  it('says what is wrong and what to do, errors first', () => {
    const view = withReport({
      phase: 'suspended',
      lastError: error,
      preflight: preflightReport([warning('LK1309', 'table t', 'no key')], at),
    });
    const lines = renderInstances([{ ...view, problems: judge(view, now) }]);
    expect(lines.slice(6)).toEqual([
      '',
      '  ERROR to-east: LK1301 target refused the login: Access denied',
      '        Compare. (docs/errors.md#lk1301)',
      '',
      '  warn  to-east: LK1309 table t: no key',
      expect.stringContaining('Add a primary key'),
    ]);
  });

  it('shows a first copy, a pipeline nobody leads, one that was refused and one that is going', () => {
    const copying = {
      tablesDone: 0,
      tablesTotal: 1,
      rowsDone: 30,
      rowsTotalEstimate: 60,
      bytes: 1,
      rowsPerSecond: 1,
      etaSeconds: 1,
    };
    const view: InstanceView = {
      ...instance,
      source: null,
      pipelines: [
        { ...pipeline, report: { ...report, phase: 'copying', initialLoad: copying, position: null } },
        { ...pipeline, name: 'b', leader: null },
        { ...pipeline, name: 'c', wanted: null, configFault: 'x', leader: null, report: null },
        { ...pipeline, name: 'd', wanted: null, leader: null, report: null },
      ],
    };
    expect(renderInstances([{ ...view, problems: [] }]).slice(1, 9)).toEqual([
      '  source:  not looked at yet',
      '  workers: 1 in region east, 1 in region home',
      '',
      '  PIPELINE  STATE    PHASE         LEADER  LAG    ROWS  POSITION',
      '  to-east   Running  copying 50 %  east-0  12 ms  3000  -',
      '  b         Running  waiting       -       -      3000  binlog.000002:4711',
      '  c         ?        refused       -       -      -     -',
      '  d         removed  waiting       -       -      -     -',
    ]);
  });

  it('says what to do where there is nothing', () => {
    expect(renderInstances([])).toEqual([expect.stringContaining('apply a CanalInstance')]);
    expect(renderInstances([{ ...instance, pipelines: [], problems: [] }])).toContain('  no pipelines');
  });
});
