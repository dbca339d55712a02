import { ColumnType } from '../../source/column-type.ts';
import type { Flavor } from '../../source/position.ts';
import { rowShape, type RowShape } from '../../source/row-shape.ts';
import type { TableMap } from '../../source/table-map.ts';
import type { SqlRunner } from '../session.ts';
import type { TableMetadata } from '../table-metadata.ts';
import { writeJsonDiff } from './json-diff-expression.ts';
import type { OpaqueForms } from './json-literal.ts';
import { literalWriter, needsIntroducer } from './literal.ts';
import { memberMap } from './member-map.ts';
import type { LiteralWriter } from './number-literals.ts';
import { comparedLiteral, exactPredicate, identifier, keyPredicate, listable, needsComparedCharset } from './predicate.ts';
import { matchColumns, type ColumnPair } from './source-column.ts';
import type { SqlBuffer } from './sql-buffer.ts';

/** A column of the row image and how its values are written. */
export interface WriterColumn {
  readonly pair: ColumnPair;
  /** Where RowShape.columns puts the value's start; its end follows. */
  readonly at: number;
  readonly name: Buffer;
  readonly literal: LiteralWriter;
  /** The value as comparisons want it. */
  readonly keyLiteral: LiteralWriter;
  readonly keyPredicate: LiteralWriter;
  readonly exactPredicate: LiteralWriter;
  readonly generated: boolean;
  /** Values may be chosen by CASE, which makes one type of all branches. */
  readonly caseable: boolean;
}

/** What is to be known of the target server. */
export interface CompileContext {
  readonly flavor: Flavor;
  readonly opaque: OpaqueForms;
}

/** Where the values of one row lie: a buffer, and start and end of every column (-1 = NULL). */
export interface RowView {
  images: Buffer;
  readonly bounds: Int32Array;
}

/** Everything that is known before the first row: how one table map's rows become SQL for one target table. */
export class TableWriter {
  readonly target: TableMetadata;
  /** `schema`.`table` */
  readonly name: Buffer;
  readonly shape: RowShape;
  readonly columns: readonly WriterColumn[];
  /** Columns that statements may set: all but generated ones. */
  readonly written: readonly WriterColumn[];
  /** Columns that identify one row, null when the whole row must. */
  readonly key: readonly WriterColumn[] | null;
  /** The key is one column whose values may stand in a list. */
  readonly listKey: WriterColumn | null;
  /** Per image column: it is part of a unique or foreign key, so the order in which rows change it matters. */
  readonly ordered: Uint8Array;
  /** A unique key compares something that the row image does not show. */
  readonly hiddenKey: boolean;
  /** A foreign key from the table to itself: even deletes must keep their order. */
  readonly selfReferencing: boolean;
  /** Statements may raise warnings that mean nothing (deprecated character sets in introducers). */
  readonly noisy: boolean;
  readonly insertHead: Buffer;
  readonly #enums: readonly WriterColumn[];
  readonly #opaque: OpaqueForms;

  private constructor(map: TableMap, target: TableMetadata, columns: readonly WriterColumn[], opaque: OpaqueForms) {
    this.target = target;
    this.name = Buffer.concat([identifier(target.schema), Buffer.from('.'), identifier(target.table)]);
    this.shape = rowShape(map);
    this.columns = columns;
    this.written = columns.filter((column) => !column.generated);
    this.key = keyColumns(target, columns);
    this.listKey = this.key?.length === 1 && listable(this.key[0]!.pair) ? this.key[0]! : null;
    const { ordered, hidden } = orderedColumns(map, target, columns);
    this.ordered = ordered;
    this.hiddenKey = hidden;
    this.selfReferencing = target.referencedBy.some((parent) => parent.schema === target.schema && parent.table === target.table);
    this.noisy =
      columns.some(({ pair }) => needsIntroducer(pair) && pair.charset !== 'utf8mb4') ||
      (this.key?.some(({ pair }) => needsComparedCharset(pair)) ?? false);
    const names = this.written.map((column) => column.name.toString('latin1')).join();
    this.insertHead = Buffer.from(`INSERT INTO ${this.name.toString('latin1')} (${names}) VALUES `, 'latin1');
    this.#enums = this.written.filter(({ pair }) => pair.type === ColumnType.ENUM);
    this.#opaque = opaque;
  }

  /** Asks the server where that is needed (member names in another character set). */
  static async compile(session: SqlRunner, map: TableMap, target: TableMetadata, context: CompileContext): Promise<TableWriter> {
    const { opaque } = context;
    const columns: WriterColumn[] = [];
    for (const pair of matchColumns(map, target).pairs) {
      const literal = literalWriter(pair, { opaque, memberMap: await memberMap(session, pair) });
      columns.push({
        pair,
        at: pair.index * 2,
        name: identifier(pair.target.name),
        literal,
        keyLiteral: comparedLiteral(pair, literal),
        keyPredicate: keyPredicate(pair, literal),
        exactPredicate: exactPredicate(pair, literal, context.flavor),
        generated: pair.target.generated !== null,
        caseable: isCaseable(pair),
      });
    }
    return new TableWriter(map, target, columns, opaque);
  }

  get label(): string {
    return `${this.target.schema}.${this.target.table}`;
  }

  newRow(): RowView {
    return { images: Buffer.alloc(0), bounds: new Int32Array(this.shape.columnCount * 2) };
  }

  /** `(1,'a',NULL)`: values of an INSERT, in the order of insertHead. */
  writeValues(out: SqlBuffer, row: RowView): void {
    const { written } = this;
    for (let i = 0; i < written.length; i++) {
      out.byte(i === 0 ? 0x28 : 0x2c);
      writeValue(out, written[i]!, row);
    }
    out.byte(0x29);
  }

  /** A condition that is true for this row only; by `row`'s before-image. */
  writeWhere(out: SqlBuffer, row: RowView): void {
    if (this.key === null) this.#writeExactWhere(out, row);
    else this.writeKeyWhere(out, row);
  }

  writeKeyWhere(out: SqlBuffer, row: RowView): void {
    this.key!.forEach((column, i) => {
      if (i > 0) out.ascii(' AND ');
      writeCondition(out, column, column.keyPredicate, row);
    });
  }

  #writeExactWhere(out: SqlBuffer, row: RowView): void {
    // Generated columns follow from the others.
    this.written.forEach((column, i) => {
      if (i > 0) out.ascii(' AND ');
      writeCondition(out, column, column.exactPredicate, row);
    });
  }

  /** `a=1,b=2` of the columns that `chosen` marks. `partial` marks JSON columns whose after-image is a diff on `before`. */
  writeAssignments(out: SqlBuffer, row: RowView, chosen: Uint8Array, before: RowView, partial: Uint8Array | null): void {
    let first = true;
    for (const column of this.written) {
      const { index } = column.pair;
      if (chosen[index] === 0) continue;
      if (!first) out.byte(0x2c);
      first = false;
      out.raw(column.name);
      out.byte(0x3d);
      if (partial !== null && partial[index] === 1) this.writeDiff(out, column, row, before);
      else writeValue(out, column, row);
    }
  }

  /** The JSON document that the diff makes of the before-image. */
  writeDiff(out: SqlBuffer, column: WriterColumn, row: RowView, before: RowView): void {
    writeJsonDiff(
      out,
      { image: before.images, start: before.bounds[column.at]!, end: before.bounds[column.at + 1]! },
      { image: row.images, start: row.bounds[column.at]!, end: row.bounds[column.at + 1]! },
      this.#opaque,
    );
  }

  /** Values that the server will warn about although they are stored as they are: number 0 of an ENUM. */
  expectedWarnings(row: RowView, chosen: Uint8Array | null = null): number {
    let count = 0;
    for (const { at, pair } of this.#enums) {
      if (chosen !== null && chosen[pair.index] === 0) continue;
      const start = row.bounds[at]!;
      if (start < 0 || row.images[start] !== 0) continue;
      if (row.bounds[at + 1]! - start === 1 || row.images[start + 1] === 0) count++;
    }
    return count;
  }

  /** What a person recognises the row by. */
  describe(out: SqlBuffer, row: RowView): string {
    const start = out.length;
    this.writeWhere(out, row);
    const text = Buffer.from(out.bytes.subarray(start, Math.min(out.length, start + 300))).toString('utf8');
    out.length = start;
    return text.replaceAll('`', '');
  }
}

export function writeValue(out: SqlBuffer, column: WriterColumn, row: RowView): void {
  const start = row.bounds[column.at]!;
  if (start < 0) out.ascii('NULL');
  else column.literal(out, row.images, start, row.bounds[column.at + 1]!);
}

function writeCondition(out: SqlBuffer, column: WriterColumn, predicate: LiteralWriter, row: RowView): void {
  const start = row.bounds[column.at]!;
  if (start < 0) {
    out.raw(column.name);
    out.ascii(' IS NULL');
  } else predicate(out, row.images, start, row.bounds[column.at + 1]!);
}

/** The primary key, else a unique key without NULLs, of which the source logs every column. */
function keyColumns(target: TableMetadata, columns: readonly WriterColumn[]): readonly WriterColumn[] | null {
  const keys = target.uniqueKeys.filter((key) => !key.nullable && !key.functional).map((key) => key.columns);
  for (const parts of target.primaryKey === null ? keys : [target.primaryKey, ...keys]) {
    const found = parts.map((part) => columns.find((column) => column.pair.target.name === part.column));
    if (found.every((column) => column !== undefined)) return found;
  }
  return null;
}

function orderedColumns(
  map: TableMap,
  target: TableMetadata,
  columns: readonly WriterColumn[],
): { ordered: Uint8Array; hidden: boolean } {
  const ordered = new Uint8Array(map.columnCount);
  let hidden = target.uniqueKeys.some((key) => key.functional);
  const names = [
    ...(target.primaryKey ?? []).map((part) => part.column),
    ...target.uniqueKeys.flatMap((key) => key.columns.map((part) => part.column)),
    ...target.foreignKeys.flatMap((key) => key.columns),
    ...target.referencedBy.flatMap((referrer) => referrer.columns),
  ];
  for (const name of names) {
    const column = columns.find(({ pair }) => pair.target.name.toLowerCase() === name.toLowerCase());
    if (column === undefined) hidden = true;
    else ordered[column.pair.index] = 1;
  }
  return { ordered, hidden };
}

function isCaseable(pair: ColumnPair): boolean {
  if (needsIntroducer(pair) || pair.target.dataType === 'json') return false;
  switch (pair.type) {
    case ColumnType.JSON:
    case ColumnType.GEOMETRY:
    case ColumnType.VECTOR:
      return false;
    // Signed and unsigned 64-bit numbers make a DECIMAL of the CASE, which loses bits on the way into these.
    case ColumnType.SET:
    case ColumnType.BIT:
      return false;
    case ColumnType.STRING:
      return pair.target.dataType === 'char' || pair.target.dataType === 'binary';
    default:
      return true;
  }
}
