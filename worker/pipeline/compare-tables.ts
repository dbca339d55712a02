import { fault, warning, type Finding } from '../../common/finding.ts';
import type { SnapshotTable } from '../snapshot/types.ts';
import type { Flavor } from '../source/position.ts';
import { tableMapOf } from '../target/table-map-of.ts';
import type { TableMetadata } from '../target/table-metadata.ts';
import { judgeTable } from '../target/table-verdict.ts';

/** What a pipeline asks of each of its tables. */
export interface CompareNeeds {
  /** The first copy makes tables that are missing. */
  readonly firstCopy: boolean;
  readonly mode: 'Auto' | 'Raw' | 'Sql';
  readonly sourceFlavor: Flavor;
  /** Why BINLOG cannot be used on these servers, or null. */
  readonly rawRefused: string | null;
}

/** What stands against copying one table, told from both definitions before any event has come. */
export function compareTables(
  table: SnapshotTable,
  source: TableMetadata | undefined,
  target: TableMetadata | undefined,
  needs: CompareNeeds,
): Finding[] {
  const subject = `table ${table.target.schema}.${table.target.table}`;
  const findings: Finding[] = [];
  if (source !== undefined && !hasKey(source)) {
    findings.push(warning('LK1309', subject, 'the source has no primary key and no unique key without NULL'));
  }
  if (target === undefined) {
    if (!needs.firstCopy) return [...findings, fault('LK1307', subject, 'missing at the target')];
    const versioned = source !== undefined && source.versioning !== null;
    if (!versioned || needs.rawRefused === null) return findings;
    return [...findings, fault('LK1315', subject, `WITH SYSTEM VERSIONING, and rows cannot be replayed: ${needs.rawRefused}`)];
  }
  const map = source === undefined ? null : tableMapOf(source, table.target, needs.sourceFlavor);
  if (map === null) return findings;
  const verdict = judgeTable(map, target, needs);
  if (verdict.fault !== null) {
    const { code, found, message, remedy } = verdict.fault;
    findings.push(fault(code, subject, found ?? message, remedy));
  } else if (verdict.sqlFault !== null) {
    const { code, found, message, remedy } = verdict.sqlFault;
    const note = 'no matter to Raw, but in the way where a row is missing or exists already';
    findings.push(warning(code, subject, `${found ?? message} (${note})`, remedy));
  }
  return findings;
}

function hasKey(table: TableMetadata): boolean {
  return table.primaryKey !== null || table.uniqueKeys.some((key) => !key.nullable && !key.functional);
}
