import { u48 } from './bytes.ts';
import { ColumnType } from './column-type.ts';
import { HEADER_LENGTH } from './event-header.ts';
import type { Flavor } from './position.ts';
import { NAMES_AT, parseTableMap } from './table-map-event.ts';
import type { TableMap, TableRoute } from './table-map.ts';

/** A rows event that ends a statement without rows carries this table id and has no table map. */
export const DUMMY_TABLE_ID = 0xffffff;

/** What the reader remembers of a source table id. */
export class KnownTable {
  readonly map: TableMap;
  /** Statement (see TableMapCache) in which the source last sent the map: row events are only read under a map of their own statement. */
  statement = 0;
  /** Head of the last rows event per operation; most are equal, so one copy serves all. */
  insertHead: Buffer | null = null;
  updateHead: Buffer | null = null;
  deleteHead: Buffer | null = null;

  /** MariaDB's temporal types of old do not tell how long their values are: with fractions of seconds they are longer. */
  readonly lengthsUncertain: boolean;

  constructor(map: TableMap) {
    this.map = map;
    this.lengthsUncertain = map.types.some(
      (type) => type === ColumnType.TIME || type === ColumnType.DATETIME || type === ColumnType.TIMESTAMP,
    );
  }
}

/**
 * Hands out one TableMap object per table as long as the bytes of its map are the same, whatever id the source gives it: ids
 * change when a server closes and opens a table, and after a restart one id can mean another table.
 */
export class TableMapCache {
  readonly #route: (schema: string, table: string) => TableRoute | null;
  readonly #flavor: Flavor;
  readonly #byId = new Map<number, KnownTable>();
  readonly #byName = new Map<string, { readonly known: KnownTable; id: number }>();
  /** Counts statements: a rows event with STMT_END ends one, and with it the life of its table maps. */
  #statement = 1;

  constructor(route: (schema: string, table: string) => TableRoute | null, flavor: Flavor) {
    this.#route = route;
    this.#flavor = flavor;
  }

  /** Takes a TABLE_MAP event that ends at `end` (its checksum may follow). */
  learn(event: Buffer, end: number): void {
    const id = u48(event, HEADER_LENGTH);
    let known = this.#byId.get(id);
    if (known === undefined || !sameMap(known.map.raw, event, end)) known = this.#replace(id, event.subarray(0, end));
    known.statement = this.#statement;
  }

  /** The table of a rows event; undefined when the current statement has sent no map for this id. */
  find(id: number): KnownTable | undefined {
    const known = this.#byId.get(id);
    return known?.statement === this.#statement ? known : undefined;
  }

  endStatement(): void {
    this.#statement++;
  }

  #replace(id: number, event: Buffer): KnownTable {
    // A copy of its own: the map outlives the packet by far.
    const map = parseTableMap(Buffer.from(event), this.#route, this.#flavor);
    const name = `${map.schema}\0${map.table}`;
    const former = this.#byName.get(name);
    // Ids only grow within one life of a server, so the former id will not come again for this table.
    if (former !== undefined && this.#byId.get(former.id) === former.known) this.#byId.delete(former.id);
    const known = former !== undefined && sameMap(former.known.map.raw, event, event.length) ? former.known : new KnownTable(map);
    this.#byName.set(name, { known, id });
    this.#byId.set(id, known);
    return known;
  }
}

/** Whether two events map the same columns under the same name; table id and flags may differ. */
function sameMap(raw: Buffer, event: Buffer, end: number): boolean {
  return raw.length === end && raw.compare(event, NAMES_AT, end, NAMES_AT, end) === 0;
}
