import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { WorkerMetrics } from '../../worker/metrics.ts';
import { findTool, runFolder } from '../servers/process.ts';
import { alertRules } from './rules.ts';

const checkout = join(import.meta.dirname, '../..');
const page = readFileSync(join(checkout, 'docs/reference/metrics.md'), 'utf8');

interface Documented {
  readonly type: string;
  readonly labels: readonly string[];
}

/** The page's tables, by section and metric. */
const documented = new Map(
  page
    .split(/^## /m)
    .map((section) => [
      section.slice(0, section.indexOf('\n')),
      new Map<string, Documented>(
        [...section.matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) ?\|/gm)].map(([, name, type, labels]) => [
          name!,
          { type: type!, labels: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label!) },
        ]),
      ),
    ]),
);
const all = new Map([...documented.values()].flatMap((section) => [...section]));

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly type: string;
    readonly description?: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
    readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
  }[];
}
const dashboard = JSON.parse(readFileSync(join(checkout, 'charts/lockkeeper/files/dashboard.json'), 'utf8')) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

/** Our metrics in an expression; those of a histogram by its own name. */
function metricsOf(expression: string): string[] {
  return [...expression.matchAll(/lockkeeper_\w+/g)].map(([name]) => name.replace(/_bucket$/, ''));
}

describe('docs/reference/metrics.md', () => {
  it('has exactly the metrics of the worker, with type and labels', () => {
    const kinds: Readonly<Record<string, string>> = { Counter: 'counter', Gauge: 'gauge', Histogram: 'histogram' };
    const own = new WorkerMetrics().registry
      .getMetricsAsArray()
      .map((metric) => metric as unknown as { name: string; labelNames: string[] })
      .filter(({ name }) => name.startsWith('lockkeeper_'))
      .map((metric) => [
        metric.name,
        { type: kinds[metric.constructor.name], labels: metric.labelNames.filter((l) => l !== 'le') },
      ]);
    expect(Object.fromEntries(documented.get('Workers')!)).toEqual(Object.fromEntries(own));
  });

  it('has every metric once', () => {
    expect(all.size).toBe([...page.matchAll(/^\| `lockkeeper_/gm)].length);
    expect(documented.get('Objects')!.size).toBeGreaterThan(5);
    expect(documented.get('Operator')!.size).toBeGreaterThan(10);
  });

  it('has what the alerts look at, with the labels by which they do', () => {
    expect(alertRules.length).toBeGreaterThan(20);
    for (const { alert, expr } of alertRules) {
      const used = metricsOf(expr);
      expect(used.length, alert).toBeGreaterThan(0);
      for (const metric of used) expect(all.has(metric), `${metric} of ${alert}`).toBe(true);
      for (const [, metric, matchers] of expr.matchAll(/(lockkeeper_\w+)\{(.*?)\}/g))
        for (const [, label] of matchers!.matchAll(/(\w+)=/g))
          expect([...all.get(metric!)!.labels, 'namespace'], `${metric} of ${alert}`).toContain(label);
    }
  });
});

describe('the dashboard', () => {
  it('shows lag, throughput, leaders, divergence, first copy, ensembles and operator', () => {
    const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual([
      'Overview',
      'Lag',
      'Throughput',
      'Leaders',
      'Errors and divergence',
      'First copy',
      'Ensembles',
      'Operator',
    ]);
  });

  it('asks for documented metrics only, and for all that people look at', () => {
    const used = new Set(panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsOf(expr))));
    for (const metric of used) expect(all.has(metric), metric).toBe(true);
    // A limit, and what only alerts ask.
    const unseen = [...all.keys()].filter((metric) => !used.has(metric));
    expect(unseen.sort()).toEqual([
      'lockkeeper_checkpoint_timestamp_seconds',
      'lockkeeper_lag_limit_seconds',
      'lockkeeper_operator_api_request_seconds',
      'lockkeeper_operator_cache_objects',
      'lockkeeper_operator_cache_silence_seconds',
      'lockkeeper_operator_events_dropped_total',
      'lockkeeper_operator_object_writes_total',
      'lockkeeper_operator_queue_seconds',
    ]);
  });

  it('has a unit, a description and a legend in each panel, and no panel over another', () => {
    const taken = new Set<string>();
    for (const { title, description, targets = [], fieldConfig, gridPos } of panels) {
      expect(description, title).toMatch(/\w/);
      expect(fieldConfig!.defaults.unit, title).toMatch(/\w/);
      expect(targets.length, title).toBeGreaterThan(0);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x},${y}`), `${title} at ${x},${y}`).toBe(false);
          taken.add(`${x},${y}`);
        }
    }
    expect(new Set(dashboard.panels.map(({ title }) => title)).size).toBe(dashboard.panels.length);
  });

  it('asks in PromQL that Prometheus understands', () => {
    const rules = panels
      .flatMap(({ targets = [] }) => targets)
      .map(({ expr }, index) => ({
        record: `panel:${index}`,
        expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$namespace', '.*').replaceAll('$pipeline', '.*'),
      }));
    for (const { expr } of rules) expect(expr).not.toContain('$');
    const file = join(runFolder('dashboard'), 'rules.yaml');
    writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules }] }));
    const checked = execFileSync(findTool('promtool'), ['check', 'rules', file], { encoding: 'utf8' });
    expect(checked).toContain(`${rules.length} rules found`);
  });
});
