import type { MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import type { Flavor, SourcePosition } from '../source/position.ts';
import type { TableRoute } from '../source/table-map.ts';
import type { TargetSession } from '../target/session.ts';

/** A table of the source and where it goes. Several may go to one target table. */
export interface SnapshotTable {
  readonly source: TableRoute;
  readonly target: TableRoute;
}

/**
 * What the stream must do with a table's events after the copy, rows and DDL alike.
 * - `none`: apply all of them.
 * - `skipUntil`: the table was read as of `position`; what happened before that is in the rows and must be dropped.
 * - `convergeUntil`: parts of the table were read at different points up to `position`; until then events are applied as upserts.
 */
export type TableCatchUp =
  | { readonly kind: 'none' }
  | { readonly kind: 'skipUntil'; readonly position: SourcePosition }
  | { readonly kind: 'convergeUntil'; readonly position: SourcePosition };

export interface CopiedTable extends TableRoute {
  readonly catchUp: TableCatchUp;
}

export interface CatchUpPlan {
  /** By their names at the source. */
  readonly tables: readonly CopiedTable[];
  /** All others: they did not exist when the source's tables were listed for the last time, so what came before is void. */
  readonly others: TableCatchUp;
}

export interface SnapshotResult extends CatchUpPlan {
  /** Where the stream begins: read before the tables were listed, so that a table made later comes with the stream. */
  readonly start: SourcePosition;
  readonly rows: number;
  /** Bytes of the rows as text. */
  readonly bytes: number;
  /** Time spent copying in this run; 0 when the copy had been finished before. */
  readonly seconds: number;
}

export interface SnapshotProgress {
  /** The table that moved, `schema.table` at the source; null: the copy, or a round of it, is planned and about to begin. */
  readonly table: string | null;
  readonly tablesDone: number;
  readonly tablesTotal: number;
  readonly rowsDone: number;
  /** The server's estimate; can be wrong by half. */
  readonly rowsTotalEstimate: number;
  readonly bytes: number;
  readonly chunksDone: number;
  readonly chunksTotal: number;
  readonly rowsPerSecond: number;
  readonly etaSeconds: number | null;
}

export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export interface SnapshotCopierOptions {
  readonly source: MysqlEndpoint;
  /** Opens a session on the target. */
  readonly target: () => Promise<TargetSession>;
  /** Lists the tables that travel, as they are now. Asked for each time that a moment is taken. */
  readonly tables: () => Promise<readonly SnapshotTable[]>;
  /** Where a table of the source goes, whether it exists or not; null when it does not travel. */
  readonly route: (source: TableRoute) => TableRoute | null;
  /** Key of the pipeline in the target's tables, `namespace/name`. */
  readonly pipeline: string;
  /** SQL that fails when a newer leader exists (Checkpoint.fenceSql). */
  readonly fenceSql: string;
  /** SQL that goes with the begin of a copy: what an earlier history of the pipeline left is void from then on. */
  readonly beginSql: readonly string[];
  /** Why row events of a source of this family cannot be replayed at the target, or null: without that no history can be followed. */
  readonly rawRefusal: (source: Flavor) => Promise<string | null>;
  readonly options: {
    /** WhenNew refuses target tables that hold rows; Always deletes these rows first. */
    readonly mode: 'WhenNew' | 'Always';
    /** Rows in a chunk, which is one transaction at the target. */
    readonly chunkRows: number;
    /** Pairs of connections. */
    readonly parallelism: number;
  };
  readonly onProgress?: (progress: SnapshotProgress) => void;
  /** Something a person may want to know that stops nothing. */
  readonly onNotice?: (text: string) => void;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Called at named points; tests stop the process there. */
  readonly failpoint?: (name: string) => Promise<void> | void;
}

/** Both ends of a copy, where SQL depends on them. */
export interface Flavors {
  readonly source: Flavor;
  readonly target: Flavor;
}

/** `schema.table`, for messages and maps. */
export function nameOfTable(table: TableRoute): string {
  return `${table.schema}.${table.table}`;
}

/** A name as SQL quotes it, as a binary string. */
export function identifier(name: string): string {
  return `\`${Buffer.from(name, 'utf8').toString('latin1').replaceAll('`', '``')}\``;
}

export function qualified(table: TableRoute): string {
  return `${identifier(table.schema)}.${identifier(table.table)}`;
}
