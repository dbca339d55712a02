import { LockkeeperError, messageOf, type ErrorCode } from '../../common/errors.ts';
import { serverErrno } from '../../common/mysql-errors.ts';

/**
 * What an error of the target means for the batch.
 * - `retry`: the same batch can succeed on this connection (deadlock, lock wait).
 * - `divergence`: a row is missing or exists already; the SQL writer decides row by row.
 * - `connection`: the connection is gone; whether the last COMMIT took effect is known only to the checkpoint.
 * - `fatal`: the batch cannot succeed as it is; `error.retryable` tells whether time can heal it (disk full, read-only).
 */
export type ApplyFailure =
  | { readonly kind: 'retry'; readonly error: LockkeeperError }
  | { readonly kind: 'divergence'; readonly error: Error }
  | { readonly kind: 'connection'; readonly error: LockkeeperError }
  | { readonly kind: 'fatal'; readonly error: LockkeeperError };

/**
 * Deadlock, lock wait timeout, MariaDB's record changed since last read, a table's definition changed meanwhile, a cluster that
 * rolled back or is not ready (Group Replication, Galera).
 */
const TRANSIENT = new Set([1213, 1205, 1020, 1412, 3101, 1047]);
/** Key not found; duplicate key (plain, in a partition, with name); row event found no row. */
const ROW_TROUBLE = new Set([1032, 1062, 1586, 1022]);

const FATAL: ReadonlyMap<number, ErrorCode> = new Map([
  [1290, 'LK1304'],
  [1836, 'LK1304'],
  [1792, 'LK1304'],
  [3100, 'LK1304'],
  [1021, 'LK1305'],
  [1114, 'LK1305'],
  [1026, 'LK1305'],
  [1153, 'LK1306'],
  [1146, 'LK1307'],
  [1049, 'LK1307'],
  [1677, 'LK1308'],
  [1054, 'LK1308'],
  [1136, 'LK1308'],
  [1534, 'LK1308'],
  [1451, 'LK1405'],
  [1452, 'LK1405'],
  [3819, 'LK1405'],
  [4025, 'LK1405'],
  [1048, 'LK1405'],
  [1044, 'LK1303'],
  [1045, 'LK1301'],
  [1142, 'LK1303'],
  [1143, 'LK1303'],
  [1227, 'LK1303'],
]);

/** Errors after which the server has closed the session: shutdown, killed, idle too long, too many packets. */
const SESSION_ENDED = new Set([1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 3169, 4031]);

/** What MySQL says of a statement that was stopped before it had a diagnosis, as a shutdown does: tried again, but not for ever. */
const UNDIAGNOSED = 1105;

export function applyError(error: unknown): ApplyFailure {
  if (error instanceof LockkeeperError) {
    return error.code === 'LK1302' ? { kind: 'connection', error } : { kind: 'fatal', error };
  }
  const errno = serverErrno(error);
  if (errno === undefined || SESSION_ENDED.has(errno)) {
    return {
      kind: 'connection',
      error: wrap('LK1302', `the connection to the target was lost: ${messageOf(error)}`, error, errno),
    };
  }
  if (errno === 1317)
    return { kind: 'connection', error: wrap('LK1302', 'a statement was interrupted at the target', error, errno) };
  if (errno === UNDIAGNOSED) return { kind: 'fatal', error: wrap('LK1407', undefined, error, errno, true) };
  if (TRANSIENT.has(errno)) return { kind: 'retry', error: wrap('LK1404', undefined, error, errno) };
  if (ROW_TROUBLE.has(errno)) return { kind: 'divergence', error: error as Error };
  const code = FATAL.get(errno);
  return { kind: 'fatal', error: wrap(code ?? 'LK1407', undefined, error, errno) };
}

function wrap(
  code: ErrorCode,
  message: string | undefined,
  error: unknown,
  errno: number | undefined,
  retryable?: boolean,
): LockkeeperError {
  return new LockkeeperError(code, message, { found: messageOf(error), cause: error, details: { errno }, retryable });
}
