import { LockkeeperError } from '../../common/errors.ts';
import type { TableRoute } from '../source/table-map.ts';
import type { TargetSession } from '../target/session.ts';
import { engineFinding, findingError } from '../target/table-findings.ts';
import type { TableMetadata } from '../target/table-metadata.ts';
import { planColumns } from './column-transport.ts';
import { historyError } from './history.ts';
import { findRecord } from './round-plan.ts';
import type { SnapshotStore, StoredTable } from './snapshot-store.ts';
import type { SchemaDefaults, SourceTable } from './source-tables.ts';
import type { TargetDefinition } from './table-definition.ts';
import type { TargetTables } from './target-tables.ts';
import { nameOfTable, type Flavors, type SnapshotTable } from './types.ts';

/** Below this many rows building indexes afterwards gains nothing. */
const DEFER_INDEXES_ROWS = 50_000;

/** A table of the source as it was at the round's point. */
export interface RoundTable {
  readonly table: SnapshotTable;
  readonly facts: SourceTable;
  readonly metadata: TableMetadata;
  /** Null: nothing of it was ever copied. */
  readonly record: StoredTable | null;
}

export interface ReadyTable extends RoundTable {
  readonly target: TableMetadata;
  readonly laterIndexes: readonly string[];
}

export interface TargetGroupContext {
  readonly session: TargetSession;
  readonly store: SnapshotStore;
  readonly targets: TargetTables;
  readonly flavors: Flavors;
  readonly mode: 'WhenNew' | 'Always';
  /** Why the history of versioned tables cannot be copied, or null. */
  readonly historyRefusal: string | null;
  /** Where a source table goes, null when it does not travel. */
  readonly travels: (source: TableRoute) => TableRoute | null;
  /** Of a schema of the source. */
  readonly schemaOf: (schema: string) => SchemaDefaults;
  /** Whether a schema of the target takes over its source's defaults should these have changed. */
  readonly follows: (schema: string) => boolean;
  readonly notice: (text: string) => void;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** What must happen to a target table before rows are loaded. */
export type GroupVerdict =
  /** Go on: nothing is there that is not ours, and what is there stays. */
  | 'go-on'
  /** Rows must go first, and all tables of the group begin anew. */
  | 'anew'
  /** As `anew`, but tables that are done already lie in the same target table: they must be read again too, at the next point. */
  | 'anew-together'
  /** Rows that are not ours, and nobody said that they may go. */
  | 'occupied';

/**
 * Judges a target table to which `tables` go at this round. `records` is what is known of all source tables that ever went there.
 */
export function judgeGroup(
  tables: readonly Pick<RoundTable, 'record' | 'facts'>[],
  records: readonly StoredTable[],
  target: { exists: boolean; hasRows: boolean },
  mode: 'WhenNew' | 'Always',
): GroupVerdict {
  if (records.every((record) => record.state === 'gone')) {
    if (!target.hasRows) return 'go-on';
    return mode === 'Always' ? 'anew' : 'occupied';
  }
  const changed = tables.some(({ record, facts }) => record !== null && !goesOn(record, facts));
  if (target.exists && !changed) return 'go-on';
  const finished = records.some((record) => record.state === 'done');
  return finished ? 'anew-together' : 'anew';
}

/** Whether chunks of an earlier point still belong to the table. A TRUNCATE in between would leave its rows behind. */
function goesOn(record: StoredTable, facts: SourceTable): boolean {
  if (record.state === 'emptying' || record.definition !== facts.definition) return false;
  return facts.identified || record.state === 'done' || record.chunks.every((chunk) => chunk.point === null);
}

/** Tables that go to one target table, and what must happen there: nothing stands against it. */
export interface GroupPlan {
  readonly tables: readonly RoundTable[];
  readonly records: readonly StoredTable[];
  /** Undefined: the target table does not exist. */
  readonly existing: TableMetadata | undefined;
  readonly verdict: Exclude<GroupVerdict, 'occupied'>;
  /** Null: the target table is not ours to make, or nothing is made now. */
  readonly definition: TargetDefinition | null;
}

/** Plans for all target tables to which tables go, the first thing that stands against one is thrown before any is touched. */
export async function planGroups(
  context: TargetGroupContext,
  found: readonly Omit<RoundTable, 'record'>[],
  stored: readonly StoredTable[],
): Promise<GroupPlan[]> {
  await context.targets.load(found.map(({ table }) => table.target));
  const tables = found.map((table): RoundTable => ({ ...table, record: findRecord({ tables: stored }, table.table) }));
  const groups: GroupPlan[] = [];
  for (const [target, group] of Map.groupBy(tables, ({ table }) => nameOfTable(table.target))) {
    const records = stored.filter((record) => nameOfTable(record.target) === target);
    groups.push(await planGroup(context, group, records));
  }
  return groups;
}

/** Looks at the target table of `tables`, which `targets` has loaded; changes nothing. Throws what stands against copying them. */
async function planGroup(
  context: TargetGroupContext,
  tables: readonly RoundTable[],
  records: readonly StoredTable[],
): Promise<GroupPlan> {
  const { targets, flavors } = context;
  const [first] = tables;
  const { target } = first!.table;
  const name = nameOfTable(target);
  const existing = targets.known(target);
  if (existing !== undefined && existing.triggers.length > 0) {
    throw new LockkeeperError('LK1310', `target table ${name} has triggers: ${existing.triggers.join(', ')}`, {
      details: { table: name, triggers: existing.triggers },
    });
  }
  const history = first!.metadata.versioning !== null;
  const ours = records.some((record) => record.created);
  const unfit = historyError(
    nameOfTable(first!.table.source),
    first!.metadata,
    ours ? undefined : existing,
    context.historyRefusal,
  );
  if (unfit !== null) throw unfit;
  // A table that we made before the source's got its history has none to ask for.
  const hasRows = existing !== undefined && (await targets.hasRows(target, history && existing.versioning !== null));
  const state = { exists: existing !== undefined, hasRows };
  const verdict = judgeGroup(tables, records, state, context.mode);
  if (verdict === 'occupied') throw occupied(name);
  if (verdict === 'anew-together') return { tables, records, existing, verdict, definition: null };
  const created = existing === undefined || ours;
  if (existing !== undefined && !created) requireTransactions(existing);
  if (existing !== undefined && (!created || verdict === 'go-on'))
    for (const { metadata } of tables) planColumns(metadata, existing, flavors);
  const rows = tables.reduce((sum, { facts }) => sum + facts.rows, 0);
  const definition = created
    ? await targets.define(first!.table, first!.metadata, first!.facts.createTable, flavors, {
        deferIndexes: rows >= DEFER_INDEXES_ROWS,
        travels: context.travels,
        onChanged: context.notice,
      })
    : null;
  return { tables, records, existing, verdict, definition };
}

/** Makes the target table ready for the rows of `tables`. Empty: they must wait for the next round. */
export async function prepareGroup(
  context: TargetGroupContext,
  { tables, records, existing, verdict, definition }: GroupPlan,
): Promise<ReadyTable[]> {
  const { session, store, targets } = context;
  if (verdict === 'anew-together') {
    for (const record of records) if (record.state !== 'gone') await store.setTable(session, record.source, 'emptying');
    return [];
  }
  const [first] = tables;
  const { target } = first!.table;
  const created = definition !== null;
  const starting = verdict === 'anew' ? tables : tables.filter(({ record }) => record === null);
  const laterIndexes = definition?.laterIndexes ?? [];
  const begin = (state: 'emptying' | 'copying') =>
    store.beginTables(
      session,
      starting.map(({ table, facts }) => ({ table, state, definition: facts.definition, created, laterIndexes })),
    );
  if (verdict === 'anew') {
    if (tables.some(({ record, facts }) => record?.definition === facts.definition && !facts.identified)) {
      context.notice(
        `${nameOfTable(target)} is copied from its beginning: with the privilege PROCESS at the source it could go on where it was`,
      );
    }
    await begin('emptying');
    if (existing !== undefined && created) await targets.drop(target, context.sleep);
    else if (existing !== undefined) await targets.empty(target, first!.metadata.versioning !== null);
  }
  if (starting.length > 0) await begin('copying');
  let stands = verdict === 'anew' ? await targets.read(target) : existing;
  if (stands === undefined) {
    const defaults = context.schemaOf(first!.table.source.schema);
    await targets.create(target, definition!, defaults, context.follows(target.schema));
    stands = (await targets.read(target))!;
    requireTransactions(stands);
  }
  return tables.map((table) => ({
    ...table,
    record: starting.includes(table) ? null : table.record,
    target: stands,
    laterIndexes: starting.includes(table) ? laterIndexes : (table.record?.laterIndexes ?? []),
  }));
}

function requireTransactions(target: TableMetadata): void {
  const engine = engineFinding(target);
  if (engine !== null) throw findingError(engine, nameOfTable(target));
}

function occupied(name: string): LockkeeperError {
  return new LockkeeperError('LK1601', `target table ${name} already holds rows`, {
    remedy: `Empty or drop ${name} at the target if its rows are not needed; or set spec.initialLoad.mode: Always to have them replaced by the source’s, or Never if they are the source’s already.`,
    retryable: false,
    details: { table: name },
  });
}
