import { ByteReader } from './bytes.ts';
import { eventTimestamp } from './event-header.ts';
import { alterFlagsCarryId } from './gtid-event.ts';
import type { Flavor } from './position.ts';
import { querySchema, type QueryEvent } from './query-event.ts';
import { undecodable } from './stream-error.ts';
import type { StatementContext } from './stream-item.ts';

/** Status variable codes of QUERY events; from 128 on MariaDB's own. Sources: MySQL Query_event_status_vars, MariaDB log_event.h. */
const Code = {
  FLAGS2: 0,
  SQL_MODE: 1,
  CATALOG: 2,
  AUTO_INCREMENT: 3,
  CHARSET: 4,
  TIME_ZONE: 5,
  CATALOG_NZ: 6,
  LC_TIME_NAMES: 7,
  CHARSET_DATABASE: 8,
  TABLE_MAP_FOR_UPDATE: 9,
  MASTER_DATA_WRITTEN: 10,
  INVOKER: 11,
  UPDATED_DB_NAMES: 12,
  MICROSECONDS: 13,
  COMMIT_TS: 14,
  COMMIT_TS2: 15,
  EXPLICIT_DEFAULTS_FOR_TIMESTAMP: 16,
  DDL_LOGGED_WITH_XID: 17,
  DEFAULT_COLLATION_FOR_UTF8MB4: 18,
  SQL_REQUIRE_PRIMARY_KEY: 19,
  DEFAULT_TABLE_ENCRYPTION: 20,
  MARIADB_HRNOW: 128,
  MARIADB_XID: 129,
  MARIADB_GTID_FLAGS3: 130,
  MARIADB_CHARACTER_SET_COLLATIONS: 131,
  MARIADB_DUMMY: 255,
} as const;

/** More databases than are listed. */
const TOO_MANY_DATABASES = 254;

type Context = { -readonly [K in keyof StatementContext]: StatementContext[K] };

/**
 * The session context that the source logged with a statement. Throws LK1203 on a variable that is not known: the ones behind
 * it could not be read, and the statement might mean something else without them.
 */
export function readStatementContext(query: QueryEvent, flavor: Flavor): StatementContext {
  const context: Context = {
    defaultSchema: querySchema(query),
    sqlMode: null,
    flags2: null,
    charset: null,
    timeZone: null,
    lcTimeNames: null,
    databaseCollation: null,
    defaultUtf8mb4Collation: null,
    explicitDefaultsForTimestamp: null,
    autoIncrement: null,
    invoker: null,
    timestamp: eventTimestamp(query.event),
  };
  const reader = new ByteReader(query.event, query.statusAt, query.schemaAt);
  while (reader.left > 0) readVariable(context, reader.u8(), reader, flavor);
  return context;
}

function readVariable(context: Context, code: number, reader: ByteReader, flavor: Flavor): void {
  switch (code) {
    case Code.FLAGS2:
      context.flags2 = reader.u32();
      return;
    case Code.SQL_MODE:
      context.sqlMode = reader.u64Big();
      return;
    case Code.CATALOG:
      reader.skip(reader.u8() + 1);
      return;
    case Code.AUTO_INCREMENT:
      context.autoIncrement = { increment: reader.u16(), offset: reader.u16() };
      return;
    case Code.CHARSET:
      context.charset = { client: reader.u16(), connection: reader.u16(), server: reader.u16() };
      return;
    case Code.TIME_ZONE:
      context.timeZone = reader.text(reader.u8());
      return;
    case Code.CATALOG_NZ:
      reader.skip(reader.u8());
      return;
    case Code.LC_TIME_NAMES:
      context.lcTimeNames = reader.u16();
      return;
    case Code.CHARSET_DATABASE:
      context.databaseCollation = reader.u16();
      return;
    case Code.TABLE_MAP_FOR_UPDATE:
      reader.skip(8);
      return;
    case Code.MASTER_DATA_WRITTEN:
      reader.skip(4);
      return;
    case Code.INVOKER:
      context.invoker = { user: reader.text(reader.u8()), host: reader.text(reader.u8()) };
      return;
    case Code.UPDATED_DB_NAMES:
      skipDatabaseNames(reader);
      return;
    case Code.MICROSECONDS:
    case Code.MARIADB_HRNOW:
      context.timestamp = Math.floor(context.timestamp) + reader.u24() / 1e6;
      return;
    case Code.COMMIT_TS:
    case Code.COMMIT_TS2:
      return;
    case Code.EXPLICIT_DEFAULTS_FOR_TIMESTAMP:
      context.explicitDefaultsForTimestamp = reader.u8() !== 0;
      return;
    case Code.DDL_LOGGED_WITH_XID:
    case Code.MARIADB_XID:
      reader.skip(8);
      return;
    case Code.DEFAULT_COLLATION_FOR_UTF8MB4:
      context.defaultUtf8mb4Collation = reader.u16();
      return;
    case Code.SQL_REQUIRE_PRIMARY_KEY:
    case Code.DEFAULT_TABLE_ENCRYPTION:
      reader.skip(1);
      return;
    case Code.MARIADB_GTID_FLAGS3:
      if (alterFlagsCarryId(reader.u8())) reader.skip(8);
      return;
    case Code.MARIADB_CHARACTER_SET_COLLATIONS:
      reader.skip(reader.u8() * 4);
      return;
    case Code.MARIADB_DUMMY:
      reader.skip(reader.left);
      return;
    default:
      throw undecodable(`status variable ${code} of a ${flavor} statement is unknown`, { statusVariable: code });
  }
}

function skipDatabaseNames(reader: ByteReader): void {
  const count = reader.u8();
  if (count >= TOO_MANY_DATABASES) return;
  for (let i = 0; i < count; i++) while (reader.u8() !== 0);
}
