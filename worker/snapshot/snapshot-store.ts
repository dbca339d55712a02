import type { RowDataPacket } from 'mysql2';
import { LockkeeperError } from '../../common/errors.ts';
import { serverErrno } from '../../common/mysql-errors.ts';
import type { SourcePosition } from '../source/position.ts';
import type { TableRoute } from '../source/table-map.ts';
import { quote, type SqlRunner, type TargetSession } from '../target/session.ts';
import type { KeyValue } from './chunk-key.ts';
import { nameOfTable, type SnapshotTable } from './types.ts';

/** A moment at which the source was read: the rows hold everything before `low` and nothing after `high`. */
export interface SnapshotPoint {
  readonly point: number;
  readonly low: SourcePosition;
  readonly high: SourcePosition;
  /** `low` and `high` are the same moment. */
  readonly exact: boolean;
}

export interface StoredChunk {
  readonly chunk: number;
  readonly lower: KeyValue | null;
  readonly upper: KeyValue | null;
  /** Number of the point at which it was read; null: not copied yet. */
  readonly point: number | null;
  readonly rows: number;
  readonly bytes: number;
}

export interface StoredTable extends SnapshotTable {
  /** `emptying`: rows that are not ours to keep are being deleted; `gone`: dropped at the source while it was copied. */
  readonly state: 'emptying' | 'copying' | 'done' | 'gone';
  /** Hash of the source table's definition when its copy began. */
  readonly definition: string;
  /** The target table is our making, so it may be dropped when the source's changes. */
  readonly created: boolean;
  /** Index definitions that the target table gets once its rows are there. */
  readonly laterIndexes: readonly string[];
  /** The point from which on the table is settled, where that is not the chunks' own. */
  readonly settledPoint: number | null;
  readonly chunks: readonly StoredChunk[];
}

/** spec.initialLoad.mode. */
export type LoadMode = 'WhenNew' | 'Never' | 'Always';

export interface StoredSnapshot {
  /** `followed`: the stream has begun behind it, or instead of it. */
  readonly state: 'copying' | 'done' | 'followed';
  /** What the pipeline last acted on. */
  readonly mode: LoadMode;
  readonly start: SourcePosition;
  readonly points: readonly SnapshotPoint[];
  /** The last point of which the record is complete: every table that existed then is in it. Null before the first. */
  readonly listedPoint: number | null;
  readonly tables: readonly StoredTable[];
}

/** A table whose copy begins. */
export interface NewTable extends Pick<StoredTable, 'definition' | 'created' | 'laterIndexes'> {
  readonly table: SnapshotTable;
  readonly state: 'emptying' | 'copying';
}

const FORMAT = 1;
const FENCED = new Set([3819, 4025]);
const ROW_GONE = 1242;

/**
 * The state of a first copy, kept in the target. Every change carries the fence, so that only the newest leader makes any; errors
 * of the fence come out as LK1401 and LK1311.
 */
export class SnapshotStore {
  readonly #pipeline: string;
  readonly #where: string;
  readonly #fenceSql: string;
  readonly #failpoint: (name: string) => Promise<void> | void;

  /** `failpoint`: called before and after each commit; tests stop the process there. */
  constructor(pipeline: string, fenceSql: string, failpoint: (name: string) => Promise<void> | void = () => undefined) {
    this.#pipeline = pipeline;
    this.#failpoint = failpoint;
    this.#where = `pipeline=${quote(pipeline)}`;
    this.#fenceSql = fenceSql;
  }

  /** Null when the pipeline never copied anything. */
  async read(session: SqlRunner): Promise<StoredSnapshot | null> {
    const rows = (table: string, order: string) =>
      session.query<RowDataPacket[]>(`SELECT * FROM lockkeeper.${table} WHERE ${this.#where} ORDER BY ${order}`);
    const [snapshot] = await rows('snapshot', 'pipeline');
    if (snapshot === undefined) return null;
    if (Number(snapshot['format']) !== FORMAT) {
      throw new LockkeeperError('LK1311', `the record of the first copy of ${this.#pipeline} was written by another version`, {
        found: `format ${snapshot['format']}, this version reads ${FORMAT}`,
      });
    }
    const points = await rows('snapshot_point', 'point');
    const tables = await rows('snapshot_table', 'source_schema, source_table');
    const chunks = await rows('snapshot_chunk', 'source_schema, source_table, chunk');
    await session.query('COMMIT');
    const chunksByTable = Map.groupBy(chunks, (chunk) => `${text(chunk['source_schema'])}\0${text(chunk['source_table'])}`);
    return {
      state: text(snapshot['state']) as StoredSnapshot['state'],
      mode: text(snapshot['mode']) as LoadMode,
      start: JSON.parse(text(snapshot['start_position'])) as SourcePosition,
      points: points.map((row) => ({
        point: Number(row['point']),
        low: JSON.parse(text(row['low_position'])) as SourcePosition,
        high: JSON.parse(text(row['high_position'])) as SourcePosition,
        exact: Number(row['exact']) === 1,
      })),
      listedPoint: snapshot['listed_point'] === null ? null : Number(snapshot['listed_point']),
      tables: tables.map((row) => {
        const source = { schema: text(row['source_schema']), table: text(row['source_table']) };
        return {
          source,
          target: { schema: text(row['target_schema']), table: text(row['target_table']) },
          state: text(row['state']) as StoredTable['state'],
          definition: text(row['definition']),
          created: Number(row['created']) === 1,
          laterIndexes: JSON.parse(text(row['later_indexes'])) as string[],
          settledPoint: row['settled_point'] === null ? null : Number(row['settled_point']),
          chunks: (chunksByTable.get(`${source.schema}\0${source.table}`) ?? []).map(chunkOf),
        };
      }),
    };
  }

  /**
   * Begins a copy whose stream will begin at `start`, together with `alsoSql`. What is known of an earlier one is forgotten; with
   * `owned`, its target tables are kept in mind as ours: they hold rows that must go. One whose source was gone has been dropped, so
   * what has its name by now is somebody else's.
   */
  async begin(
    session: TargetSession,
    start: SourcePosition,
    mode: LoadMode,
    { owned, alsoSql = [] }: { readonly owned: boolean; readonly alsoSql?: readonly string[] },
  ): Promise<void> {
    await this.commit(session, [
      `REPLACE INTO lockkeeper.snapshot (pipeline,format,state,mode,start_position) VALUES (${quote(this.#pipeline)},${FORMAT},'copying',${quote(mode)},${json(start)})`,
      `DELETE FROM lockkeeper.snapshot_point WHERE ${this.#where}`,
      `DELETE FROM lockkeeper.snapshot_chunk WHERE ${this.#where}`,
      `DELETE FROM lockkeeper.snapshot_table WHERE ${this.#where} AND state='gone'`,
      owned
        ? `UPDATE lockkeeper.snapshot_table SET state='emptying',settled_point=NULL WHERE ${this.#where}`
        : `DELETE FROM lockkeeper.snapshot_table WHERE ${this.#where}`,
      ...alsoSql,
    ]);
  }

  /** Records which mode was last acted on. */
  async setMode(session: TargetSession, mode: LoadMode): Promise<void> {
    await this.commit(session, [`UPDATE lockkeeper.snapshot SET mode=${quote(mode)} WHERE ${this.#where}`]);
  }

  async addPoint(session: TargetSession, point: SnapshotPoint): Promise<void> {
    await this.commit(session, [
      `INSERT INTO lockkeeper.snapshot_point VALUES (${quote(this.#pipeline)},${point.point},${json(point.low)},${json(point.high)},${point.exact ? 1 : 0})`,
    ]);
  }

  /** Records that all tables of the point are in the record. */
  async setListed(session: TargetSession, point: number): Promise<void> {
    await this.commit(session, [`UPDATE lockkeeper.snapshot SET listed_point=${point} WHERE ${this.#where}`]);
  }

  /** Records that the copy of tables begins (again): their chunks are forgotten. */
  async beginTables(session: TargetSession, tables: readonly NewTable[]): Promise<void> {
    await this.commit(
      session,
      tables.flatMap(({ table, state, definition, created, laterIndexes }) => {
        const names = [
          this.#pipeline,
          table.source.schema,
          table.source.table,
          table.target.schema,
          table.target.table,
          state,
          definition,
        ];
        return [
          `DELETE FROM lockkeeper.snapshot_chunk WHERE ${this.#of(table.source)}`,
          `REPLACE INTO lockkeeper.snapshot_table VALUES (${[...names.map(quote), created ? 1 : 0, json(laterIndexes), 'NULL'].join(',')})`,
        ];
      }),
    );
  }

  async setTable(
    session: TargetSession,
    source: TableRoute,
    state: StoredTable['state'],
    settledPoint: number | null = null,
  ): Promise<void> {
    await this.commit(session, [
      `UPDATE lockkeeper.snapshot_table SET state=${quote(state)},settled_point=${settledPoint ?? 'NULL'} WHERE ${this.#of(source)}`,
    ]);
  }

  /** The table does not exist at the point, or does not travel (null): nothing of it is waited for. */
  async setGone(session: TargetSession, source: TableRoute, point: number | null): Promise<void> {
    await this.commit(session, [
      `DELETE FROM lockkeeper.snapshot_chunk WHERE ${this.#of(source)}`,
      `UPDATE lockkeeper.snapshot_table SET state='gone',settled_point=${point ?? 'NULL'} WHERE ${this.#of(source)}`,
    ]);
  }

  async planChunk(
    session: TargetSession,
    source: TableRoute,
    chunk: Pick<StoredChunk, 'chunk' | 'lower' | 'upper'>,
  ): Promise<void> {
    const key = (value: KeyValue | null) => (value === null ? 'NULL' : json(value));
    await this.commit(session, [
      `INSERT INTO lockkeeper.snapshot_chunk (pipeline,source_schema,source_table,chunk,lower_key,upper_key) VALUES (` +
        `${[this.#pipeline, source.schema, source.table].map(quote).join(',')},${chunk.chunk},${key(chunk.lower)},${key(chunk.upper)})`,
    ]);
  }

  /** Commits the open transaction with the chunk's rows. */
  async finishChunk(session: TargetSession, source: TableRoute, chunk: StoredChunk): Promise<void> {
    await this.commit(session, [
      `UPDATE lockkeeper.snapshot_chunk SET point=${chunk.point},row_count=${chunk.rows},byte_count=${chunk.bytes} ` +
        `WHERE ${this.#of(source)} AND chunk=${chunk.chunk}`,
    ]);
  }

  async finish(session: TargetSession): Promise<void> {
    await this.commit(session, [
      `UPDATE lockkeeper.snapshot SET state='done',finished_at=CURRENT_TIMESTAMP(6) WHERE ${this.#where}`,
    ]);
  }

  /** Runs statements, the fence and COMMIT as one packet: an error anywhere leaves nothing behind. */
  async commit(session: TargetSession, statements: readonly string[]): Promise<void> {
    await this.#failpoint('copy-before-commit');
    try {
      await session.query(`${statements.map((sql) => `${sql};`).join('')}${this.#fenceSql};COMMIT`);
    } catch (error) {
      if (session.usable) await session.rollback();
      throw this.#explain(error);
    }
    await this.#failpoint('copy-after-commit');
  }

  #of(source: TableRoute): string {
    return `${this.#where} AND source_schema=${quote(source.schema)} AND source_table=${quote(source.table)}`;
  }

  #explain(error: unknown): unknown {
    const errno = serverErrno(error);
    if (errno === ROW_GONE) {
      return new LockkeeperError('LK1311', `the checkpoint row of ${this.#pipeline} is gone from the target`, { cause: error });
    }
    if (errno === undefined || !FENCED.has(errno)) return error;
    return new LockkeeperError('LK1401', `a newer leader holds ${this.#pipeline}; this one copies no more`, {
      cause: error,
      details: { pipeline: this.#pipeline },
    });
  }
}

/** The mode that the pipeline last acted on; null when it never copied anything. */
export async function readLoadMode(session: SqlRunner, pipeline: string): Promise<LoadMode | null> {
  const rows = await session.query<RowDataPacket[]>(`SELECT * FROM lockkeeper.snapshot WHERE pipeline=${quote(pipeline)}`);
  // Asked before a worker has run, the column may be missing still (see laterColumns).
  return rows[0] === undefined ? null : (text(rows[0]['mode'] ?? 'Always') as LoadMode);
}

/** SQL for the transaction that stores the first position of a stream: from then on the copy is history, whatever became of it. */
export function followSql(pipeline: string, mode: LoadMode): string {
  return `UPDATE lockkeeper.snapshot SET state='followed',mode=${quote(mode)} WHERE pipeline=${quote(pipeline)}`;
}

function chunkOf(row: RowDataPacket): StoredChunk {
  const key = (value: unknown) => (value === null ? null : (JSON.parse(text(value)) as string[]));
  return {
    chunk: Number(row['chunk']),
    lower: key(row['lower_key']),
    upper: key(row['upper_key']),
    point: row['point'] === null ? null : Number(row['point']),
    rows: Number(row['row_count']),
    bytes: Number(row['byte_count']),
  };
}

function json(value: unknown): string {
  return quote(JSON.stringify(value));
}

/** Under `SET NAMES binary` character columns may arrive as Buffers. */
function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}

/** For messages. */
export function describeTable(table: SnapshotTable): string {
  const [source, target] = [nameOfTable(table.source), nameOfTable(table.target)];
  return source === target ? source : `${source} (target ${target})`;
}
