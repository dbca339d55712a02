import { messageOf } from '../../common/errors.ts';
import { fault, fine, warning, type Finding } from '../../common/finding.ts';
import { connectionOptions, nameOf } from '../../common/mysql-endpoint.ts';
import { loadManifests } from '../../crds/manifest.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { Router } from '../pipeline/router.ts';
import { ManifestSecrets, sourceEndpoints, targetEndpoint, type SecretStore } from '../pipeline/secrets.ts';
import { selectTables } from '../pipeline/start.ts';
import { withSession } from '../source/endpoint.ts';
import { checkSource } from '../source/preflight.ts';
import { readSourceTraits } from '../source/source-traits.ts';
import { checkTarget } from '../target/preflight.ts';
import { TargetSession } from '../target/session.ts';
import { TableMetadataCache } from '../target/table-metadata.ts';
import { compareTables } from './compare-tables.ts';
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
  const firstCopy = config.pipeline.initialLoad.mode !== 'Never';
  const needs = { serverId: config.serverId, gtid: sources.standby !== null, firstCopy, now: Date.now() };
  const findings = await checkSource(sources.master, needs);
  if (sources.standby !== null) findings.push(...(await checkSource(sources.standby, needs)));
  findings.push(
    ...(await checkTarget(target, {
      pipeline: `${config.namespace}/${config.name}`,
      mode: config.pipeline.apply.mode,
      firstCopy,
      sourcePacket: null,
    })),
  );
  // Tables can be compared only where both servers answer.
  if (findings.some(({ subject, severity }) => severity === 'error' && subject.endsWith(': login'))) return findings;
  try {
    findings.push(...(await tableFindings(config, sources.master, target, firstCopy)));
  } catch (error) {
    findings.push(fault('LK1307', 'tables', messageOf(error), 'Correct the errors above and check again.'));
  }
  return findings;
}

async function tableFindings(
  config: PipelineConfig,
  source: Awaited<ReturnType<typeof sourceEndpoints>>['master'],
  target: Awaited<ReturnType<typeof targetEndpoint>>,
  firstCopy: boolean,
): Promise<Finding[]> {
  const tables = await withSession(source, async (session) =>
    selectTables(session, new Router(config, await readSourceTraits(session))),
  );
  if (tables.length === 0) {
    return [
      warning(
        'LK1010',
        'tables',
        'no table of the source travels',
        'Look at spec.filter of the instance and spec.tables of the pipeline.',
      ),
    ];
  }
  const sourceSession = await TargetSession.open(connectionOptions(source));
  const targetSession = await TargetSession.open(connectionOptions(target)).catch((error: unknown) => {
    sourceSession.destroy();
    throw error;
  });
  try {
    const [there, here] = [new TableMetadataCache(sourceSession), new TableMetadataCache(targetSession)];
    await there.load(tables.map((table) => table.source));
    await here.load(tables.map((table) => table.target));
    const findings = tables.flatMap((table) =>
      compareTables(
        table,
        there.get(table.source.schema, table.source.table),
        here.get(table.target.schema, table.target.table),
        {
          firstCopy,
          mode: config.pipeline.apply.mode,
        },
      ),
    );
    return [fine(`tables from ${nameOf(source)}`, `${tables.length} travel`), ...findings];
  } finally {
    sourceSession.destroy();
    targetSession.destroy();
  }
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
