import { messageOf } from '../../common/errors.ts';
import { fine, probe, warning, type Finding } from '../../common/finding.ts';
import { connectionOptions, nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { loadManifests } from '../../crds/manifest.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { rawRefusal } from '../pipeline/raw-refusal.ts';
import { Router } from '../pipeline/router.ts';
import { ManifestSecrets, sourceEndpoints, targetEndpoint, type SecretStore } from '../pipeline/secrets.ts';
import { selectTables } from '../pipeline/start.ts';
import { SourceSession, withSession } from '../source/endpoint.ts';
import { checkPosition } from '../source/position-check.ts';
import { checkSource } from '../source/preflight.ts';
import { replicaNameOf } from '../source/register-replica.ts';
import { readSourceTraits } from '../source/source-traits.ts';
import { readCheckpoint } from '../target/checkpoint.ts';
import { readGrants, tableGrantFindings } from '../target/preflight-grants.ts';
import { checkTarget } from '../target/preflight.ts';
import { TargetSession } from '../target/session.ts';
import { TableMetadataCache } from '../target/table-metadata.ts';
import { compareTables, type CompareNeeds } from './compare-tables.ts';
import { compileAll } from './run.ts';

export interface CheckOptions {
  readonly file: readonly string[];
  readonly output: 'text' | 'json';
}

interface Report {
  readonly pipeline: string;
  readonly findings: readonly Finding[];
}

/** `lockkeeper check`: all preflight findings of all pipelines. Resolves to the exit code: 0 without errors, 1 with. */
export async function check(options: CheckOptions): Promise<number> {
  const manifests = loadManifests(options.file);
  const secrets = new ManifestSecrets(manifests.secrets);
  const reports: Report[] = [];
  for (const config of compileAll(manifests)) {
    reports.push({ pipeline: `${config.namespace}/${config.name}`, findings: await checkPipeline(config, secrets) });
  }
  process.stdout.write(options.output === 'json' ? `${JSON.stringify(reports, null, 2)}\n` : renderReports(reports));
  return reports.some(({ findings }) => findings.some(({ severity }) => severity === 'error')) ? 1 : 0;
}

export async function checkPipeline(config: PipelineConfig, secrets: SecretStore): Promise<Finding[]> {
  const sources = await sourceEndpoints(config, secrets);
  const target = await targetEndpoint(config, secrets);
  const pipeline = `${config.namespace}/${config.name}`;
  const firstCopy = config.pipeline.initialLoad.mode !== 'Never';
  const needs = {
    serverId: config.serverId,
    gtid: sources.standby !== null,
    replicaName: replicaNameOf(pipeline),
    firstCopy,
    now: Date.now(),
  };
  const findings = await checkSource(sources.master, needs);
  if (sources.standby !== null) findings.push(...(await checkSource(sources.standby, needs)));
  const sourcePacket = await packetOf(sources.master).catch(() => null);
  const { mode } = config.pipeline.apply;
  findings.push(...(await checkTarget(target, { pipeline, mode, firstCopy, sourcePacket })));
  // What needs both servers can be looked at only where both answer.
  if (findings.some(({ subject, severity }) => severity === 'error' && subject.endsWith(': login'))) return findings;
  findings.push(...(await probe('tables', () => checkBoth(config, sources.master, target, { firstCopy, mode }))));
  return findings;
}

async function packetOf(source: MysqlEndpoint): Promise<number> {
  return withSession(source, async (session) =>
    Number((await session.row('SELECT @@GLOBAL.max_allowed_packet AS packet'))['packet']),
  );
}

/** The stored position against the source, and each table against its twin. */
async function checkBoth(
  config: PipelineConfig,
  source: MysqlEndpoint,
  target: MysqlEndpoint,
  needs: Pick<CompareNeeds, 'firstCopy' | 'mode'>,
): Promise<Finding[]> {
  await using cleanup = new AsyncDisposableStack();
  const here = cleanup.adopt(await TargetSession.open(connectionOptions(target)), (session) => session.destroy());
  const there = cleanup.adopt(await TargetSession.open(connectionOptions(source)), (session) => session.destroy());
  const asking = cleanup.adopt(await SourceSession.open(source), (session) => session.close());
  const findings = [...(await probe('stored position', () => positionFindings(config, asking, here)))];
  const tables = await selectTables(asking, new Router(config, await readSourceTraits(asking)));
  if (tables.length === 0) {
    const remedy = 'Look at spec.filter of the instance and spec.tables of the pipeline.';
    return [...findings, warning('LK1010', 'tables', 'no table of the source travels', remedy)];
  }
  findings.push(fine(`tables from ${nameOf(source)}`, `${tables.length} travel`));
  const grants = await readGrants(here);
  const schemas = [...new Set(tables.map((table) => table.target.schema))];
  findings.push(...tableGrantFindings(`target ${nameOf(target)}`, grants, schemas));
  const rawRefused = await rawRefusal(here, there.flavor, needs.mode).catch((error: unknown) => messageOf(error));
  const [sources, targets] = [new TableMetadataCache(there), new TableMetadataCache(here)];
  await sources.load(tables.map((table) => table.source));
  await targets.load(tables.map((table) => table.target));
  for (const table of tables) {
    const [from, to] = [
      sources.get(table.source.schema, table.source.table),
      targets.get(table.target.schema, table.target.table),
    ];
    findings.push(...compareTables(table, from, to, { ...needs, rawRefused }));
  }
  return findings;
}

/** Whether the source still has what comes after the position that the target has stored. */
async function positionFindings(config: PipelineConfig, source: SourceSession, target: TargetSession): Promise<Finding[]> {
  const subject = `source ${source.server}: what comes after the stored position`;
  const stored = await readCheckpoint(target, `${config.namespace}/${config.name}`).catch(() => null);
  if (stored?.position == null) return [];
  const resume = await checkPosition(source, stored.position);
  if (resume !== null) return [fine(subject, 'there')];
  return [warning('LK1113', subject, 'it was stored from another server and has no GTIDs: time is all there is to go by')];
}

const MARKS = { error: 'ERROR', warning: 'warn ', ok: 'ok   ' } as const;

/** Errors first, then warnings, then what is well; each error and warning with its remedy. */
export function renderReports(reports: readonly Report[]): string {
  const lines: string[] = [];
  for (const { pipeline, findings } of reports) {
    lines.push(`Pipeline ${pipeline}`);
    for (const severity of ['error', 'warning', 'ok'] as const) {
      for (const finding of findings.filter((f) => f.severity === severity)) {
        lines.push(`  ${MARKS[severity]} ${finding.code ?? '      '} ${finding.subject}: ${finding.found}`);
        if (finding.remedy !== '') lines.push(`               ${finding.remedy}`);
      }
    }
    const count = (severity: Finding['severity']) => findings.filter((f) => f.severity === severity).length;
    lines.push(`  ${count('error')} errors, ${count('warning')} warnings, ${count('ok')} checks passed`, '');
  }
  return lines.join('\n');
}
