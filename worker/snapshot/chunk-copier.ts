import { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import type { ResultSetHeader, RowDataPacket } from 'mysql2';
import { LockkeeperError, messageOf } from '../../common/errors.ts';
import { serverErrno } from '../../common/mysql-errors.ts';
import type { TargetSession } from '../target/session.ts';
import { probeOpaque } from '../target/sql/json-opaque.ts';
import { rangeCondition, type ChunkKey, type KeyValue } from './chunk-key.ts';
import type { ColumnTransport } from './column-transport.ts';
import { buildJson, bytesLiteral, holdsTypedValues, scalarPaths, typesExpression } from './json-exact.ts';
import { LINE_FORMAT, RowLines } from './row-lines.ts';
import type { SourceReader } from './source-reader.ts';
import { identifier, nameOfTable, qualified, type SnapshotTable } from './types.ts';

/** What copying one table takes. */
export interface CopyPlan {
  readonly table: SnapshotTable;
  /** Null: the table is copied in one piece. */
  readonly key: ChunkKey | null;
  /** Rows of the past are copied too. */
  readonly history: boolean;
  readonly columns: readonly ColumnTransport[];
}

export interface ChunkRange {
  readonly lower: KeyValue | null;
  readonly upper: KeyValue | null;
}

export interface ChunkCount {
  readonly rows: number;
  readonly bytes: number;
}

/** A row was there already, under its own or another unique key. */
export class DuplicateRow extends Error {}

/** The source stopped reading: nothing that the target did wrong. */
export class SourceFailure extends Error {}

/** Data truncated: what an ENUM's invalid value 0 always raises. */
const WARN_DATA_TRUNCATED = 1265;
const ER_DUP_ENTRY = 1062;
const ROWS_PER_INSERT = 100;

/**
 * Copies the rows of a range into the target's open transaction and leaves the commit to the caller.
 * Throws DuplicateRow, SourceFailure (with the driver's error as cause), LK1406 when a value would be altered, or the target's error.
 */
export async function copyChunk(
  plan: CopyPlan,
  range: ChunkRange,
  source: SourceReader,
  target: TargetSession,
): Promise<ChunkCount> {
  const condition = rangeCondition(plan.key, range.lower, range.upper);
  const jsonColumns = plan.columns.filter((column) => column.typedJson);
  const typed = jsonColumns.map((column) => holdsTypedValues(column.select)).join(' OR ');
  const rows = `${qualified(plan.table.source)}${plan.history ? ' FOR SYSTEM_TIME ALL' : ''}`;
  const from = plan.key === null ? rows : `${rows} FORCE INDEX (${plan.key.index})`;
  const documents =
    typed === '' ? [] : await fromSource(source.values(`SELECT ${list(jsonColumns)} FROM ${from}${where(condition, typed)}`));
  const rest = documents.length === 0 ? '' : `NOT (${typed})`;
  // A row whose JSON is NULL compares to NULL, not to true.
  const plain = await load(
    plan,
    `SELECT ${list(plan.columns)} FROM ${from}${where(condition, rest && `COALESCE(${rest},TRUE)`)}`,
    source,
    target,
  );
  if (documents.length === 0) return plain;
  const bytes = await insertTyped(plan, from + where(condition, typed), documents, source, target);
  return { rows: plain.rows + documents.length, bytes: plain.bytes + bytes };
}

function list(columns: readonly ColumnTransport[]): string {
  return columns.map((column) => column.select).join(',');
}

function where(...conditions: string[]): string {
  const given = conditions.filter((condition) => condition !== '');
  return given.length === 0 ? '' : ` WHERE ${given.map((condition) => `(${condition})`).join(' AND ')}`;
}

async function fromSource<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new SourceFailure(messageOf(error), { cause: error });
  }
}

/** What mysql2 needs of the stream that feeds LOAD DATA. Blocks are sent at once; mysql2 copies them. */
class Feed extends EventEmitter {
  readonly #source: SourceReader;

  constructor(source: SourceReader) {
    super();
    this.#source = source;
  }

  /** mysql2 calls these two as the target's socket fills and drains. */
  pause(): void {
    this.#source.pause();
  }

  resume(): void {
    this.#source.resume();
  }
}

async function load(plan: CopyPlan, select: string, source: SourceReader, target: TargetSession): Promise<ChunkCount> {
  const feed = new Feed(source);
  const lines = new RowLines(plan.columns.length, (block) => feed.emit('data', block));
  const open = () => {
    source.stream(select, lines).then(
      () => {
        lines.flush();
        feed.emit('end');
      },
      (error: unknown) => feed.emit('error', new SourceFailure(messageOf(error), { cause: error })),
    );
    return feed as unknown as Readable;
  };
  let result: ResultSetHeader;
  try {
    result = await target.load(loadSql(plan), open);
  } finally {
    source.resume();
  }
  await refuseLoss(plan, result, lines.rows, target);
  return { rows: lines.rows, bytes: lines.bytes };
}

function loadSql(plan: CopyPlan): string {
  const fields = plan.columns.map((column, index) => (column.store === null ? identifier(column.name) : `@v${index}`));
  const stored = plan.columns.flatMap(({ name, store }, index) =>
    store === null ? [] : [`${identifier(name)}=${store(`@v${index}`)}`],
  );
  const set = stored.length === 0 ? '' : ` SET ${stored.join(',')}`;
  return `LOAD DATA LOCAL INFILE 'rows' INTO TABLE ${qualified(plan.table.target)} ${LINE_FORMAT} (${fields.join(',')})${set}`;
}

/**
 * LOAD DATA LOCAL turns every error into a warning: skipped duplicates, altered values. None is let through but the one that an
 * ENUM's 0 raises, which arrives as it is.
 */
async function refuseLoss(plan: CopyPlan, result: ResultSetHeader, rows: number, target: TargetSession): Promise<void> {
  const count = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(result.info)?.[1] ?? 0);
  const name = nameOfTable(plan.table.target);
  const suspicious = count('Warnings') > 0 || result.warningStatus > 0 || count('Skipped') > 0;
  const warnings = suspicious ? await target.query<RowDataPacket[]>('SHOW WARNINGS') : [];
  const duplicate = warnings.find((warning) => Number(warning['Code']) === ER_DUP_ENTRY);
  if (duplicate !== undefined || count('Skipped') > 0)
    throw new DuplicateRow(`${name}: ${String(duplicate?.['Message'] ?? result.info)}`);
  const enums = plan.columns.filter((column) => column.select.startsWith('CAST(') && column.store !== null);
  const harmless = (warning: RowDataPacket) =>
    Number(warning['Code']) === WARN_DATA_TRUNCATED &&
    enums.some((column) => String(warning['Message']).includes(`'${column.name}'`));
  const loss = warnings.find((warning) => !harmless(warning));
  if (loss !== undefined || count('Records') !== rows) {
    const found = loss === undefined ? `${rows} rows sent, ${result.info}` : `${loss['Code']}: ${String(loss['Message'])}`;
    throw new LockkeeperError('LK1406', `the target cannot hold rows of ${name} as they are`, {
      found,
      details: { table: name },
    });
  }
}

/** Writes the rows whose JSON must be built from typed parts; returns the bytes of their text. */
async function insertTyped(
  plan: CopyPlan,
  fromWhere: string,
  documents: readonly (readonly (Buffer | null)[])[],
  source: SourceReader,
  target: TargetSession,
): Promise<number> {
  const jsonColumns = plan.columns.filter((column) => column.typedJson);
  const paths = jsonColumns.map((_, index) => [
    ...new Set(documents.flatMap((row) => (row[index] == null ? [] : scalarPaths(row[index].toString('utf8'))))),
  ]);
  const types = jsonColumns.map((column, index) =>
    paths[index]!.length === 0 ? "''" : typesExpression(column.select, paths[index]!),
  );
  const rows = await fromSource(source.values(`SELECT ${[list(plan.columns), ...types].join(',')} FROM ${fromWhere}`));
  const names = plan.columns.map((column) => identifier(column.name)).join(',');
  const opaque = await probeOpaque(target);
  let bytes = 0;
  const written = rows.map((row) => {
    const literals = plan.columns.map((column, index) => {
      const value = row[index]!;
      bytes += value?.length ?? 0;
      const json = jsonColumns.indexOf(column);
      if (json < 0 || value === null) return column.store === null ? bytesLiteral(value) : column.store(bytesLiteral(value));
      const named = row[plan.columns.length + json]!.toString().split(',');
      const typeByPath = new Map(paths[json]!.map((path, at) => [path, named[at]!]));
      return buildJson(value.toString('utf8'), (path) => typeByPath.get(path)!, opaque);
    });
    return `(${literals.join(',')})`;
  });
  const head = `INSERT INTO ${qualified(plan.table.target)} (${names}) VALUES `;
  // One byte of the packet is the command's.
  for (const values of inStatements(written, target.maxAllowedPacket - head.length - 1)) {
    await insert(plan, head + values, target);
  }
  return bytes;
}

/** Joins rows for INSERT: at most ROWS_PER_INSERT, and `limit` bytes unless a single row has more. */
function* inStatements(rows: readonly string[], limit: number): Generator<string> {
  let joined: string[] = [];
  let length = 0;
  for (const row of rows) {
    if (joined.length === ROWS_PER_INSERT || (joined.length > 0 && length + row.length + 1 > limit)) {
      yield joined.join(',');
      joined = [];
      length = 0;
    }
    joined.push(row);
    length += row.length + 1;
  }
  if (joined.length > 0) yield joined.join(',');
}

async function insert(plan: CopyPlan, sql: string, target: TargetSession): Promise<void> {
  let result: ResultSetHeader;
  try {
    result = await target.query(sql);
  } catch (error) {
    throw serverErrno(error) === ER_DUP_ENTRY
      ? new DuplicateRow(`${nameOfTable(plan.table.target)}: ${messageOf(error)}`)
      : error;
  }
  await refuseLoss(plan, result, /Records: (\d+)/.test(result.info) ? Number(/Records: (\d+)/.exec(result.info)![1]) : 0, target);
}
