import { createHash } from 'node:crypto';
import type { RowDataPacket } from 'mysql2';
import { LockkeeperError, messageOf, type ErrorCode } from '../../../common/errors.ts';
import { serverErrno } from '../../../common/mysql-errors.ts';
import type { Flavor } from '../../source/position.ts';
import type { StatementItem } from '../../source/stream-item.ts';
import { quote, type SqlRunner } from '../../target/session.ts';
import { clientCharset } from './client-charset.ts';
import { evictDdlHolder, releaseDdlLock, tryDdlLock } from './ddl-lock.ts';
import {
  finishDdlSql,
  insertDdlSql,
  markDdlSql,
  pruneDdlSql,
  readDdlRecords,
  type DdlRecord,
  type NewDdlRecord,
} from './ddl-table.ts';
import { decodeFingerprints, encodeFingerprints, quotedName, takeFingerprints } from './fingerprint.ts';
import { judge } from './recovery.ts';
import type { ExecuteStatement, RewrittenStatement, TableName } from './rewrite.ts';
import { contextSettings, enterSql, leaveSql, saveSession } from './session-context.ts';

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

/** Where a statement stands at the source: what its record is found by. */
export interface StatementPlace {
  readonly serverUuid: string;
}

/** Target errors that time can heal: the statement stays open and is judged again at the next attempt. */
const RETRYABLE: ReadonlyMap<number, ErrorCode> = new Map([
  [1205, 'LK1404'], // lock wait timeout
  [1213, 'LK1404'], // deadlock
  [1290, 'LK1304'], // read_only
  [1836, 'LK1304'],
  [1021, 'LK1305'], // disk full
  [1114, 'LK1305'], // table full
  [1053, 'LK1302'], // shutdown
  [1317, 'LK1302'], // interrupted
  [1927, 'LK1302'], // connection killed (MariaDB)
  [3024, 'LK1302'], // max_execution_time
  [1969, 'LK1302'], // max_statement_time (MariaDB)
  [3169, 'LK1302'], // session killed
  [4031, 'LK1302'], // idle too long
]);

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
    place: StatementPlace,
  ): Promise<DdlOutcome> {
    const { session, pipeline } = this.#options;
    const record = this.#describe(item, rewritten, place);
    await this.#failpoint('ddl-before-lock');
    await this.#lock();
    try {
      const { own, open } = await readDdlRecords(session, pipeline, record.id);
      if (open.length > 0) throw this.#otherOpen(open[0]!);
      if (own?.state === 'done') {
        await this.#finish(record.id, advanceSql);
        return 'repeated';
      }
      if (rewritten.kind === 'refuse') return await this.#refuse(record, rewritten.error);
      return await this.#run(item, record, rewritten, own, advanceSql);
    } catch (error) {
      throw this.#options.explain?.(error) ?? error;
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
      if (verdict === 'unknown') throw this.#ambiguous(record, rewritten);
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
    const enter = enterSql(settings, saved);
    const leave = enter === null ? null : leaveSql(saved, enter);
    let failure: { readonly error: unknown } | null = null;
    try {
      if (enter !== null) await session.query(enter);
      await session.query(sql);
    } catch (error) {
      failure = { error };
    }
    try {
      if (leave !== null) await session.query(leave);
    } catch (error) {
      failure ??= { error };
    }
    if (failure === null) return;
    const { error } = failure;
    const errno = serverErrno(error);
    const healing = errno === undefined ? 'LK1302' : RETRYABLE.get(errno);
    if (healing !== undefined) {
      throw new LockkeeperError(healing, `a schema change was interrupted at the target: ${messageOf(error)}`, {
        found: messageOf(error),
        details: { sql: record.executed, errno },
        cause: error,
      });
    }
    await this.#transaction([fenceSql, finishDdlSql(pipeline, record.id, 'failed', messageOf(error))]);
    throw new LockkeeperError('LK1501', `the target refuses a schema change: ${messageOf(error)}`, {
      found: record.executed ?? record.statement,
      remedy: `Make the same change possible at the target and let the pipeline go on; it is then tried again. If you make it by hand, run there: ${this.#markSql(record.id)}; COMMIT`,
      details: { statement: record.statement, sql: record.executed, errno, markDone: this.#markSql(record.id) },
      cause: error,
    });
  }

  async #refuse(record: NewDdlRecord, error: LockkeeperError): Promise<never> {
    const { pipeline, fenceSql } = this.#options;
    await this.#transaction([fenceSql, insertDdlSql(pipeline, { ...record, state: 'refused', error: error.message })]);
    throw new LockkeeperError(error.code, error.message, {
      found: error.found,
      remedy: `${error.remedy} To mark it as done, run at the target: ${this.#markSql(record.id)}; COMMIT`,
      details: { ...error.details, statement: record.statement, markDone: this.#markSql(record.id) },
      cause: error.cause,
    });
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
    await this.#refuse(
      record,
      new LockkeeperError(
        'LK1502',
        `AUTO_INCREMENT would number the rows of ${table.schema}.${table.table} in another order than at the source`,
        {
          found: record.statement,
          remedy:
            'The table has no key, so the order of its rows differs between servers. Add the column at the target and copy the table anew.',
        },
      ),
    );
  }

  #ambiguous(record: NewDdlRecord, rewritten: ExecuteStatement): LockkeeperError {
    const { pipeline } = this.#options;
    const [done, absent] = [markDdlSql(pipeline, record.id, 'done'), markDdlSql(pipeline, record.id, 'absent')];
    return new LockkeeperError('LK1503', undefined, {
      found: record.executed ?? record.statement,
      remedy: `Compare the tables of both sides. If the change is there, run at the target: ${done}; COMMIT. If it is not: ${absent}; COMMIT. The privilege PROCESS for the target account lets Lockkeeper tell by itself.`,
      details: { statement: record.statement, affects: rewritten.affects, markDone: done, markAbsent: absent },
    });
  }

  /** The checkpoint stands behind or before a statement that was begun: positions were moved, or the source's history changed. */
  #otherOpen(open: DdlRecord): LockkeeperError {
    const { pipeline } = this.#options;
    const [done, absent] = [markDdlSql(pipeline, open.id, 'done'), markDdlSql(pipeline, open.id, 'absent')];
    return new LockkeeperError('LK1503', 'another DDL of this pipeline was interrupted, and its statement does not come again', {
      found: open.statement,
      remedy: `Compare the tables of both sides. If its change is there, run at the target: ${done}; COMMIT. If it is not and never shall be: ${absent}; COMMIT.`,
      details: { statement: open.statement, markDone: done, markAbsent: absent },
    });
  }

  #describe(item: StatementItem, rewritten: RewrittenStatement, place: StatementPlace): NewDdlRecord {
    const { gtid } = item.head;
    const charset = clientCharset(item.context.charset?.client ?? null);
    const text = (bytes: string) => charset.decode(bytes) ?? bytes;
    const source = item.sql.toString('latin1');
    const sha256 = createHash('sha256').update(item.sql).digest('hex');
    // With a GTID the file does not count: after a failover the same statement lies elsewhere. The time and the text tell
    // histories apart that use the same GTID or position again (RESET BINARY LOGS AND GTIDS).
    const where = gtid ?? `${place.serverUuid}/${item.end.journal}:${item.end.offset}`;
    const id = createHash('sha256')
      .update(`${where}\n${Math.floor(item.context.timestamp)}\n${sha256}`)
      .digest('hex')
      .slice(0, 32);
    return {
      id,
      state: 'started',
      gtid,
      serverUuid: place.serverUuid,
      journal: item.end.journal,
      position: item.end.offset,
      statement: text(source),
      sha256,
      executed: rewritten.kind === 'execute' ? text(rewritten.sql) : null,
      fingerprint: null,
      error: null,
      epoch: this.#options.epoch,
    };
  }

  #markSql(id: string): string {
    return markDdlSql(this.#options.pipeline, id, 'done');
  }

  async #failpoint(name: string): Promise<void> {
    await this.#options.failpoint?.(name);
  }
}
