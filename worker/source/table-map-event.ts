import { ByteReader } from './bytes.ts';
import { ColumnType, metadataLength } from './column-type.ts';
import { HEADER_LENGTH } from './event-header.ts';
import type { Flavor } from './position.ts';
import { undecodable } from './stream-error.ts';
import { parseTableMapMetadata } from './table-map-metadata.ts';
import type { TableMap, TableRoute } from './table-map.ts';

const TABLE_ID_LENGTH = 6;
const FLAGS_LENGTH = 2;
/** Schema name length byte: after header, table id and flags. */
export const NAMES_AT = HEADER_LENGTH + TABLE_ID_LENGTH + FLAGS_LENGTH;

let lastId = 0;

/**
 * Parses a TABLE_MAP event (header and body, no checksum) into a map with an id of its own. The buffer is kept as `raw`, so
 * it must not be a view into a larger one that should be freed. Throws LK1203 when the bytes are no table map.
 * Source: MySQL internals, Table_map_event: id(6) flags(2) schema table columns types metadata null-bits optional metadata.
 */
export function parseTableMap(
  raw: Buffer,
  route: (schema: string, table: string) => TableRoute | null,
  flavor: Flavor,
): TableMap {
  const reader = new ByteReader(raw, NAMES_AT);
  const schema = reader.text(reader.u8());
  reader.skip(1);
  const table = reader.text(reader.u8());
  reader.skip(1);
  const columnCount = reader.lengthEncoded();
  if (columnCount === 0) throw undecodable(`the table map of ${schema}.${table} has no columns`);
  const types = Uint8Array.from(reader.bytes(columnCount));
  const meta = new Uint16Array(columnCount);
  const metadataBytes = reader.lengthEncoded();
  const metadataStart = reader.skip(metadataBytes);
  const metadata = new ByteReader(raw, metadataStart, metadataStart + metadataBytes);
  for (let i = 0; i < columnCount; i++) readColumnMeta(metadata, types, meta, i);
  if (metadata.left !== 0)
    throw undecodable(`the table map of ${schema}.${table} has ${metadata.left} bytes of metadata too many`);
  const nullBits = reader.bytes((columnCount + 7) >> 3);
  const nullable = Uint8Array.from({ length: columnCount }, (_, i) => (nullBits[i >> 3]! >> (i & 7)) & 1);
  return {
    id: ++lastId,
    flavor,
    schema,
    table,
    route: route(schema, table),
    raw,
    columnCount,
    types,
    meta,
    nullable,
    metadata: parseTableMapMetadata(reader, types, flavor),
  };
}

function readColumnMeta(metadata: ByteReader, types: Uint8Array, meta: Uint16Array, column: number): void {
  const type = types[column]!;
  if (type === ColumnType.TYPED_ARRAY) {
    // Element type, then its metadata; a length is three bytes here. Such columns (multi-valued indexes) have no row values.
    const element = metadata.u8();
    metadata.skip(element === ColumnType.VARCHAR ? 3 : metadataLength(element));
    return;
  }
  switch (metadataLength(type)) {
    case 0:
      return;
    case 1:
      meta[column] = metadata.u8();
      return;
    case 2: {
      const first = metadata.u8();
      const second = metadata.u8();
      switch (type) {
        case ColumnType.STRING:
        case ColumnType.ENUM:
        case ColumnType.SET:
          unfoldString(types, meta, column, first, second);
          return;
        case ColumnType.NEWDECIMAL:
          meta[column] = (first << 8) | second;
          return;
        default:
          meta[column] = first | (second << 8);
      }
    }
  }
}

/**
 * CHAR, ENUM and SET share one type code; the first metadata byte is the real type, and for CHAR lends two inverted bits to a
 * length of up to 1023 bytes. Source: MySQL Field_string::do_save_field_metadata.
 */
function unfoldString(types: Uint8Array, meta: Uint16Array, column: number, first: number, second: number): void {
  if (first === ColumnType.ENUM || first === ColumnType.SET) {
    types[column] = first;
    meta[column] = second;
  } else {
    types[column] = ColumnType.STRING;
    meta[column] = ((((first & 0x30) ^ 0x30) << 4) | second) & 0x3ff;
  }
}
