import { docsAnchor, errorCatalog, type ErrorCode } from '../../common/error-catalog.ts';
import type { PreflightReport } from '../../crds/preflight-report.ts';
import { formatCount, formatDuration, formatLag, layOut } from './display.ts';
import type { InstanceView, PipelineView } from './instance-view.ts';

/** What a person should know, and what they can do about it. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** Null where it concerns the instance. */
  readonly pipeline: string | null;
  readonly code: string | null;
  readonly message: string;
  readonly remedy: string;
}

const STALE_MS = 15_000;

/** What is not as it should be, errors first. `now`: milliseconds since 1970. */
export function judge(instance: InstanceView, now: number): Problem[] {
  const problems = [
    ...ofWorkers(instance),
    ...ofSource(instance),
    ...instance.pipelines.flatMap((each) => ofPipeline(instance, each, now)),
  ];
  return [
    ...problems.filter(({ severity }) => severity === 'error'),
    ...problems.filter(({ severity }) => severity === 'warning'),
  ];
}

function ofWorkers({ workers }: InstanceView): Problem[] {
  if (workers.length > 0) return [];
  const message = 'no worker is there: nothing is being copied';
  const remedy = 'Look at the pods of the instance, at its spec.workers, and whether they reach ZooKeeper.';
  return [{ severity: 'error', pipeline: null, code: null, message, remedy }];
}

function ofSource({ source, pipelines }: InstanceView): Problem[] {
  if (source === null) return [];
  const problems = ofPreflight(source.preflight, null);
  const { headroomSeconds, expireSeconds, slowestPipeline } = source.binlogRetention ?? {};
  if (headroomSeconds != null && expireSeconds != null && headroomSeconds < expireSeconds / 4 && pipelines.length > 0) {
    problems.push({
      severity: headroomSeconds <= 0 ? 'error' : 'warning',
      pipeline: slowestPipeline ?? null,
      code: 'LK1109',
      message:
        headroomSeconds <= 0
          ? 'the source has deleted binlog that this pipeline still needs, or is about to'
          : `the source deletes binlog that this pipeline still needs in ${formatDuration(headroomSeconds)}`,
      remedy: 'Let the pipeline go on, or let the source keep its binlog for longer (binlog_expire_logs_seconds).',
    });
  }
  return problems;
}

function ofPipeline(instance: InstanceView, pipeline: PipelineView, now: number): Problem[] {
  const { name, wanted, configFault, leader, report } = pipeline;
  const problems: Problem[] = [];
  const add = (severity: Problem['severity'], code: string | null, message: string, remedy: string) =>
    problems.push({ severity, pipeline: name, code, message, remedy });
  if (configFault !== null) add('error', 'LK1703', configFault, errorCatalog.LK1703.remedy);
  if (wanted === null) return problems;
  if (leader === null) {
    const remedy = 'An election takes some seconds; if it stays so, look at the logs of the workers.';
    add('error', null, 'no worker leads it', instance.workers.length === 0 ? 'It goes on when a worker is there.' : remedy);
    return problems;
  }
  const region = instance.workers.find(({ id }) => id === leader)?.region;
  if (region !== undefined && region !== wanted.region) {
    const message = `led from region ${region}, as region ${wanted.region} has no worker`;
    add('warning', null, message, `It goes back by itself when a worker of region ${wanted.region} is there.`);
  }
  if (report?.worker !== leader) return problems;
  if (now - Date.parse(report.at) > STALE_MS) {
    const message = `the leader’s last report is ${formatDuration((now - Date.parse(report.at)) / 1000)} old`;
    add('warning', null, message, 'The leader may be frozen, or cut off from ZooKeeper; or the clocks of the machines differ.');
  }
  if (report.configError !== null) {
    const { code, message, found, remedy } = report.configError;
    add('error', code, `${message}${found === undefined ? '' : `: ${found}`}; generation ${report.generation} goes on`, remedy);
  } else if (report.generation < wanted.generation) {
    add(
      'warning',
      null,
      `generation ${wanted.generation} is not yet in force, ${report.generation} is`,
      'It takes a second or two.',
    );
  }
  if (report.lastError !== null && (report.phase === 'suspended' || report.phase === 'retrying')) {
    const { code, message, found, remedy } = report.lastError;
    const text = found === undefined || message.includes(found) ? message : `${message}: ${found}`;
    add(report.phase === 'suspended' ? 'error' : 'warning', code, text, remedy);
  }
  if (report.preflight !== null) problems.push(...ofPreflight(report.preflight, name));
  return problems;
}

function ofPreflight({ findings, leftOut }: PreflightReport, pipeline: string | null): Problem[] {
  const problems: Problem[] = findings.map(({ severity, code, subject, found, remedy }) => ({
    ...{ severity, pipeline, code, message: `${subject}: ${found}`, remedy },
  }));
  if (leftOut > 0) {
    const remedy = 'Correct those that are shown; the others follow.';
    problems.push({ severity: 'warning', pipeline, code: null, message: `${leftOut} more findings are not shown`, remedy });
  }
  return problems;
}

/** For people: each instance with its source and workers, a line for each pipeline, and what needs attention with what to do. */
export function renderInstances(instances: readonly (InstanceView & { readonly problems: readonly Problem[] })[]): string[] {
  if (instances.length === 0) {
    return ['ZooKeeper holds no instance: apply a CanalInstance, or look whether the operator runs.'];
  }
  return instances.flatMap((instance, i) => [...(i === 0 ? [] : ['']), ...renderInstance(instance)]);
}

function renderInstance(instance: InstanceView & { readonly problems: readonly Problem[] }): string[] {
  const { namespace, problems, pipelines } = instance;
  const lines = [
    `CanalInstance ${namespace}/${instance.instance}`,
    `  source:  ${sourceText(instance)}`,
    `  workers: ${workersText(instance)}`,
    '',
  ];
  if (pipelines.length === 0) lines.push('  no pipelines');
  else lines.push(...layOut(HEAD, pipelines.map(rowOf)).map((line) => `  ${line}`));
  for (const { severity, pipeline, code, message, remedy } of problems) {
    lines.push(
      '',
      `  ${severity === 'error' ? 'ERROR' : 'warn '} ${pipeline ?? instance.instance}: ${code === null ? '' : `${code} `}${message}`,
      `        ${remedy}${code !== null && severity === 'error' ? ` (${docsAnchor(code as ErrorCode)})` : ''}`,
    );
  }
  if (problems.length === 0) lines.push('', '  all is well');
  return lines;
}

const HEAD = ['PIPELINE', 'STATE', 'PHASE', 'LEADER', 'LAG', 'ROWS', 'POSITION'];

function rowOf({ name, wanted, configFault, leader, report }: PipelineView): string[] {
  const state = wanted?.state ?? (configFault === null ? 'removed' : '?');
  const current = report !== null && report.worker === leader ? report : null;
  const last = report?.position ?? null;
  return [
    name,
    state,
    current === null ? (configFault !== null ? 'refused' : 'waiting') : phaseText(current),
    leader ?? '-',
    formatLag(current?.lag.applySeconds ?? null),
    report === null ? '-' : formatCount(report.rows.inserted + report.rows.updated + report.rows.deleted),
    last === null ? '-' : `${last.journal}:${last.offset}`,
  ];
}

function phaseText({ phase, initialLoad }: NonNullable<PipelineView['report']>): string {
  if (phase !== 'copying' || initialLoad === null || initialLoad.rowsTotalEstimate === 0) return phase;
  return `copying ${Math.round(Math.min(1, initialLoad.rowsDone / initialLoad.rowsTotalEstimate) * 100)} %`;
}

function sourceText({ source }: InstanceView): string {
  if (source === null) return 'not looked at yet';
  const { currentSource, flavor, version, binlogRetention } = source;
  if (currentSource === null || version === null) return 'cannot be reached';
  const kind = flavor === 'mariadb' ? 'MariaDB' : 'MySQL';
  const parts = [currentSource, `${kind} ${version.replace(/-.*/, '')}`];
  if (binlogRetention !== null) {
    const { expireSeconds, headroomSeconds, slowestPipeline } = binlogRetention;
    parts.push(expireSeconds === null ? 'keeps its binlog' : `keeps its binlog for ${formatDuration(expireSeconds)}`);
    if (headroomSeconds !== null && slowestPipeline !== null)
      parts.push(`${formatDuration(Math.max(0, headroomSeconds))} left for ${slowestPipeline}`);
  }
  return parts.join(', ');
}

function workersText({ workers }: InstanceView): string {
  if (workers.length === 0) return 'none';
  const regions = Map.groupBy(workers, ({ region }) => region);
  return [...regions].map(([region, those]) => `${those.length} in region ${region}`).join(', ');
}
