import { LockkeeperError, messageOf, type ErrorCode } from '../../../common/errors.ts';
import { serverErrno } from '../../../common/mysql-errors.ts';
import { markDdlSql, type DdlRecord, type NewDdlRecord } from './ddl-table.ts';
import type { AffectedName, TableName } from './rewrite.ts';

/** Target errors that time can heal: the statement stays open and is judged at the next attempt. */
const PASSING: ReadonlyMap<number, ErrorCode> = new Map([
  [1205, 'LK1404'], // lock wait timeout
  [1213, 'LK1404'], // deadlock
  [1290, 'LK1304'], // read_only
  [1836, 'LK1304'], // read-only mode
  [1021, 'LK1305'], // disk full
  [1114, 'LK1305'], // table full
  [1053, 'LK1302'], // shutdown
  [1317, 'LK1302'], // interrupted
  [1927, 'LK1302'], // connection killed (MariaDB)
  [1969, 'LK1302'], // max_statement_time (MariaDB)
  [3024, 'LK1302'], // max_execution_time
  [3169, 'LK1302'], // session killed
  [4031, 'LK1302'], // idle too long
]);

const MISSING_PRIVILEGE = new Set([1044, 1142, 1143, 1227, 1370]);

/** A retryable error for what time can heal and for a lost connection, else null. */
export function passingError(error: unknown, record: NewDdlRecord): LockkeeperError | null {
  const errno = serverErrno(error);
  const code = errno === undefined ? 'LK1302' : PASSING.get(errno);
  if (code === undefined) return null;
  return new LockkeeperError(code, `a schema change was interrupted at the target: ${messageOf(error)}`, {
    found: messageOf(error),
    details: { sql: record.executed, errno },
    cause: error,
  });
}

export function refusedByTarget(error: unknown, record: NewDdlRecord, pipeline: string): LockkeeperError {
  const errno = serverErrno(error);
  const markDone = markDdlSql(pipeline, record.id, 'done');
  const code = errno !== undefined && MISSING_PRIVILEGE.has(errno) ? 'LK1303' : 'LK1501';
  return new LockkeeperError(code, `the target refuses a schema change: ${messageOf(error)}`, {
    found: record.executed ?? record.statement,
    remedy:
      'Make the same change possible at the target and let the pipeline go on; it is then tried again. ' +
      `If you make it by hand, run there: ${markDone}; COMMIT`,
    details: { statement: record.statement, sql: record.executed, errno, markDone },
    cause: error,
  });
}

/** Lockkeeper's own refusal, with the way out for this statement. */
export function refusedHere(error: LockkeeperError, record: NewDdlRecord, pipeline: string): LockkeeperError {
  const markDone = markDdlSql(pipeline, record.id, 'done');
  return new LockkeeperError(error.code, error.message, {
    found: error.found,
    remedy: `${error.remedy} To mark the statement as done, run at the target: ${markDone}; COMMIT`,
    details: { ...error.details, statement: record.statement, markDone },
    cause: error.cause,
  });
}

export function wouldNumber(table: TableName, record: NewDdlRecord): LockkeeperError {
  const name = `${table.schema}.${table.table}`;
  return new LockkeeperError('LK1502', `AUTO_INCREMENT would number the rows of ${name} in another order than at the source`, {
    found: record.statement,
    remedy:
      'The table has no key, so the order of its rows differs between servers. ' +
      'Add the column at the target and copy the table anew.',
  });
}

export function ambiguous(record: NewDdlRecord, affects: readonly AffectedName[], pipeline: string): LockkeeperError {
  const [markDone, markAbsent] = [markDdlSql(pipeline, record.id, 'done'), markDdlSql(pipeline, record.id, 'absent')];
  return new LockkeeperError('LK1503', undefined, {
    found: record.executed ?? record.statement,
    remedy:
      `Compare the tables of both sides. If the change is there, run at the target: ${markDone}; COMMIT. ` +
      `If it is not: ${markAbsent}; COMMIT. The privilege PROCESS for the target account lets Lockkeeper tell by itself.`,
    details: { statement: record.statement, affects, markDone, markAbsent },
  });
}

/** The checkpoint does not stand before a statement that was begun: positions were moved, or the source's history changed. */
export function otherOpen(open: DdlRecord, pipeline: string): LockkeeperError {
  const [markDone, markAbsent] = [markDdlSql(pipeline, open.id, 'done'), markDdlSql(pipeline, open.id, 'absent')];
  return new LockkeeperError('LK1503', 'another DDL of this pipeline was interrupted, and its statement does not come again', {
    found: open.statement,
    remedy:
      `Compare the tables of both sides. If its change is there, run at the target: ${markDone}; COMMIT. ` +
      `If it is not and never shall be: ${markAbsent}; COMMIT.`,
    details: { statement: open.statement, markDone, markAbsent },
  });
}
