import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { findTool, runFolder } from '../servers/process.ts';
import { alertCases, type AlertCase } from './alert-cases.ts';
import { only, releaseNamespace, render } from './helm.ts';
import { alertNames, type AlertRule, type RuleGroup } from './rules.ts';

const runbookBaseUrl = 'https://runbooks.example/lockkeeper';
const pages = join(import.meta.dirname, '../../docs/operations');
let rules: readonly AlertRule[];
let folder: string;

beforeAll(async () => {
  const objects = await render({ prometheusRule: { enabled: true, runbookBaseUrl } });
  const { groups } = only(objects, 'PrometheusRule')['spec'] as { groups: RuleGroup[] };
  rules = groups.flatMap((group) => group.rules);
  folder = runFolder('alerts');
  writeFileSync(join(folder, 'rules.yaml'), stringify({ groups }));
});

describe('the alerts', () => {
  it('are what promtool takes', () => {
    const checked = execFileSync(findTool('promtool'), ['check', 'rules', join(folder, 'rules.yaml')], { encoding: 'utf8' });
    expect(checked).toContain(`${rules.length} rules found`);
  });

  it('have severity, summary, description and a page each, and no page is left over', () => {
    for (const { alert, labels, annotations } of rules) {
      expect(labels['severity'], alert).toMatch(/^(warning|critical)$/);
      expect(annotations.summary.length, alert).toBeGreaterThan(20);
      expect(annotations.description.length, alert).toBeGreaterThan(40);
      expect(annotations.runbook_url).toBe(`${runbookBaseUrl}/${alert}.md`);
      expect(existsSync(join(pages, `${alert}.md`)), `docs/operations/${alert}.md`).toBe(true);
    }
    const written = readdirSync(pages).filter((name) => name !== 'README.md');
    expect(written.sort()).toEqual([...new Set(rules.map(({ alert }) => `${alert}.md`))].sort());
  });

  it('are each seen to fire, with each of their severities, and to stay silent', () => {
    expect([...new Set(alertCases.map(({ alert }) => alert))].sort()).toEqual([...alertNames].sort());
    const fired = alertCases.flatMap(({ alert, fires }) =>
      fires.map(({ labels }) => `${alert} ${labels['severity'] ?? 'warning'}`),
    );
    expect([...new Set(fired)].sort()).toEqual(rules.map(({ alert, labels }) => `${alert} ${labels['severity']}`).sort());
    const silent = new Set(alertCases.filter(({ fires }) => fires.length === 0).map(({ alert }) => alert));
    expect([...silent].sort()).toEqual([...alertNames].sort());
  });

  describe.each([...alertNames])('%s', (name) => {
    it.each(alertCases.filter(({ alert }) => alert === name).map((each) => [outcomeOf(each), each] as const))('%s', (_, each) => {
      const test = join(folder, `${alertCases.indexOf(each)}.yaml`);
      writeFileSync(test, stringify(promtoolTest(each)));
      const { status, stdout, stderr } = spawnSync(findTool('promtool'), ['test', 'rules', test], { encoding: 'utf8' });
      expect(`${stdout}${stderr}`).toContain('SUCCESS');
      expect(status).toBe(0);
    });
  });
});

function outcomeOf({ fires, when }: AlertCase): string {
  return `${fires.length > 0 ? 'fires' : 'is silent'} when ${when}`;
}

function promtoolTest({ alert, series, at, fires }: AlertCase): object {
  return {
    rule_files: ['rules.yaml'],
    evaluation_interval: '30s',
    tests: [
      {
        interval: '30s',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [
          {
            eval_time: `${at}m`,
            alertname: alert,
            exp_alerts: fires.map(({ labels, summary, description }) => {
              const all = { severity: 'warning', ...labels };
              const rule = rules.find((each) => each.alert === alert && each.labels['severity'] === all.severity);
              const { annotations } = rule!;
              return {
                exp_labels: all,
                exp_annotations: { ...annotations, summary, description: description ?? annotations.description },
              };
            }),
          },
        ],
      },
    ],
  };
}

it('look at the operator of their own release', () => {
  const { expr } = rules.find(({ alert }) => alert === 'LockkeeperOperatorDown')!;
  expect(expr).toContain(`namespace="${releaseNamespace}"`);
});
