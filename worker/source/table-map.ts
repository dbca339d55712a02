import type { Flavor } from './position.ts';

/** Where rows of a source table go. Made by the pipeline's router, the same object as long as the routing is unchanged. */
export interface TableRoute {
  readonly schema: string;
  readonly table: string;
}

/** Column facts from a TABLE_MAP event's optional metadata; each is null when the source did not log it (row metadata MINIMAL). */
export interface TableMapMetadata {
  readonly columnNames: readonly string[] | null;
  /** Per column: 1 when UNSIGNED (numeric columns only; 0 elsewhere). */
  readonly unsigned: Uint8Array | null;
  /** Per column: collation id for character, ENUM and SET columns, else 0. */
  readonly collations: Uint16Array | null;
  /** Indexes of primary key columns, with prefix length in characters (0 = whole column). */
  readonly primaryKey: readonly { readonly column: number; readonly prefix: number }[] | null;
  /** Member strings of ENUM and SET columns in column charset bytes, null for other columns. */
  readonly members: readonly (readonly Buffer[] | null)[] | null;
  readonly geometryTypes: Uint8Array | null;
  /** Per column: 1 when visible. */
  readonly visible: Uint8Array | null;
}

/**
 * A decoded TABLE_MAP event. The event reader hands out the same object while the map's bytes stay the same, so facts may
 * be cached per object.
 * Source: MySQL internals, Table_map_event.
 */
export interface TableMap {
  /** A number of our own, unique per distinct map within this process: source table ids can be reused for another table. */
  readonly id: number;
  /** Of the server that logged it. */
  readonly flavor: Flavor;
  readonly schema: string;
  readonly table: string;
  /** Null: filtered out. Row events of such tables are dropped by the reader. */
  readonly route: TableRoute | null;
  /** Whole event: 19-byte header, then body; no checksum. */
  readonly raw: Buffer;
  readonly columnCount: number;
  /** Binlog column type codes, real type for STRING-typed ENUM/SET (247/248). */
  readonly types: Uint8Array;
  /** Type metadata as 16-bit numbers (lengths, precision << 8 | scale, ...), after unfolding of STRING types. */
  readonly meta: Uint16Array;
  readonly nullable: Uint8Array;
  readonly metadata: TableMapMetadata;
}
