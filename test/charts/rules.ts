import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** What the chart's alerts look like once rendered. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly AlertRule[];
}

const file = join(import.meta.dirname, '../../charts/lockkeeper/files/alerts.yaml');
const { groups } = parse(readFileSync(file, 'utf8')) as { groups: RuleGroup[] };

export const alertRules: readonly AlertRule[] = groups.flatMap(({ rules }) => rules);
export const alertNames: readonly string[] = [...new Set(alertRules.map(({ alert }) => alert))];
