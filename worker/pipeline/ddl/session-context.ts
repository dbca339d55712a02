import type { RowDataPacket } from 'mysql2';
import type { Flavor } from '../../source/position.ts';
import type { StatementContext } from '../../source/stream-item.ts';
import { TARGET_ENGINE } from '../../target/engines.ts';
import { quote, type SqlRunner } from '../../target/session.ts';
import { charsetOfCollation } from '../../target/sql/charset.ts';

/** Session variables by name, values as SQL. */
export type SessionSettings = ReadonlyMap<string, string>;

const AUTO_IS_NULL = 0x4000;
const NO_FOREIGN_KEY_CHECKS = 0x4000000;
const RELAXED_UNIQUE_CHECKS = 0x8000000;

/**
 * sql_mode bits that mean the same at both flavours and that MySQL 9 takes: without its NOT_USED (16), the modes of other
 * databases (256 to 131072) and NO_AUTO_CREATE_USER (1 << 28). Source: sql/sql_class.h of both.
 */
const COMMON_MODES = 0xffffffffn & ~0x10n & ~0x3ff00n & ~0x10000000n;
const TIME_TRUNCATE_FRACTIONAL = 0x1_00000000n;

function modes(source: Flavor, target: Flavor): bigint {
  if (source !== target) return COMMON_MODES;
  return source === 'mysql' ? COMMON_MODES | TIME_TRUNCATE_FRACTIONAL : 0xffffffff_ffffffffn;
}

/** Stands in for collations of MySQL 8 and of MariaDB's own numbering that the other flavour lacks; all of them are utf8mb4. */
const UTF8MB4_GENERAL_CI = 45;

/**
 * The session in which the source ran a statement, as far as the binlog tells and a target of `flavor` knows it.
 * `systemTimeZone` is what SYSTEM means at the source, as an offset such as '+02:00'; null leaves it to the target.
 * Source: MySQL internals, Query_log_event status variables; the settings that mysqlbinlog prints before a statement.
 */
export function contextSettings(
  context: StatementContext,
  source: Flavor,
  flavor: Flavor,
  systemTimeZone: string | null = null,
): SessionSettings {
  const settings = new Map<string, string>();
  const set = (name: string, value: string | number | bigint | null | undefined) => {
    if (value !== null && value !== undefined) settings.set(name, String(value));
  };
  set('sql_mode', context.sqlMode === null ? null : context.sqlMode & modes(source, flavor));
  if (context.flags2 !== null) {
    set('sql_auto_is_null', context.flags2 & AUTO_IS_NULL ? 1 : 0);
    set('foreign_key_checks', context.flags2 & NO_FOREIGN_KEY_CHECKS ? 0 : 1);
    set('unique_checks', context.flags2 & RELAXED_UNIQUE_CHECKS ? 0 : 1);
  }
  const zone = context.timeZone === 'SYSTEM' ? (systemTimeZone ?? 'SYSTEM') : context.timeZone;
  set('time_zone', zone === null || zone === '' ? null : quote(zone));
  set('lc_time_names', context.lcTimeNames);
  set('auto_increment_increment', context.autoIncrement?.increment);
  set('auto_increment_offset', context.autoIncrement?.offset);
  set('default_collation_for_utf8mb4', flavor === 'mysql' ? context.defaultUtf8mb4Collation : null);
  set(
    'explicit_defaults_for_timestamp',
    context.explicitDefaultsForTimestamp === null ? null : context.explicitDefaultsForTimestamp ? 1 : 0,
  );
  // With autocommit off, MariaDB's EXCHANGE PARTITION waits for a lock that its own check of the rows holds.
  set('autocommit', 1);
  if (flavor === 'mysql') set('sql_generate_invisible_primary_key', 0); // the source logs such a key as part of the statement
  // A table whose statement names no engine must have transactions too.
  set('default_storage_engine', quote(TARGET_ENGINE));
  // The source kept the history of its versioned tables, or it would have refused to alter them.
  if (flavor === 'mariadb') set('system_versioning_alter_history', "'KEEP'");
  set('timestamp', context.timestamp.toFixed(6));
  set('collation_server', context.charset === null ? null : collation(context.charset.server, flavor));
  // By name: MariaDB takes ids of default collations only.
  set(CLIENT, context.charset === null ? 'utf8mb4' : (charsetOfCollation(context.charset.client) ?? 'utf8mb4'));
  set('collation_connection', context.charset === null ? null : collation(context.charset.connection, flavor));
  return settings;
}

function collation(id: number, flavor: Flavor): number {
  const unknown = flavor === 'mariadb' ? id >= 255 && id <= 575 : id >= 576;
  return unknown ? UTF8MB4_GENERAL_CI : id;
}

/** Variables that take privileges to set, so they are set only where they differ, or do not exist at every version. */
const compared = new Set([
  'collation_server',
  'lc_time_names',
  'auto_increment_increment',
  'auto_increment_offset',
  'default_collation_for_utf8mb4',
  'explicit_defaults_for_timestamp',
  'sql_generate_invisible_primary_key',
  'default_storage_engine',
  'system_versioning_alter_history',
]);

const CLIENT = 'character_set_client';

/** A session's settings at the time, so that they can be set back. */
export interface SavedSession {
  /** Values as SQL, by name; `timestamp` is DEFAULT. */
  readonly restore: SessionSettings;
  /** Collation ids of those among them that are collations. */
  readonly collationIds: ReadonlyMap<string, string>;
}

/** Reads the session's present values of the variables that a statement's context changes. */
export async function saveSession(runner: SqlRunner, settings: SessionSettings): Promise<SavedSession> {
  const names = [...settings.keys()].map((name) => quote(name)).join(', ');
  const rows = await runner.query<RowDataPacket[]>(`SHOW SESSION VARIABLES WHERE Variable_name IN (${names})`);
  const restore = new Map<string, string>();
  for (const row of rows) {
    const [name, value] = Object.values(row).map(text) as [string, string];
    restore.set(name.toLowerCase(), asSql(value));
  }
  const collationIds = new Map<string, string>();
  for (const name of ['collation_server', 'default_collation_for_utf8mb4']) {
    const value = restore.get(name);
    if (value === undefined) continue;
    const [row] = await runner.query<RowDataPacket[]>(
      `SELECT ID AS id FROM information_schema.COLLATIONS WHERE COLLATION_NAME=${value}`,
    );
    if (row !== undefined) collationIds.set(name, text(row['id']));
  }
  if (settings.has('timestamp')) restore.set('timestamp', 'DEFAULT');
  return { restore, collationIds };
}

export interface SessionSwitch {
  /**
   * Puts the session into the statement's context, but for its character set; null when there is nothing to change. Ends what
   * reading has begun: some variables cannot be set within a transaction.
   */
  readonly enter: string | null;
  /**
   * The statement with its character set around it, as one packet: the driver follows a change of character_set_client and
   * would encode what it sends afterwards, where bytes are to go as they are.
   */
  readonly inClientCharset: (sql: string) => string;
  /** Puts everything back, also after an error. */
  readonly leave: string;
}

export function switchSession(settings: SessionSettings, saved: SavedSession): SessionSwitch {
  const client = saved.restore.get(CLIENT) ?? 'binary';
  const wanted = [...settings].filter(([name, value]) => {
    const present = saved.restore.get(name);
    if (present === undefined || name === CLIENT) return false; // not known at this server or version
    return !compared.has(name) || !sameValue(value, saved.collationIds.get(name) ?? present);
  });
  const changed = new Set([CLIENT, ...wanted.map(([name]) => name)]);
  return {
    enter: wanted.length === 0 ? null : `ROLLBACK;${setSql(wanted)}`,
    inClientCharset: (sql) => `${setSql([[CLIENT, settings.get(CLIENT)!]])};${sql}\n;${setSql([[CLIENT, client]])}`,
    leave: `ROLLBACK;${setSql([...saved.restore].filter(([name]) => changed.has(name)))}`,
  };
}

function setSql(settings: readonly (readonly [string, string])[]): string {
  return `SET ${settings.map(([name, value]) => `SESSION ${name}=${value}`).join(', ')}`;
}

function asSql(value: string): string {
  if (value === 'ON') return '1';
  if (value === 'OFF') return '0';
  return /^\d+(\.\d+)?$/.test(value) ? value : quote(value);
}

/** lc_time_names travels as a number and reads as a name; en_US is the only one that is common enough to know. */
function sameValue(wanted: string, present: string): boolean {
  return wanted === present || (wanted === '0' && present === "'en_US'");
}

function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}
