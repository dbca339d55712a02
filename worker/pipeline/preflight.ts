import { messageOf } from '../../common/errors.ts';
import { fine, probe, warning, type Finding } from '../../common/finding.ts';
import { connectionOptions, nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import type { SourceSession } from '../source/endpoint.ts';
import { checkPosition } from '../source/position-check.ts';
import { checkSource, type SourceNeeds } from '../source/preflight.ts';
import { replicaNameOf } from '../source/register-replica.ts';
import { readSourceTraits } from '../source/source-traits.ts';
import { readLoadMode } from '../snapshot/snapshot-store.ts';
import { readCheckpoint } from '../target/checkpoint.ts';
import { readGrants, tableGrantFindings } from '../target/preflight-grants.ts';
import { checkTarget } from '../target/preflight.ts';
import { TargetSession } from '../target/session.ts';
import { TableMetadataCache } from '../target/table-metadata.ts';
import { withAnySource } from './any-source.ts';
import { compareTables, type CompareNeeds } from './compare-tables.ts';
import { rawRefusal } from './raw-refusal.ts';
import { Router } from './router.ts';
import { sourceEndpoints, targetEndpoint, type SecretStore } from './secrets.ts';
import { selectTables } from './start.ts';

/** Everything that a pipeline needs, looked at at once; changes nothing and never rejects. */
export async function checkPipeline(config: PipelineConfig, secrets: SecretStore): Promise<Finding[]> {
  const { source, serverId } = config;
  const needs = {
    serverId,
    gtid: source.standby !== null,
    replicaNames: [replicaNameOf(keyOf(config))],
    firstCopy: copiesFirst(config),
    now: Date.now(),
  };
  const atSource = await checkSources(config, secrets, needs);
  return [...atSource, ...(await checkTargetSide(config, secrets, { both: !hasLoginFault(atSource) }))];
}

/** What the source's servers give, master and standby; never rejects. */
export async function checkSources(
  config: Pick<PipelineConfig, 'namespace' | 'source'>,
  secrets: SecretStore,
  needs: SourceNeeds,
): Promise<readonly Finding[]> {
  return probe(`source ${nameOf(config.source.master)}: login`, async () => {
    const { master, standby } = sourceEndpoints(config, secrets);
    return [...(await checkSource(master, needs)), ...(standby === null ? [] : await checkSource(standby, needs))];
  });
}

/** What the target gives, and what needs both servers unless `both` is false: stored position and tables. Never rejects. */
export async function checkTargetSide(
  config: PipelineConfig,
  secrets: SecretStore,
  { both }: { readonly both: boolean },
): Promise<readonly Finding[]> {
  const needs = { firstCopy: copiesFirst(config), mode: config.pipeline.apply.mode };
  return probe(`target ${nameOf(config.pipeline.target)}: login`, async () => {
    const target = targetEndpoint(config, secrets);
    const sourcePacket = both ? await packetOf(config, secrets).catch(() => null) : null;
    const findings = await checkTarget(target, { pipeline: keyOf(config), sourcePacket, ...needs });
    // What needs both servers can be looked at only where both answer.
    if (!both || hasLoginFault(findings)) return findings;
    const look = () =>
      withAnySource(sourceEndpoints(config, secrets), (asking, source) => checkBoth(config, asking, source, target, needs));
    return [...findings, ...(await probe('tables', look))];
  });
}

async function packetOf(config: PipelineConfig, secrets: SecretStore): Promise<number> {
  return withAnySource(sourceEndpoints(config, secrets), async (session) =>
    Number((await session.row('SELECT @@GLOBAL.max_allowed_packet AS packet'))['packet']),
  );
}

/** The stored position against the source, and each table against its twin. */
async function checkBoth(
  config: PipelineConfig,
  asking: SourceSession,
  source: MysqlEndpoint,
  target: MysqlEndpoint,
  needs: Pick<CompareNeeds, 'firstCopy' | 'mode'>,
): Promise<Finding[]> {
  await using cleanup = new AsyncDisposableStack();
  const here = cleanup.adopt(await TargetSession.open(connectionOptions(target)), (session) => session.destroy());
  const there = cleanup.adopt(await TargetSession.open(connectionOptions(source)), (session) => session.destroy());
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
    findings.push(...compareTables(table, from, to, { ...needs, sourceFlavor: there.flavor, rawRefused }));
  }
  return findings;
}

/** Whether the source still has what comes after the position that the target has stored. */
async function positionFindings(config: PipelineConfig, source: SourceSession, target: TargetSession): Promise<Finding[]> {
  const subject = `source ${source.server}: what comes after the stored position`;
  const stored = await readCheckpoint(target, keyOf(config)).catch(() => null);
  if (stored?.position == null) return [];
  const { mode } = config.pipeline.initialLoad;
  if (mode === 'Always' && (await readLoadMode(target, keyOf(config))) !== 'Always')
    return [fine(subject, 'not needed: initialLoad.mode was set to Always, so the tables are copied anew')];
  const resume = await checkPosition(source, stored.position);
  if (resume !== null) return [fine(subject, 'there')];
  return [warning('LK1113', subject, 'it was stored from another server and has no GTIDs: time is all there is to go by')];
}

function keyOf({ namespace, name }: PipelineConfig): string {
  return `${namespace}/${name}`;
}

function copiesFirst({ pipeline }: PipelineConfig): boolean {
  return pipeline.initialLoad.mode !== 'Never';
}

function hasLoginFault(findings: readonly Finding[]): boolean {
  return findings.some(({ subject, severity }) => severity === 'error' && subject.endsWith(': login'));
}
