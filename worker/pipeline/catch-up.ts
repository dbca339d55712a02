import type { CatchUpPlan } from '../snapshot/types.ts';
import type { SourcePosition } from '../source/position.ts';
import type { PositionTracker } from '../source/position-tracker.ts';
import { isSequence } from '../source/sequence-map.ts';
import type { PositionMark, RowsEvent, TransactionHead } from '../source/stream-item.ts';
import type { TableMap } from '../source/table-map.ts';
import { hasPassed, includes, mayPrecede } from './includes.ts';

/** How the rows of one transaction are to be applied. */
export interface Treatment {
  readonly events: readonly RowsEvent[];
  /** Rows may be in the target already: write row by row, as upserts. */
  readonly careful: boolean;
  /** The target's tables are not of one moment: a row may be there before its parent, or after it. */
  readonly mixed: boolean;
}

/** What the first copy read at one moment. */
interface Pending {
  readonly position: SourcePosition;
  /** Tables whose events before the moment are dropped, and those whose events are applied as upserts. */
  readonly skip: Set<string>;
  readonly converge: Set<string>;
  /** It was the last at which the source's tables were listed: tables that the copy does not know did not exist. */
  listed: boolean;
}

/** What is asked of an item. */
type Placed = { readonly head: TransactionHead; readonly end: PositionMark };

/**
 * Decides per transaction what a first copy has made unnecessary or repeatable. Once the stream is past every moment at which
 * the copy read, events pass untouched at no cost.
 */
export class CatchUp {
  #pending: Pending[];
  #stream: PositionTracker | null = null;
  readonly #known: ReadonlySet<string>;

  constructor({ tables, others }: CatchUpPlan = { tables: [], others: { kind: 'none' } }) {
    const byPosition = new Map<string, Pending>();
    const at = (position: SourcePosition): Pending => {
      const key = JSON.stringify(position);
      const pending = byPosition.get(key) ?? { position, skip: new Set(), converge: new Set(), listed: false };
      byPosition.set(key, pending);
      return pending;
    };
    for (const { schema, table, catchUp } of tables) {
      const name = `${schema}.${table}`;
      if (catchUp.kind === 'skipUntil') at(catchUp.position).skip.add(name);
      if (catchUp.kind === 'convergeUntil') at(catchUp.position).converge.add(name);
    }
    if (others.kind !== 'none') at(others.position).listed = true;
    this.#known = new Set(tables.map(({ schema, table }) => `${schema}.${table}`));
    this.#pending = [...byPosition.values()];
  }

  /** Whether anything is left that treats events differently from the plain stream. */
  get active(): boolean {
    return this.#pending.length > 0;
  }

  /** The stream begins here, and goes on as `stream` tells: what the copy read before that is passed. */
  startAt(stream: PositionTracker): void {
    this.#stream = stream;
    const position = stream.position();
    this.#pending = this.#pending.filter((pending) => !hasPassed(position, pending.position));
  }

  /** Whether a statement on this table came before the moment at which the first copy read it, or found it missing. */
  covers(schema: string, table: string, item: Placed): boolean {
    const name = `${schema}.${table}`;
    return this.#pending.some((pending) => {
      const concerns = pending.converge.has(name) || this.#skips(pending, name);
      return concerns && includes(pending.position, item.head.gtid, item.end);
    });
  }

  /** Whether a statement came before the moment at which the source's tables were listed for the last time. */
  coversAll(item: Placed): boolean {
    return this.#pending.some(({ listed, position }) => listed && includes(position, item.head.gtid, item.end));
  }

  treat(item: Placed & { readonly events: readonly RowsEvent[] }): Treatment {
    if (!this.active) return { events: item.events, careful: false, mixed: false };
    const stream = this.#stream;
    this.#pending = this.#pending.filter(
      ({ position }) => stream === null || mayPrecede(position, item.head.gtid, item.end, stream),
    );
    if (this.#pending.length === 0) return { events: item.events, careful: false, mixed: false };
    const covering = this.#pending.filter(({ position }) => includes(position, item.head.gtid, item.end));
    let careful = false;
    const events = item.events.filter(({ table }) => {
      const name = `${table.schema}.${table.table}`;
      if (covering.some((pending) => this.#skips(pending, name)) && !this.#isSequence(name, table)) return false;
      careful ||= covering.some(({ converge }) => converge.has(name));
      return true;
    });
    return { events, careful, mixed: true };
  }

  /** Sequences are in no copy: the stream has all that is known of them. */
  #isSequence(name: string, table: TableMap): boolean {
    return !this.#known.has(name) && isSequence(table);
  }

  #skips({ skip, listed }: Pending, name: string): boolean {
    return skip.has(name) || (listed && !this.#known.has(name));
  }
}
