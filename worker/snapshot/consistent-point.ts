import { LockkeeperError, messageOf } from '../../common/errors.ts';
import type { MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { serverErrno } from '../../common/mysql-errors.ts';
import { currentPosition, serverMicros } from '../source/current-position.ts';
import { SourceSession } from '../source/endpoint.ts';
import type { SourcePosition } from '../source/position.ts';
import type { TableRoute } from '../source/table-map.ts';
import { SourceReader } from './source-reader.ts';
import type { Clock } from './types.ts';

/** Connections that see the source at one moment, and where in the binlog that moment lies. */
export interface ConsistentPoint {
  readonly readers: readonly SourceReader[];
  /** The readers see everything before it. */
  readonly low: SourcePosition;
  /** The readers see nothing of the copied tables after it. */
  readonly high: SourcePosition;
  /** `low` and `high` are the same moment. */
  readonly exact: boolean;
}

export interface ConsistentPointRequest {
  readonly source: MysqlEndpoint;
  readonly tables: readonly TableRoute[];
  readonly connections: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** While a lock is waited for, writers queue behind it; so it is given up soon and asked for again later. */
const LOCK_WAIT_SECONDS = 5;
const PAUSES_MS = [1000, 2000, 4000, 8000, 16_000];
/** LOCK TABLES of more than these would be slow to grant; FLUSH TABLES WITH READ LOCK is one lock. */
const MANY_TABLES = 1000;
const OPTIMISTIC_TRIES = 20;
const SETTLE_TRIES = 600;
const SETTLE_PAUSE_MS = 50;

const ER_LOCK_WAIT_TIMEOUT = 1205;
const ER_LOCK_DEADLOCK = 1213;
const ACCESS_DENIED = new Set([1044, 1045, 1142, 1227]);

/**
 * Opens connections that share one snapshot and learns its place in the binlog.
 *
 * Three ways, the gentlest first: LOCK TABLES READ waits for writers of the selected tables only; FLUSH TABLES WITH READ LOCK also
 * for long queries; without either privilege MySQL's GTIDs before and after are compared, which gives the moment on a quiet
 * server and a range on a busy one. Locks are held while the snapshots start, a few milliseconds.
 * Rejects with LK1602, or with an LK11xx error when the source is at fault.
 */
export async function openConsistentPoint(request: ConsistentPointRequest): Promise<ConsistentPoint> {
  const readers: SourceReader[] = [];
  let control: SourceSession | undefined;
  try {
    control = await SourceSession.open(request.source);
    await control.query(`SET SESSION lock_wait_timeout=${LOCK_WAIT_SECONDS}`);
    for (let i = 0; i < request.connections; i++) readers.push(await SourceReader.open(request.source));
    return { readers, ...(await joinSnapshots(request, control, readers)) };
  } catch (error) {
    for (const reader of readers) reader.destroy();
    throw error;
  } finally {
    control?.close();
  }
}

type Bounds = Pick<ConsistentPoint, 'low' | 'high' | 'exact'>;

async function joinSnapshots(
  request: ConsistentPointRequest,
  control: SourceSession,
  readers: readonly SourceReader[],
): Promise<Bounds> {
  // All tables are gone: nothing is read, so there is nothing to hold still.
  if (request.tables.length === 0) {
    const position = await currentPosition(control);
    return { low: position, high: position, exact: true };
  }
  const lockTables = `LOCK TABLES ${request.tables.map((table) => `${quoted(table)} READ`).join(', ')}`;
  const flush = 'FLUSH TABLES WITH READ LOCK';
  const ways = request.tables.length > MANY_TABLES ? [flush, lockTables] : [lockTables, flush];
  for (const lock of ways) {
    const bounds = await underLock(request, control, readers, lock);
    if (bounds !== 'denied') return bounds;
  }
  return withoutLock(request, control, readers);
}

function quoted({ schema, table }: TableRoute): string {
  const quote = (name: string) => `\`${name.replaceAll('`', '``')}\``;
  return `${quote(schema)}.${quote(table)}`;
}

async function underLock(
  request: ConsistentPointRequest,
  control: SourceSession,
  readers: readonly SourceReader[],
  lock: string,
): Promise<Bounds | 'denied'> {
  let reason = '';
  for (const pause of [...PAUSES_MS, null]) {
    try {
      await control.query(lock);
      const prepared = lock.startsWith('FLUSH') ? await preparedTransactions(control) : [];
      if (prepared.length === 0) {
        await begin(readers);
        const position = await currentPosition(control);
        await control.query('UNLOCK TABLES');
        return { low: position, high: position, exact: true };
      }
      reason = `prepared XA transactions: ${prepared.join(', ')}`;
    } catch (error) {
      const errno = serverErrno(error) ?? serverErrno((error as Error).cause);
      if (errno !== undefined && ACCESS_DENIED.has(errno)) return 'denied';
      if (errno !== ER_LOCK_WAIT_TIMEOUT && errno !== ER_LOCK_DEADLOCK) throw error;
      reason = `${lock.slice(0, 80)}: ${messageOf(error)}`;
    }
    await control.query('UNLOCK TABLES');
    if (pause !== null) await request.clock.sleep(pause, request.signal);
  }
  throw new LockkeeperError('LK1602', 'the source did not grant a lock for the moment that the snapshots need', {
    found: reason,
    remedy:
      'Find the long transaction, query or prepared XA transaction that holds the tables (sys.schema_table_lock_waits, XA RECOVER) and end it.',
  });
}

/**
 * A prepared transaction is in the binlog already but in no snapshot: its rows would be lost. LOCK TABLES waits for it, the
 * global lock does not. Not everybody may list them.
 */
async function preparedTransactions(control: SourceSession): Promise<string[]> {
  try {
    return (await control.query('XA RECOVER')).map((row) => row['data'] ?? '');
  } catch {
    return [];
  }
}

async function begin(readers: readonly SourceReader[]): Promise<void> {
  await Promise.all(readers.map((reader) => reader.begin()));
}

async function withoutLock(
  request: ConsistentPointRequest,
  control: SourceSession,
  readers: readonly SourceReader[],
): Promise<Bounds> {
  const { flavor, gtid } = await currentPosition(control);
  // MariaDB names a place with each snapshot (binlog_snapshot_position), but under load 10.11 was seen to name one that is some
  // transactions off, in both directions.
  if (flavor === 'mariadb' || gtid === null) {
    const gtidHelps = flavor === 'mysql' ? ', or set gtid_mode = ON' : '';
    throw new LockkeeperError(
      'LK1602',
      'without a lock the place of a snapshot in the binlog cannot be known, and the account may take none',
      {
        remedy: `Grant LOCK TABLES on the copied schemas (or RELOAD) to the source account${gtidHelps}.`,
        retryable: false,
      },
    );
  }
  for (let attempt = 1; ; attempt++) {
    const bounds = await mysqlBounds(control, readers, request);
    if (bounds.exact || attempt === OPTIMISTIC_TRIES) return bounds;
  }
}

/**
 * A transaction owns its GTID from before it is written to the binlog until its rows are visible. So once nothing is owned, all
 * that the binlog held before is visible; and what is visible later was in the binlog before. Equal ends of the log prove that
 * nothing came between.
 */
async function mysqlBounds(
  control: SourceSession,
  readers: readonly SourceReader[],
  request: ConsistentPointRequest,
): Promise<Bounds> {
  await Promise.all(readers.map((reader) => reader.query('ROLLBACK')));
  const before = await currentPosition(control);
  const settled = (await owned(control)) === '';
  const visible = await executed(control);
  await begin(readers);
  const after = await currentPosition(control);
  if (settled && after.journal === before.journal && after.offset === before.offset)
    return { low: after, high: after, exact: true };
  const high = await settledPosition(control, after, request);
  return { low: { ...before, gtid: visible }, high, exact: false };
}

/** `end` with a GTID set that holds all transactions before it: those still owned are waited for. */
async function settledPosition(
  control: SourceSession,
  end: SourcePosition,
  request: ConsistentPointRequest,
): Promise<SourcePosition> {
  let pending = await owned(control);
  for (let attempt = 0; pending !== ''; attempt++) {
    if (attempt === SETTLE_TRIES) {
      throw new LockkeeperError('LK1602', 'transactions at the source stay between binlog and commit', {
        found: pending.slice(0, 200),
      });
    }
    await request.clock.sleep(SETTLE_PAUSE_MS, request.signal);
    // Owned is read first: what leaves it before executed is read has arrived there, or was rolled back.
    const still = await owned(control);
    const row = await control.row(`SELECT GTID_SUBTRACT('${pending}', @@GLOBAL.gtid_executed) AS left_over`);
    const left = (row['left_over'] ?? '').replace(/\s/g, '');
    const both = await control.row(`SELECT GTID_SUBTRACT('${left}', GTID_SUBTRACT('${left}', '${still}')) AS pending`);
    pending = (both['pending'] ?? '').replace(/\s/g, '');
  }
  return { ...end, gtid: await executed(control), timestampMicros: await serverMicros(control) };
}

async function owned(control: SourceSession): Promise<string> {
  return ((await control.row('SELECT @@GLOBAL.gtid_owned AS owned'))['owned'] ?? '').replace(/\s|#\d+/g, '');
}

async function executed(control: SourceSession): Promise<string> {
  return ((await control.row('SELECT @@GLOBAL.gtid_executed AS executed'))['executed'] ?? '').replace(/\s/g, '');
}
