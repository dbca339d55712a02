import type { RowDataPacket } from 'mysql2';
import { LockkeeperError, messageOf } from '../../../common/errors.ts';
import { serverErrno } from '../../../common/mysql-errors.ts';
import type { Flavor, SourcePosition } from '../../source/position.ts';
import type { StatementItem } from '../../source/stream-item.ts';
import { quote, type SqlRunner } from '../../target/session.ts';
import { ambiguous, otherOpen, passingError, refusedByTarget, refusedHere, wouldNumber } from './ddl-errors.ts';
import { evictDdlHolder, releaseDdlLock, tryDdlLock } from './ddl-lock.ts';
import { finishDdlSql, insertDdlSql, pruneDdlSql, readDdlRecords, type DdlRecord, type NewDdlRecord } from './ddl-table.ts';
import { decodeFingerprints, encodeFingerprints, quotedName, takeFingerprints } from './fingerprint.ts';
import { judge } from './recovery.ts';
import type { ExecuteStatement, RewrittenStatement, TableName } from './rewrite.ts';
import { describeStatement } from './statement-record.ts';
import { contextSettings, saveSession, switchSession } from './session-context.ts';

export { evictDdlHolder } from './ddl-lock.ts';

export interface DdlExecutorOptions {
  /** Session of the target, its autocommit off; it must have no open transaction when `apply` is called. */
  readonly session: SqlRunner & { readonly flavor: Flavor };
  /** The pipeline's key in the target. */
  readonly pipeline: string;
  readonly epoch: number;
  /** SQL that fails when a newer leader exists. */
  readonly fenceSql: string;
  readonly sourceFlavor: Flavor;
  /** What time zone SYSTEM means at the source, as an offset such as '+02:00'; null leaves it to the target. */
  readonly sourceTimeZone?: string | null;
  /** Turns a failed fence into LK1401 and leaves other errors as they are. */
  readonly explain?: (error: unknown) => unknown;
  /** Called at named points; tests stop there. */
  readonly failpoint?: (name: string) => Promise<void> | void;
}

/**
 * - `applied`: it ran.
 * - `recovered`: an earlier attempt had run it and was interrupted before the record said so.
 * - `repeated`: the record says that it is done, by Lockkeeper or by a person.
 */
export type DdlOutcome = 'applied' | 'recovered' | 'repeated';

/**
 * Runs a source statement in the target exactly once, though DDL commits by itself and so cannot share a transaction with
 * the checkpoint: an intent is written before it, with what its tables looked like; its end and the checkpoint are written
 * together after it; an intent without end is judged by what the tables look like now.
 */
export class DdlExecutor {
  readonly #options: DdlExecutorOptions;

  constructor(options: DdlExecutorOptions) {
    this.#options = options;
  }

  /**
   * Applies one statement and commits the checkpoint behind it (`advanceSql`).
   * Throws LK1501 (the target refuses it), LK1502 (it was refused or cannot be judged before it runs), LK1503 (interrupted, its
   * outcome unknown), LK1401 (a newer leader exists), or a retryable error of the target. All of them leave a record by
   * which a person can mark the statement as done.
   */
  async apply(
    item: StatementItem,
    rewritten: Exclude<RewrittenStatement, { kind: 'ignore' }>,
    advanceSql: string,
    place: Pick<SourcePosition, 'serverUuid'>,
  ): Promise<DdlOutcome> {
    const { session, pipeline } = this.#options;
    const record = describeStatement(item, rewritten, place.serverUuid, this.#options.epoch);
    await this.#failpoint('ddl-before-lock');
    await this.#lock();
    try {
      const { own, open } = await readDdlRecords(session, pipeline, record.id);
      if (open.length > 0) throw otherOpen(open[0]!, pipeline);
      if (own?.state === 'done') {
        await this.#finish(record.id, advanceSql);
        return 'repeated';
      }
      if (rewritten.kind === 'refuse') return await this.#refuse(record, rewritten.error);
      return await this.#run(item, record, rewritten, own, advanceSql);
    } catch (error) {
      const explained = this.#options.explain?.(error) ?? error;
      if (explained instanceof LockkeeperError) throw explained;
      throw passingError(explained, record) ?? explained;
    } finally {
      // A broken connection has given the lock back by itself.
      await releaseDdlLock(session, pipeline).catch(() => undefined);
    }
  }

  async #run(
    item: StatementItem,
    record: NewDdlRecord,
    rewritten: ExecuteStatement,
    own: DdlRecord | null,
    advanceSql: string,
  ): Promise<DdlOutcome> {
    const { session } = this.#options;
    let { sql } = rewritten;
    const now = await takeFingerprints(session, session.flavor, rewritten.affects);
    if (own?.state === 'started') {
      const before = decodeFingerprints(own.fingerprint);
      const verdict = before === null ? 'unknown' : judge(rewritten.recovery, before, now);
      if (verdict === 'unknown') throw ambiguous(record, rewritten.affects, this.#options.pipeline);
      if (verdict === 'done') {
        await this.#finish(record.id, advanceSql);
        return 'recovered';
      }
      if (rewritten.recovery.kind === 'repeat') sql = rewritten.recovery.sql;
      await this.#fence();
    } else {
      await this.#forbidNumbering(record, rewritten.numbersRows);
      await this.#failpoint('ddl-before-intent');
      await this.#intend({ ...record, fingerprint: encodeFingerprints(now) });
    }
    await this.#failpoint('ddl-after-intent');
    await this.#execute(item, sql, record);
    await this.#failpoint('ddl-after-execute');
    await this.#finish(record.id, advanceSql);
    await this.#failpoint('ddl-after-done');
    return 'applied';
  }

  /** Who else holds the lock is of an older epoch, or an earlier connection of ours: first prove that, then end it. */
  async #lock(): Promise<void> {
    const { session, pipeline, explain } = this.#options;
    if (await tryDdlLock(session, pipeline)) return;
    try {
      await this.#fence();
    } catch (error) {
      throw explain?.(error) ?? error;
    }
    await evictDdlHolder(session, pipeline);
    if (await tryDdlLock(session, pipeline)) return;
    throw new LockkeeperError('LK1404', `the DDL lock of ${pipeline} was taken by another connection`);
  }

  async #fence(): Promise<void> {
    await this.#transaction([this.#options.fenceSql]);
  }

  async #intend(record: NewDdlRecord): Promise<void> {
    await this.#transaction([this.#options.fenceSql, insertDdlSql(this.#options.pipeline, record)]);
  }

  /** The end of the statement and the position behind it commit together. */
  async #finish(id: string, advanceSql: string): Promise<void> {
    const { pipeline } = this.#options;
    await this.#failpoint('ddl-before-done');
    await this.#transaction([finishDdlSql(pipeline, id, 'done'), pruneDdlSql(pipeline), advanceSql]);
  }

  /** One packet: what fails in it leaves nothing behind. */
  async #transaction(statements: readonly string[]): Promise<void> {
    const { session } = this.#options;
    try {
      await session.query(`${statements.join(';')};COMMIT`);
    } catch (error) {
      if (serverErrno(error) !== undefined) await session.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  async #execute(item: StatementItem, sql: string, record: NewDdlRecord): Promise<void> {
    const { session, sourceFlavor, sourceTimeZone, pipeline, fenceSql } = this.#options;
    const settings = contextSettings(item.context, sourceFlavor, session.flavor, sourceTimeZone ?? null);
    const saved = await saveSession(session, settings);
    const { enter, leave, inClientCharset } = switchSession(settings, saved);
    let failure: { readonly error: unknown } | null = null;
    try {
      if (enter !== null) await session.query(enter);
      await session.query(inClientCharset(sql));
    } catch (error) {
      failure = { error };
    }
    await session.query(leave).catch((error: unknown) => {
      // Rows must not be written in the source's context. The statement's record is still open: the next attempt judges it.
      const cause = failure?.error ?? error;
      throw (
        passingError(cause, record) ??
        new LockkeeperError('LK1302', `the session cannot be set back: ${messageOf(error)}`, { cause })
      );
    });
    if (failure === null) return;
    const passing = passingError(failure.error, record);
    if (passing !== null) throw passing;
    await this.#transaction([fenceSql, finishDdlSql(pipeline, record.id, 'failed', messageOf(failure.error))]);
    throw refusedByTarget(failure.error, record, pipeline);
  }

  async #refuse(record: NewDdlRecord, error: LockkeeperError): Promise<never> {
    const { pipeline, fenceSql } = this.#options;
    await this.#transaction([fenceSql, insertDdlSql(pipeline, { ...record, state: 'refused', error: error.message })]);
    throw refusedHere(error, record, pipeline);
  }

  /** Numbering existing rows gives equal results only where the order of reading is the table's own, by a key. */
  async #forbidNumbering(record: NewDdlRecord, table: TableName | null): Promise<void> {
    if (table === null) return;
    const { session } = this.#options;
    const [key] = await session.query<RowDataPacket[]>(
      'SELECT INDEX_NAME FROM information_schema.STATISTICS ' +
        `WHERE TABLE_SCHEMA=${quote(table.schema)} AND TABLE_NAME=${quote(table.table)} AND NON_UNIQUE=0 ` +
        "GROUP BY INDEX_NAME HAVING SUM(NULLABLE='YES')=0 LIMIT 1",
    );
    if (key !== undefined) return;
    const name = `${quotedName(table.schema)}.${quotedName(table.table)}`;
    const rows = await session.query<RowDataPacket[]>(`SELECT 1 FROM ${name} LIMIT 2`).catch((error: unknown) => {
      if (serverErrno(error) === undefined) throw error;
      return [];
    });
    await session.query('COMMIT');
    if (rows.length < 2) return;
    await this.#refuse(record, wouldNumber(table, record));
  }

  async #failpoint(name: string): Promise<void> {
    await this.#options.failpoint?.(name);
  }
}
