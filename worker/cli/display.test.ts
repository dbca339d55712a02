import { describe, expect, it } from 'vitest';
import type { PipelineStatus } from '../pipeline/pipeline-status.ts';
import { formatCount, formatDuration, formatLag, ratesBetween, renderStatus } from './display.ts';

const status: PipelineStatus = {
  namespace: 'default',
  name: 'orders',
  phase: 'running',
  worker: 'w1',
  region: null,
  epoch: 3,
  leaderSince: null,
  currentSource: 'db:3306',
  position: { flavor: 'mysql', serverUuid: 'u', gtid: null, journal: 'binlog.000002', offset: 4711, timestampMicros: 0 },
  lag: { applySeconds: 0.012, heartbeatSeconds: 1, bytes: 0 },
  rows: { inserted: 900, updated: 90, deleted: 10 },
  transactions: 5,
  initialLoad: null,
  divergence: { missingOnUpdate: 0, missingOnDelete: 0, existingOnInsert: 0, repaired: 0 },
  retention: null,
  fenced: 0,
  lastError: null,
};

describe('display', () => {
  it('shows one line a pipeline', () => {
    const later = { ...status, rows: { inserted: 2900, updated: 90, deleted: 10 } };
    expect(renderStatus([later], ratesBetween([status], [later], 2), 120)).toEqual([
      'PIPELINE        PHASE    LAG    ROWS/S  ROWS  SOURCE   POSITION',
      'default/orders  running  12 ms  1000    3000  db:3306  binlog.000002:4711',
    ]);
  });

  it('shows progress of the first copy', () => {
    const copying: PipelineStatus = {
      ...status,
      phase: 'copying',
      initialLoad: {
        tablesDone: 1,
        tablesTotal: 4,
        rowsDone: 500,
        rowsTotalEstimate: 2000,
        bytes: 1,
        rowsPerSecond: 50_000,
        etaSeconds: 90,
      },
    };
    expect(renderStatus([copying], new Map(), 200)[2]).toBe(
      '  default/orders: first copy [#####...............] 25 %, table 1/4, 50.0k rows/s, about 1 min 30 s left',
    );
  });

  it('says why a pipeline is suspended and what to do', () => {
    const error = { code: 'LK1304', message: 'the target is read-only', remedy: 'Switch it off.', at: '', attempts: 1 };
    const lines = renderStatus([{ ...status, phase: 'suspended', lastError: error }], new Map(), 200);
    expect(lines.slice(2)).toEqual(['  default/orders: LK1304 the target is read-only', '    remedy: Switch it off.']);
  });

  it('cuts lines at the width of the terminal', () => {
    for (const line of renderStatus([status], new Map(), 30)) expect(line.length).toBeLessThanOrEqual(30);
  });

  it.each([
    [0, '0'],
    [9_999, '9999'],
    [12_345, '12.3k'],
    [1_234_567, '1.23M'],
  ])('counts %d as %s', (value, text) => expect(formatCount(value)).toBe(text));

  it.each([
    [null, '-'],
    [0.0034, '3 ms'],
    [4.2, '4.2 s'],
    [75, '1 min 15 s'],
    [7260, '2 h 1 min'],
  ])('writes a lag of %s as %s', (value, text) => expect(formatLag(value)).toBe(text));

  it('rounds durations', () => expect([59.4, 90_000, 200_000].map(formatDuration)).toEqual(['59 s', '25 h 0 min', '2 d 7 h']));
});
