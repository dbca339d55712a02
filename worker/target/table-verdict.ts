import type { TableMap } from '../source/table-map.ts';
import { rawCompatible } from './raw-compatible.ts';
import { engineFinding, tableFindings, type TableFinding } from './table-findings.ts';
import type { TableMetadata } from './table-metadata.ts';

export interface TableVerdict {
  /** Why the table's rows are written as statements; null: they are replayed. */
  readonly notRaw: string | null;
  /** What stands against writing the table at all. */
  readonly fault: TableFinding | null;
  /** What stands against statements, should a row that is replayed be missing or exist already. */
  readonly sqlFault: TableFinding | null;
}

/** How rows of a source table reach a target table, and what is in their way. `rawRefused`: why BINLOG cannot be used on these servers. */
export function judgeTable(
  map: TableMap,
  target: TableMetadata,
  { mode, rawRefused }: { readonly mode: 'Auto' | 'Raw' | 'Sql'; readonly rawRefused: string | null },
): TableVerdict {
  const name = `${target.schema}.${target.table}`;
  const compatible = mode === 'Sql' || rawRefused !== null || rawCompatible(map, target);
  const notRaw = mode === 'Sql' ? 'apply.mode is Sql' : (rawRefused ?? (compatible === true ? null : String(compatible)));
  const sqlFault = tableFindings(map, target).find(({ severity }) => severity === 'error') ?? null;
  const engine = engineFinding(target);
  if (engine !== null) return { notRaw, fault: engine, sqlFault };
  // What replaying would need is said better by what is lost without it.
  if (notRaw !== null && sqlFault?.code === 'LK1315') return { notRaw, fault: sqlFault, sqlFault };
  if (mode === 'Raw' && notRaw !== null) {
    const fault = { code: 'LK1308', severity: 'error', message: `${name} cannot be replayed in Raw mode: ${notRaw}` } as const;
    return { notRaw, fault, sqlFault };
  }
  return { notRaw, fault: notRaw === null ? null : sqlFault, sqlFault };
}
