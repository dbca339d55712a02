import type { TableMap } from '../../source/table-map.ts';

const HEADER = 19;
const TABLE_ID = 6;
/** Table id and flags. */
const POST_HEADER = 8;

/** What the raw writer needs of a table, made once per TableMap. */
export interface RawTable {
  /** TABLE_MAP event for the target: mapped names, our own table id, no checksum. */
  readonly mapEvent: Buffer;
  /** Table id as it stands in the rows events (6 bytes, little-endian). */
  readonly id: Buffer;
}

const cache = new WeakMap<TableMap, RawTable>();

/**
 * The table map with the routed names and our table id. Source ids are not kept: within one joined statement two servers
 * (or two lives of one) may have given the same id to different tables.
 * Source: MySQL internals, Table_map_event: id(6) flags(2) len name 0 len name 0 columns...
 */
export function rawTable(map: TableMap): RawTable {
  let table = cache.get(map);
  if (table === undefined) {
    const id = Buffer.alloc(TABLE_ID);
    id.writeUIntLE(map.id, 0, TABLE_ID);
    table = { id, mapEvent: rewrite(map, id) };
    cache.set(map, table);
  }
  return table;
}

function rewrite(map: TableMap, id: Buffer): Buffer {
  const { raw } = map;
  const names = HEADER + POST_HEADER;
  const schemaLength = raw[names]!;
  const tableAt = names + 1 + schemaLength + 1;
  const rest = tableAt + 1 + raw[tableAt]! + 1;
  const schema = Buffer.from(map.route!.schema, 'utf8');
  const name = Buffer.from(map.route!.table, 'utf8');
  const event = Buffer.concat([
    raw.subarray(0, HEADER),
    id,
    raw.subarray(HEADER + TABLE_ID, names),
    Buffer.from([schema.length]),
    schema,
    Buffer.from([0, name.length]),
    name,
    Buffer.from([0]),
    raw.subarray(rest),
  ]);
  event.writeUInt32LE(event.length, 9);
  event.writeUInt32LE(0, 13);
  return event;
}
