import { asLockkeeperError, LockkeeperError, messageOf } from '../../common/errors.ts';
import { fault, fine, warning, type Finding } from '../../common/finding.ts';
import { connectionOptions, nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { checkSource, type SourceNeeds } from '../source/preflight.ts';
import { readSourceTraits } from '../source/source-traits.ts';
import { checkTarget } from '../target/preflight.ts';
import { TargetSession } from '../target/session.ts';
import { TableMetadataCache } from '../target/table-metadata.ts';
import { withAnySource } from './any-source.ts';
import { compareTables } from './compare-tables.ts';
import { Router } from './router.ts';
import { sourceEndpoints, targetEndpoint, type SecretStore, type SourceEndpoints } from './secrets.ts';
import { selectTables } from './start.ts';

/** Everything that a pipeline needs, looked at at once; changes nothing and never rejects. */
export async function checkPipeline(config: PipelineConfig, secrets: SecretStore): Promise<Finding[]> {
  const { source, serverId } = config;
  const needs = { serverId, gtid: source.standby !== null, firstCopy: copiesFirst(config), now: Date.now() };
  const atSource = await checkSources(config, secrets, needs);
  return [...atSource, ...(await checkTargetSide(config, secrets, { tables: !hasLoginFault(atSource) }))];
}

/** What the source's servers give, master and standby; never rejects. */
export async function checkSources(
  config: Pick<PipelineConfig, 'namespace' | 'source'>,
  secrets: SecretStore,
  needs: SourceNeeds,
): Promise<Finding[]> {
  let sources: SourceEndpoints;
  try {
    sources = sourceEndpoints(config, secrets);
  } catch (error) {
    return [secretFault(`source ${nameOf(config.source.master)}: login`, error)];
  }
  const findings = await checkSource(sources.master, needs);
  if (sources.standby !== null) findings.push(...(await checkSource(sources.standby, needs)));
  return findings;
}

/** What the target gives, and its tables beside the source's unless `tables` is false; never rejects. */
export async function checkTargetSide(
  config: PipelineConfig,
  secrets: SecretStore,
  { tables }: { readonly tables: boolean },
): Promise<Finding[]> {
  let target: MysqlEndpoint;
  try {
    target = targetEndpoint(config, secrets);
  } catch (error) {
    return [secretFault(`target ${nameOf(config.pipeline.target)}: login`, error)];
  }
  const findings = await checkTarget(target, {
    pipeline: `${config.namespace}/${config.name}`,
    mode: config.pipeline.apply.mode,
    firstCopy: copiesFirst(config),
    sourcePacket: null,
  });
  // Tables can be compared only where both servers answer.
  if (!tables || hasLoginFault(findings)) return findings;
  try {
    findings.push(...(await tableFindings(config, sourceEndpoints(config, secrets), target)));
  } catch (error) {
    const code = error instanceof LockkeeperError ? error.code : 'LK1307';
    findings.push(fault(code, 'tables', messageOf(error), 'Correct the other errors; the tables are then compared again.'));
  }
  return findings;
}

async function tableFindings(config: PipelineConfig, sources: SourceEndpoints, target: MysqlEndpoint): Promise<Finding[]> {
  const { source, tables } = await withAnySource(sources, async (session, endpoint) => ({
    source: endpoint,
    tables: await selectTables(session, new Router(config, await readSourceTraits(session))),
  }));
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
    const needs = { firstCopy: copiesFirst(config), mode: config.pipeline.apply.mode };
    const findings = tables.flatMap((table) =>
      compareTables(
        table,
        there.get(table.source.schema, table.source.table),
        here.get(table.target.schema, table.target.table),
        needs,
      ),
    );
    return [fine(`tables from ${nameOf(source)}`, `${tables.length} travel`), ...findings];
  } finally {
    sourceSession.destroy();
    targetSession.destroy();
  }
}

function copiesFirst({ pipeline }: PipelineConfig): boolean {
  return pipeline.initialLoad.mode !== 'Never';
}

function hasLoginFault(findings: readonly Finding[]): boolean {
  return findings.some(({ subject, severity }) => severity === 'error' && subject.endsWith(': login'));
}

function secretFault(subject: string, thrown: unknown): Finding {
  const error = asLockkeeperError(thrown, 'LK1005');
  return fault(error.code, subject, error.message, error.remedy);
}
