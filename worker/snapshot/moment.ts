import { LockkeeperError } from '../../common/errors.ts';
import type { MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { TableMetadataCache } from '../target/table-metadata.ts';
import type { SnapshotPoint } from './snapshot-store.ts';
import { openConsistentPoint } from './consistent-point.ts';
import { readForeignTies, tiedGroups } from './foreign-ties.ts';
import { planRound, type RoundPlan } from './round-plan.ts';
import type { StoredSnapshot } from './snapshot-store.ts';
import type { SourceReader } from './source-reader.ts';
import { readSchemas, readSourceTables, type SchemaDefaults, type SourceTable } from './source-tables.ts';
import type { RoundTable } from './target-group.ts';
import { nameOfTable, type Clock, type SnapshotTable } from './types.ts';

/** Definitions must hold still while a point is taken. */
const POINT_TRIES = 5;

/** The moment that a round reads at, and what the tables looked like then. */
export interface Moment extends SnapshotPoint, RoundPlan {
  readonly readers: readonly SourceReader[];
  /** `pending` with their facts. */
  readonly tables: readonly Omit<RoundTable, 'record'>[];
  /** By name. */
  readonly schemas: ReadonlyMap<string, SchemaDefaults>;
}

export interface MomentRequest {
  /** The moment's number. */
  readonly point: number;
  readonly source: MysqlEndpoint;
  readonly connections: number;
  /** The tables that travel, as they are now. */
  readonly list: () => Promise<readonly SnapshotTable[]>;
  readonly stored: StoredSnapshot;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The source's tables that travel, and which of them must be read together. */
interface Survey {
  readonly listed: readonly SnapshotTable[];
  readonly facts: ReadonlyMap<string, SourceTable>;
  readonly tied: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Takes a consistent point for what a round is to read. The tables are looked at before and after; they must not change in between.
 * Rejects with LK1602, or an LK11xx error. The caller ends the readers.
 */
export async function takeMoment(request: MomentRequest, observer: SourceReader): Promise<Moment> {
  let before = await survey(request, observer);
  for (let attempt = 1; attempt <= POINT_TRIES; attempt++) {
    const { listed, facts, tied } = before;
    const plan = planRound(request.stored, listed, new Map([...facts].map(([name, { definition }]) => [name, definition])), tied);
    const { source, connections, clock, signal } = request;
    const tables = plan.pending.map((table) => table.source);
    const { readers, ...bounds } = await openConsistentPoint({ source, tables, connections, clock, signal });
    try {
      const metadata = new TableMetadataCache(observer);
      if (tables.length > 0) await metadata.load(tables);
      const schemas = await readSchemas(observer);
      const after = await survey(request, observer);
      if (sameTables(before, after)) {
        const read = plan.pending.map((table) => ({
          table,
          facts: after.facts.get(nameOfTable(table.source))!,
          metadata: metadata.get(table.source.schema, table.source.table)!,
        }));
        if (!bounds.exact) forbidRange(read, tied);
        return { ...plan, ...bounds, point: request.point, readers, tables: read, schemas };
      }
      before = after;
    } catch (error) {
      for (const reader of readers) reader.destroy();
      throw error;
    }
    for (const reader of readers) reader.destroy();
  }
  throw new LockkeeperError('LK1602', 'tables are altered again and again while a consistent point is taken');
}

export async function survey({ list }: Pick<MomentRequest, 'list'>, observer: SourceReader): Promise<Survey> {
  const listed = await list();
  const facts = await readSourceTables(
    observer,
    listed.map((table) => table.source),
  );
  const ties = (await readForeignTies(observer)).filter(({ child, parent }) =>
    [child, parent].every((table) => facts.has(nameOfTable(table))),
  );
  return { listed, facts, tied: tiedGroups(ties) };
}

function sameTables(before: Survey, after: Survey): boolean {
  return (
    before.facts.size === after.facts.size &&
    [...before.facts].every(([name, { definition }]) => after.facts.get(name)?.definition === definition)
  );
}

/**
 * Where the moment is only known as a range, changes within it may be in the rows already and are applied as upserts. That needs a
 * key, and cannot undo what foreign keys do in silence.
 */
export function forbidRange(tables: Moment['tables'], tied: ReadonlyMap<string, unknown>): void {
  const unfit = tables.find(({ table, metadata }) => {
    const keyed = metadata.primaryKey !== null || metadata.uniqueKeys.some((key) => !key.nullable && !key.functional);
    return !keyed || tied.has(nameOfTable(table.source));
  });
  if (unfit === undefined) return;
  const name = nameOfTable(unfit.table.source);
  const why = tied.has(name) ? 'is tied to others by foreign keys that change rows by themselves' : 'has no key';
  throw new LockkeeperError('LK1602', `${name} ${why}, so the moment at which it is read must be known exactly`, {
    found: 'the account may take no lock, and the source was written to all the time',
    remedy: 'Grant LOCK TABLES on the copied schemas (or RELOAD) to the source account, or copy while nobody writes.',
    details: { table: name },
  });
}
