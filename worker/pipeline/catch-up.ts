import type { SourcePosition } from '../source/position.ts';
import type { RowsEvent, TransactionItem, TransactionPartItem } from '../source/stream-item.ts';
import { includes } from './includes.ts';

/** How the rows of one transaction are to be applied. */
export interface Treatment {
  readonly events: readonly RowsEvent[];
  /** Rows may be in the target already: write row by row, as upserts. */
  readonly careful: boolean;
}

/** What is left to do for a table after a first copy whose parts were read at different points. */
export type TableCatchUp =
  | { readonly kind: 'none' }
  /** The table was read as of `position`: its events before that are in the rows already. */
  | { readonly kind: 'skipUntil'; readonly position: SourcePosition }
  /** Parts of the table were read at different points up to `position`: events until then are applied as upserts. */
  | { readonly kind: 'convergeUntil'; readonly position: SourcePosition };

/**
 * Decides per transaction what a first copy has made unnecessary or repeatable. Once every table is past its point, events
 * pass untouched at no cost.
 */
export class CatchUp {
  readonly #tables: Map<string, TableCatchUp>;
  #rewoundUntilMicros = 0;

  /** `tables` by `schema.table` of the source. */
  constructor(tables: ReadonlyMap<string, TableCatchUp>) {
    this.#tables = new Map([...tables].filter(([, catchUp]) => catchUp.kind !== 'none'));
  }

  /** Whether anything is left that treats events differently from the plain stream. */
  get active(): boolean {
    return this.#tables.size > 0 || this.#rewoundUntilMicros > 0;
  }

  /** Transactions may come again up to those committed at this position's time (a failover without GTIDs). */
  rewind(position: SourcePosition): void {
    this.#rewoundUntilMicros = position.timestampMicros;
  }

  treat(item: TransactionItem | TransactionPartItem): Treatment {
    if (!this.active) return { events: item.events, careful: false };
    let careful = item.head.commitMicros <= this.#rewoundUntilMicros;
    if (!careful) this.#rewoundUntilMicros = 0;
    if (this.#tables.size === 0) return { events: item.events, careful };
    const events = item.events.filter((event) => {
      const name = `${event.table.schema}.${event.table.table}`;
      const catchUp = this.#tables.get(name);
      if (catchUp === undefined || catchUp.kind === 'none') return true;
      if (!includes(catchUp.position, item.head.gtid, item.end)) {
        this.#tables.delete(name);
        return true;
      }
      if (catchUp.kind === 'skipUntil') return false;
      careful = true;
      return true;
    });
    return { events, careful };
  }
}
