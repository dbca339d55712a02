/* The Grafana dashboard files/dashboard.json, row by row (`make generate`). Its metrics are described in docs/reference/metrics.md. */

interface Panel {
  readonly title: string;
  readonly description: string;
  /** PromQL by legend; NAMESPACE and PIPELINE stand for the dashboard's choices as label matchers. */
  readonly queries: Readonly<Record<string, string>>;
  /** As Grafana names it. */
  readonly unit: string;
  readonly kind?: 'timeseries' | 'stat' | 'state-timeline';
  /** Out of 24. */
  readonly width?: number;
  readonly stacked?: true;
  /** Red from one on. */
  readonly bad?: true;
  readonly negative?: true;
}

const matchers = { NAMESPACE: 'namespace=~"$namespace"', PIPELINE: 'namespace=~"$namespace",pipeline=~"$pipeline"' };
const pipeline = '{{namespace}}/{{pipeline}}';

const largest = (metric: string) => `max by (namespace, pipeline) (${metric}{PIPELINE})`;
const rate = (metric: string, by = 'namespace, pipeline') => `sum by (${by}) (rate(${metric}{PIPELINE}[$__rate_interval]))`;
const growth = (metric: string, by = 'namespace, pipeline') => `sum by (${by}) (increase(${metric}{PIPELINE}[$__rate_interval]))`;
const quantile = (share: number, metric: string) =>
  `histogram_quantile(${share}, sum by (namespace, pipeline, le) (rate(${metric}_bucket{PIPELINE}[$__rate_interval])))`;
const count = (expression: string) => ({ '': `count(${expression}) or vector(0)` });
const stat = { kind: 'stat', width: 4, unit: 'short' } as const;

const rows: Readonly<Record<string, readonly Panel[]>> = {
  Overview: [
    {
      ...stat,
      title: 'Pipelines that run',
      description: 'Pipelines with a leader in phase running.',
      queries: count('lockkeeper_pipeline_phase{PIPELINE,phase="running"} == 1'),
    },
    {
      ...stat,
      title: 'Suspended or failing',
      description: 'Pipelines that wait for a person, or try again after an error.',
      queries: count('lockkeeper_pipeline_phase{PIPELINE,phase=~"suspended|retrying"} == 1'),
      bad: true,
    },
    {
      ...stat,
      title: 'Without leader',
      description: 'Pipelines that should run and that nobody leads.',
      queries: count(
        'lockkeeper_pipeline_state{PIPELINE,state="Running"} == 1 unless on (namespace, pipeline) lockkeeper_leader == 1',
      ),
      bad: true,
    },
    {
      ...stat,
      title: 'Largest lag',
      description: 'Of the pipeline that is farthest behind.',
      queries: { '': 'max(lockkeeper_apply_lag_seconds{PIPELINE})' },
      unit: 's',
    },
    {
      ...stat,
      title: 'Objects not ready',
      description: 'ZkEnsembles, CanalInstances and SyncPipelines whose condition Ready is not True.',
      queries: count('lockkeeper_condition{NAMESPACE,type="Ready",status!="True"} == 1'),
      bad: true,
    },
    {
      ...stat,
      title: 'Least headroom',
      description: 'Time until a source deletes binlog that a pipeline still needs.',
      queries: { '': 'min(lockkeeper_source_retention_headroom_seconds{PIPELINE})' },
      unit: 's',
      negative: true,
    },
  ],
  Lag: [
    {
      title: 'Lag of each pipeline',
      description: 'Age of the oldest change that is known and not applied; 0 when there is none.',
      queries: { [pipeline]: largest('lockkeeper_apply_lag_seconds') },
      unit: 's',
      width: 12,
    },
    {
      title: 'Latency, 99 %',
      description: 'From the commit at the source to the commit at the target.',
      queries: { [pipeline]: quantile(0.99, 'lockkeeper_apply_latency_seconds') },
      unit: 's',
      width: 12,
    },
    {
      title: 'Waiting',
      description: 'Bytes read from the source and not yet applied.',
      queries: { [pipeline]: largest('lockkeeper_queue_bytes') },
      unit: 'bytes',
    },
    {
      title: 'Retention headroom',
      description: 'Time until the source deletes binlog that the pipeline still needs.',
      queries: { [pipeline]: 'min by (namespace, pipeline) (lockkeeper_source_retention_headroom_seconds{PIPELINE})' },
      unit: 's',
      negative: true,
    },
    {
      title: 'Silence of the source',
      description: 'Time since the source was last heard of.',
      queries: { [pipeline]: largest('lockkeeper_source_silence_seconds') },
      unit: 's',
    },
  ],
  Throughput: [
    {
      title: 'Rows',
      description: 'Rows applied, as the source logged them.',
      queries: { '{{operation}}': rate('lockkeeper_rows_applied_total', 'operation') },
      unit: 'rowsps',
      width: 12,
      stacked: true,
    },
    {
      title: 'Transactions',
      description: 'Transactions of the source, and those of the target that carried them.',
      queries: {
        [`${pipeline} at the source`]: rate('lockkeeper_transactions_applied_total'),
        [`${pipeline} at the target`]: rate('lockkeeper_batches_committed_total'),
      },
      unit: 'ops',
      width: 12,
    },
    {
      title: 'Binlog received',
      description: 'Bytes of binlog from the source.',
      queries: { [pipeline]: rate('lockkeeper_binlog_bytes_received_total') },
      unit: 'Bps',
    },
    {
      title: 'Bytes applied',
      description: 'Bytes of row images applied.',
      queries: { [pipeline]: rate('lockkeeper_bytes_applied_total') },
      unit: 'Bps',
    },
    {
      title: 'Time of a batch, 90 %',
      description: 'To write and commit one target transaction.',
      queries: { [pipeline]: quantile(0.9, 'lockkeeper_batch_seconds') },
      unit: 's',
    },
  ],
  Leaders: [
    {
      title: 'Leader',
      description: 'The worker that leads each pipeline.',
      queries: { [`${pipeline}: {{pod}}`]: 'lockkeeper_leader{PIPELINE} == 1' },
      unit: 'short',
      kind: 'state-timeline',
      width: 12,
    },
    {
      title: 'Phase',
      description: 'What each pipeline does.',
      queries: {
        [`${pipeline}: {{phase}}`]:
          'max by (namespace, pipeline, phase) (lockkeeper_pipeline_phase{PIPELINE,phase!="following"}) == 1',
      },
      unit: 'short',
      kind: 'state-timeline',
      width: 12,
    },
    {
      title: 'Epoch',
      description: 'Rises with each takeover.',
      queries: { [pipeline]: largest('lockkeeper_epoch') },
      unit: 'short',
    },
    {
      title: 'Refused writes of former leaders',
      description: 'By the target, because a newer leader exists.',
      queries: { [pipeline]: growth('lockkeeper_fenced_writes_total') },
      unit: 'short',
    },
    {
      title: 'Workers',
      description: 'Ready workers of each instance and region, and those wanted.',
      queries: {
        '{{namespace}}/{{name}} {{region}}': 'lockkeeper_instance_workers{NAMESPACE}',
        '{{namespace}}/{{name}} {{region}} wanted': 'lockkeeper_instance_workers_wanted{NAMESPACE}',
      },
      unit: 'short',
    },
  ],
  'Errors and divergence': [
    {
      title: 'Divergent rows',
      description: 'Rows that were missing at the target, or existed already.',
      queries: { [`${pipeline} {{kind}}`]: growth('lockkeeper_divergent_rows_total', 'namespace, pipeline, kind') },
      unit: 'short',
    },
    {
      title: 'Errors',
      description: 'By code.',
      queries: { [`${pipeline} {{code}}`]: growth('lockkeeper_errors_total', 'namespace, pipeline, code') },
      unit: 'short',
    },
    {
      title: 'Batches written again',
      description: 'After a deadlock or lock wait at the target.',
      queries: { [pipeline]: growth('lockkeeper_batch_retries_total') },
      unit: 'short',
    },
    {
      title: 'Schema changes',
      description: 'DDL statements by outcome.',
      queries: { [`${pipeline} {{outcome}}`]: growth('lockkeeper_ddl_statements_total', 'namespace, pipeline, outcome') },
      unit: 'short',
    },
    {
      title: 'Connections to sources',
      description: 'Binlog streams opened.',
      queries: { [pipeline]: growth('lockkeeper_source_connections_total') },
      unit: 'short',
    },
    {
      title: 'Connected',
      description: '1 while the binlog stream is open.',
      queries: { [pipeline]: largest('lockkeeper_source_connected') },
      unit: 'short',
    },
  ],
  'First copy': [
    {
      title: 'Progress',
      description: 'Rows copied, of those expected.',
      queries: {
        [pipeline]: `${largest('lockkeeper_first_copy_rows')} / (${largest('lockkeeper_first_copy_rows_estimate')} > 0)`,
      },
      unit: 'percentunit',
      width: 12,
    },
    {
      title: 'Rows copied',
      description: 'While a copy is under way.',
      queries: { [pipeline]: 'clamp_min(max by (namespace, pipeline) (deriv(lockkeeper_first_copy_rows{PIPELINE}[2m])), 0)' },
      unit: 'rowsps',
      width: 12,
    },
  ],
  Ensembles: [
    {
      title: 'Servers',
      description: 'Ready servers by region and role.',
      queries: {
        '{{namespace}}/{{name}} {{region}} {{role}}':
          'sum by (namespace, name, region, role) (lockkeeper_ensemble_members{NAMESPACE,ready="true"})',
      },
      unit: 'short',
    },
    {
      title: 'Missing servers',
      description: 'Servers that the spec asks for and that are not ready.',
      queries: {
        '{{namespace}}/{{name}} {{region}} {{role}}':
          'sum by (namespace, name, region, role) (lockkeeper_ensemble_members_wanted{NAMESPACE}) - sum by (namespace, name, region, role) (lockkeeper_ensemble_members{NAMESPACE,ready="true"})',
      },
      unit: 'short',
    },
    {
      title: 'Leader and sessions',
      description: '1 while an ensemble has a leader, and while a worker has a session.',
      queries: {
        '{{namespace}}/{{name}} leader': 'lockkeeper_ensemble_has_leader{NAMESPACE}',
        '{{namespace}}/{{pod}} session': 'min by (namespace, pod) (lockkeeper_zookeeper_connected{NAMESPACE})',
      },
      unit: 'short',
    },
  ],
  Operator: [
    {
      title: 'Reconciles',
      description: 'By controller and result.',
      queries: {
        '{{controller}} {{result}}': 'sum by (controller, result) (rate(lockkeeper_operator_reconciles_total[$__rate_interval]))',
      },
      unit: 'ops',
    },
    {
      title: 'Time of a reconcile, 99 %',
      description: 'By controller.',
      queries: {
        '{{controller}}':
          'histogram_quantile(0.99, sum by (controller, le) (rate(lockkeeper_operator_reconcile_seconds_bucket[$__rate_interval])))',
      },
      unit: 's',
    },
    {
      title: 'Failing and waiting objects',
      description: 'Objects whose last reconcile failed, and objects waiting for one.',
      queries: {
        '{{controller}} failing': 'sum by (controller) (lockkeeper_operator_failing_objects)',
        '{{controller}} waiting': 'sum by (controller) (lockkeeper_operator_queue_depth)',
      },
      unit: 'short',
    },
    {
      title: 'Requests to the API server',
      description: 'By verb and code; 0 had no answer.',
      queries: {
        '{{verb}} {{code}}': 'sum by (verb, code) (rate(lockkeeper_operator_api_requests_total[$__rate_interval]))',
      },
      unit: 'reqps',
    },
    {
      title: 'Watch failures',
      description: 'Lists and watches that failed and began anew.',
      queries: {
        '{{kind}} {{reason}}': 'sum by (kind, reason) (increase(lockkeeper_operator_watch_failures_total[$__rate_interval]))',
      },
      unit: 'short',
    },
    {
      title: 'Memory',
      description: 'Of operators and workers.',
      queries: {
        '{{namespace}}/{{pod}}':
          'process_resident_memory_bytes * on (namespace, pod) group_left () group by (namespace, pod) ({__name__=~"lockkeeper_operator_leader|lockkeeper_zookeeper_connected"})',
      },
      unit: 'bytes',
    },
  ],
};

const WIDTH = 24;
const source = { type: 'prometheus', uid: '${datasource}' };

export function dashboardFile(): string {
  const dashboard = {
    title: 'Lockkeeper',
    uid: 'lockkeeper',
    description: 'Pipelines, workers, ensembles and the operator of Lockkeeper.',
    tags: ['lockkeeper', 'mysql'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    graphTooltip: 1,
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        variable('namespace', 'Namespace', 'label_values(lockkeeper_leader, namespace)'),
        variable('pipeline', 'Pipeline', 'label_values(lockkeeper_leader{namespace=~"$namespace"}, pipeline)'),
      ],
    },
    panels: panels(),
  };
  return `${JSON.stringify(dashboard, null, 1)}\n`;
}

function variable(name: string, label: string, query: string): object {
  return {
    name,
    label,
    type: 'query',
    datasource: source,
    query: { query, refId: name },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: ['All'], value: ['$__all'] },
  };
}

/** Panels from left to right and from top to bottom, as they stand above. */
function panels(): object[] {
  const all: object[] = [];
  let y = 0;
  for (const [title, members] of Object.entries(rows)) {
    all.push({ id: all.length + 1, type: 'row', title, collapsed: false, gridPos: { x: 0, y: y++, w: WIDTH, h: 1 }, panels: [] });
    let x = 0;
    for (const panel of members) {
      const [w, h] = [panel.width ?? 8, panel.kind === 'stat' ? 4 : 8];
      all.push(rendered(panel, all.length + 1, { x, y, w, h }));
      x += w;
      if (x + w > WIDTH || panel === members.at(-1)) [x, y] = [0, y + h];
    }
  }
  return all;
}

function rendered(panel: Panel, id: number, gridPos: object): object {
  const { title, description, queries, unit, kind = 'timeseries', bad, negative } = panel;
  const steps = [{ color: 'green', value: null }, ...(bad ? [{ color: 'red', value: 1 }] : [])];
  return {
    id,
    type: kind,
    title,
    description,
    datasource: source,
    gridPos,
    targets: Object.entries(queries).map(([legendFormat, expr], index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: source,
      expr: expr.replaceAll(/NAMESPACE|PIPELINE/g, (name) => matchers[name as keyof typeof matchers]),
      legendFormat,
      ...(kind === 'stat' ? { instant: true } : {}),
    })),
    fieldConfig: {
      defaults: { unit, ...(negative ? {} : { min: 0 }), thresholds: { mode: 'absolute', steps }, custom: customOf(panel) },
      overrides: [],
    },
    options: optionsOf(kind),
  };
}

function customOf({ kind = 'timeseries', stacked }: Panel): object {
  if (kind === 'stat') return {};
  if (kind === 'state-timeline') return { fillOpacity: 80, lineWidth: 0 };
  return {
    drawStyle: 'line',
    lineWidth: 1,
    showPoints: 'never',
    fillOpacity: stacked ? 20 : 0,
    stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
  };
}

function optionsOf(kind: NonNullable<Panel['kind']>): object {
  const legend = { displayMode: 'list', placement: 'bottom', showLegend: true };
  switch (kind) {
    case 'stat':
      return { reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false }, colorMode: 'value', graphMode: 'none' };
    case 'state-timeline':
      return { legend, mergeValues: true, showValue: 'never' };
    case 'timeseries':
      return { legend, tooltip: { mode: 'multi', sort: 'desc' } };
    default:
      return kind satisfies never;
  }
}
