import { LockkeeperError } from '../../common/errors.ts';
import type { TableMap } from '../source/table-map.ts';
import type { WriteMode } from '../target/batch-writer.ts';
import { planTable, type TablePlan } from '../target/plan/table-plan.ts';
import type { TableMetadataCache } from '../target/table-metadata.ts';
import { findingError, tableFindings, type TableFinding } from '../target/table-findings.ts';
import { judgeTable } from '../target/table-verdict.ts';
import type { TablePlans } from './apply-loop.ts';

export interface TablePlansOptions {
  readonly metadata: TableMetadataCache;
  readonly mode: 'Auto' | 'Raw' | 'Sql';
  /** Why BINLOG cannot be used at all on this pair of servers, or null. */
  readonly rawRefused: string | null;
  /** Something that a person should know of a table; told once for each. */
  readonly onNotice: (finding: TableFinding) => void;
}

interface Decision {
  readonly plan: TablePlan;
  readonly mode: WriteMode;
  /** What stands against writing the table's rows as statements. */
  readonly sqlFault: LockkeeperError | null;
}

/**
 * Decides once per table map how its rows reach the target and how freely they may be joined. Forgotten after each DDL.
 */
export class TargetTablePlans implements TablePlans {
  readonly #options: TablePlansOptions;
  #decisions = new Map<TableMap, Decision>();
  readonly #noticed = new Set<string>();

  constructor(options: TablePlansOptions) {
    this.#options = options;
  }

  get(map: TableMap): TablePlan | undefined {
    return this.#decisions.get(map)?.plan;
  }

  modeOf(map: TableMap): WriteMode {
    return this.#decisions.get(map)?.mode ?? 'sql';
  }

  /** Throws LK1307, LK1308, LK1310, LK1314 or LK1315 when a table cannot be written as it is. */
  async load(maps: readonly TableMap[]): Promise<void> {
    const { metadata } = this.#options;
    const missing = maps.filter((map) => !this.#decisions.has(map));
    await metadata.load(missing.map((map) => map.route!));
    for (const map of missing) {
      this.#decisions.set(map, this.#decide(map));
      this.#notice(map);
    }
  }

  #notice(map: TableMap): void {
    const { metadata, onNotice } = this.#options;
    const { schema, table } = map.route!;
    for (const finding of tableFindings(map, metadata.get(schema, table))) {
      const known = `${finding.code} ${finding.message}`;
      if (finding.severity !== 'warning' || this.#noticed.has(known)) continue;
      this.#noticed.add(known);
      onNotice(finding);
    }
  }

  #decide(map: TableMap): Decision {
    const { metadata, mode, rawRefused } = this.#options;
    const { schema, table } = map.route!;
    const target = metadata.get(schema, table);
    const name = `${schema}.${table}`;
    if (target === undefined)
      throw new LockkeeperError('LK1307', `the target has no table ${name}`, { details: { table: name } });
    const { notRaw, fault, sqlFault } = judgeTable(map, target, { mode, rawRefused });
    if (fault !== null) throw findingError(fault, name);
    const plan = planTable(map, target);
    return { plan, mode: notRaw === null ? 'raw' : 'sql', sqlFault: sqlFault === null ? null : findingError(sqlFault, name) };
  }

  /** Why rows of a table that is replayed must not be written as statements, should a row be missing; null when they may. */
  sqlFaultOf(map: TableMap): LockkeeperError | null {
    return this.#decisions.get(map)?.sqlFault ?? null;
  }

  /** After a schema change at the target. */
  clear(): void {
    this.#decisions = new Map();
    this.#options.metadata.invalidate();
  }
}
