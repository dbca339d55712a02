import type { ResultSetHeader, RowDataPacket } from 'mysql2';
import { LockkeeperError, messageOf } from '../../../common/errors.ts';
import type { RowRun } from '../row-run.ts';
import { serverErrno } from '../../../common/mysql-errors.ts';
import type { SqlRunner } from '../session.ts';
import { DivergenceReport, type DivergenceKind, type DivergencePolicy } from './divergence.ts';
import { RowReader } from './row-reader.ts';
import { ALL_CHECKED, switchChecks, type SessionCheck } from './session-checks.ts';
import { SqlBuffer } from './sql-buffer.ts';
import { writeValue, type RowView, type TableWriter } from './table-writer.ts';
import { alteringWarning } from './warnings.ts';

const DUPLICATE: ReadonlySet<number> = new Set([1022, 1062, 1586, 1859]);

/** Rows that a statement found, or that a unique key refused it. */
type Outcome = { readonly kind: 'done'; readonly rows: number } | { readonly kind: 'duplicate'; readonly message: string };

/**
 * Writes row by row, looking at the outcome of each. What the rows presume may not be there: then the policy decides.
 * Under Repair the target row ends as the source's row, whatever was there before.
 */
export class CarefulWriter {
  readonly report = new DivergenceReport();
  readonly #session: SqlRunner;
  readonly #policy: DivergencePolicy;
  readonly #out = new SqlBuffer();

  constructor(session: SqlRunner, policy: DivergencePolicy) {
    this.#session = session;
    this.#policy = policy;
  }

  /** `off`: the checks that the source's session did without. */
  async write(run: RowRun, writer: TableWriter, off: readonly SessionCheck[]): Promise<void> {
    const change = switchChecks(ALL_CHECKED, off);
    if (change === null) return this.#writeRows(run, writer);
    await this.#session.query(change);
    try {
      await this.#writeRows(run, writer);
    } finally {
      await this.#session.query(switchChecks(off, ALL_CHECKED)!).catch(() => undefined);
    }
  }

  async #writeRows(run: RowRun, writer: TableWriter): Promise<void> {
    const reader = new RowReader(run, writer);
    while (reader.next()) {
      switch (run.operation) {
        case 'insert':
          await this.#insert(writer, reader);
          break;
        case 'update':
          await this.#update(writer, reader);
          break;
        case 'delete':
          await this.#delete(writer, reader);
          break;
        default:
          run.operation satisfies never;
      }
    }
  }

  async #insert(writer: TableWriter, reader: RowReader): Promise<void> {
    const outcome = await this.#run(writer, reader, (out) => this.#insertSql(out, writer, reader, 'INSERT'));
    if (outcome.kind === 'done') return;
    this.#judge('existing-on-insert', writer, reader.after, outcome.message);
    if (this.#policy !== 'Repair') return this.#count('existing-on-insert', writer, reader.after, false);
    const removed = await this.#put(writer, reader);
    this.#count('existing-on-insert', writer, reader.after, true, removed);
  }

  async #update(writer: TableWriter, reader: RowReader): Promise<void> {
    const outcome = await this.#run(writer, reader, (out) => this.#updateSql(out, writer, reader, reader.before));
    if (outcome.kind === 'done' && outcome.rows > 0) return;
    const kind: DivergenceKind = outcome.kind === 'done' ? 'missing-on-update' : 'existing-on-update';
    this.#judge(kind, writer, reader.before, outcome.kind === 'duplicate' ? outcome.message : 'no row found');
    if (this.#policy !== 'Repair') return this.#count(kind, writer, reader.before, false);
    // A row in the way of the new values: the old row must go before the new one is put.
    if (outcome.kind === 'duplicate')
      await this.#unchecked(() => this.#run(writer, reader, (out) => this.#deleteSql(out, writer, reader.before)));
    const removed = await this.#put(writer, reader);
    this.#count(kind, writer, reader.before, true, removed);
  }

  async #delete(writer: TableWriter, reader: RowReader): Promise<void> {
    const outcome = await this.#run(writer, reader, (out) => this.#deleteSql(out, writer, reader.before));
    if (outcome.kind === 'done' && outcome.rows > 0) return;
    this.#judge('missing-on-delete', writer, reader.before, 'no row found');
    // What should go is gone.
    this.#count('missing-on-delete', writer, reader.before, this.#policy === 'Repair');
  }

  /**
   * Makes the target hold the after-image, whatever is there: first by changing the row of that key, which keeps columns that
   * only the target has; then, when other rows are in the way of its unique values, by replacing them all. Returns how many
   * other rows went.
   */
  async #put(writer: TableWriter, reader: RowReader): Promise<number> {
    let own = 0;
    if (writer.key !== null) {
      const changed = await this.#run(writer, reader, (out) => this.#updateSql(out, writer, reader, reader.after));
      if (changed.kind === 'done' && changed.rows > 0) return 0;
      if (changed.kind === 'duplicate') own = 1;
    }
    // Deleting the rows in the way must not take their children with it: they belong to rows of the source.
    const replaced = await this.#unchecked(() =>
      this.#run(writer, reader, (out) => this.#insertSql(out, writer, reader, 'REPLACE')),
    );
    return replaced.kind === 'done' ? Math.max(0, replaced.rows - 1 - own) : 0;
  }

  async #unchecked<T>(action: () => Promise<T>): Promise<T> {
    const rows = await this.#session.query<RowDataPacket[]>('SELECT @@foreign_key_checks AS checks');
    const on = Number(rows[0]!['checks']) === 1;
    if (!on) return action();
    await this.#session.query('SET foreign_key_checks=0');
    try {
      return await action();
    } finally {
      await this.#session.query('SET foreign_key_checks=1');
    }
  }

  #insertSql(out: SqlBuffer, writer: TableWriter, reader: RowReader, verb: 'INSERT' | 'REPLACE'): void {
    const { partial, after, before } = reader;
    out.ascii(verb);
    out.raw(writer.insertHead, 'INSERT'.length);
    if (partial === null) {
      writer.writeValues(out, after);
      return;
    }
    writer.written.forEach((column, i) => {
      out.byte(i === 0 ? 0x28 : 0x2c);
      if (partial[column.pair.index] === 1) writer.writeDiff(out, column, after, before);
      else writeValue(out, column, after);
    });
    out.byte(0x29);
  }

  #updateSql(out: SqlBuffer, writer: TableWriter, reader: RowReader, where: RowView): void {
    out.ascii('UPDATE ');
    out.raw(writer.name);
    out.ascii(' SET ');
    const all = new Uint8Array(writer.shape.columnCount).fill(1);
    writer.writeAssignments(out, reader.after, all, reader.before, reader.partial);
    out.ascii(' WHERE ');
    writer.writeWhere(out, where);
    if (writer.key === null) out.ascii(' LIMIT 1');
  }

  #deleteSql(out: SqlBuffer, writer: TableWriter, where: RowView): void {
    out.ascii('DELETE FROM ');
    out.raw(writer.name);
    out.ascii(' WHERE ');
    writer.writeWhere(out, where);
    if (writer.key === null) out.ascii(' LIMIT 1');
  }

  async #run(writer: TableWriter, reader: RowReader, write: (out: SqlBuffer) => void): Promise<Outcome> {
    const out = this.#out;
    out.length = 0;
    write(out);
    let header: ResultSetHeader;
    try {
      header = await this.#session.query<ResultSetHeader>(out.text());
    } catch (error) {
      const errno = serverErrno(error);
      if (errno !== undefined && DUPLICATE.has(errno)) return { kind: 'duplicate', message: messageOf(error) };
      throw error;
    }
    if (header.warningStatus > 0) await this.#explainWarnings(writer, reader, header.warningStatus);
    return { kind: 'done', rows: header.affectedRows };
  }

  async #explainWarnings(writer: TableWriter, reader: RowReader, count: number): Promise<void> {
    const rows = await this.#session.query<RowDataPacket[]>('SHOW WARNINGS');
    const expected = reader.after.images.length > 0 ? writer.expectedWarnings(reader.after) : 0;
    const altered = alteringWarning(rows, expected, count);
    if (altered === null) return;
    const row = reader.after.images.length > 0 ? reader.after : reader.before;
    throw new LockkeeperError('LK1406', `${writer.label} cannot hold a value as it is at the source: ${altered}`, {
      found: writer.describe(this.#out, row),
      details: { table: writer.label, warning: altered },
    });
  }

  /** Under Stop, the end. */
  #judge(kind: DivergenceKind, writer: TableWriter, row: RowView, found: string): void {
    if (this.#policy !== 'Stop') return;
    const key = writer.describe(this.#out, row);
    const missing = kind === 'missing-on-update' || kind === 'missing-on-delete';
    throw new LockkeeperError(
      missing ? 'LK1402' : 'LK1403',
      `${writer.label}: row ${key} ${missing ? 'is missing' : 'is there already'}`,
      {
        found,
        details: { table: writer.label, key, kind },
      },
    );
  }

  #count(kind: DivergenceKind, writer: TableWriter, row: RowView, repaired: boolean, removed = 0): void {
    this.report.add({ kind, table: writer.label, key: writer.describe(this.#out, row) }, repaired, removed);
  }
}
