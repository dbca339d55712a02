import type { TableCatchUp } from '../snapshot/types.ts';
import type { SourcePosition } from '../source/position.ts';
import type { PositionMark, RowsEvent, TransactionHead } from '../source/stream-item.ts';
import { hasPassed, includes } from './includes.ts';

/** How the rows of one transaction are to be applied. */
export interface Treatment {
  readonly events: readonly RowsEvent[];
  /** Rows may be in the target already: write row by row, as upserts. */
  readonly careful: boolean;
}

/** Tables that the first copy read at one moment, and what their events before it need. */
interface Pending {
  readonly position: SourcePosition;
  readonly skip: Set<string>;
  readonly converge: Set<string>;
}

/**
 * Decides per transaction what a first copy has made unnecessary or repeatable. Once the stream is past every moment at which
 * the copy read, events pass untouched at no cost.
 */
export class CatchUp {
  #pending: Pending[];

  /** `tables` by `schema.table` of the source. */
  constructor(tables: ReadonlyMap<string, TableCatchUp> = new Map()) {
    const byPosition = new Map<string, Pending>();
    for (const [name, catchUp] of tables) {
      if (catchUp.kind === 'none') continue;
      const key = JSON.stringify(catchUp.position);
      let pending = byPosition.get(key);
      if (pending === undefined) {
        pending = { position: catchUp.position, skip: new Set(), converge: new Set() };
        byPosition.set(key, pending);
      }
      (catchUp.kind === 'skipUntil' ? pending.skip : pending.converge).add(name);
    }
    this.#pending = [...byPosition.values()];
  }

  /** Whether anything is left that treats events differently from the plain stream. */
  get active(): boolean {
    return this.#pending.length > 0;
  }

  /** The stream begins here: what the copy read before that is passed. */
  startAt(position: SourcePosition): void {
    this.#pending = this.#pending.filter((pending) => !hasPassed(position, pending.position));
  }

  /** Whether a statement on this table came before the moment at which the first copy read it. */
  covers(schema: string, table: string, gtid: string | null, end: PositionMark): boolean {
    const name = `${schema}.${table}`;
    return this.#pending.some(
      ({ position, skip, converge }) => (skip.has(name) || converge.has(name)) && includes(position, gtid, end),
    );
  }

  treat(item: { readonly head: TransactionHead; readonly end: PositionMark; readonly events: readonly RowsEvent[] }): Treatment {
    if (!this.active) return { events: item.events, careful: false };
    let careful = false;
    this.#pending = this.#pending.filter(({ position }) => includes(position, item.head.gtid, item.end));
    if (this.#pending.length === 0) return { events: item.events, careful };
    const events = item.events.filter(({ table }) => {
      const name = `${table.schema}.${table.table}`;
      if (this.#pending.some(({ skip }) => skip.has(name))) return false;
      careful ||= this.#pending.some(({ converge }) => converge.has(name));
      return true;
    });
    return { events, careful };
  }
}
