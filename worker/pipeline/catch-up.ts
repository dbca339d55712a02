import type { RowsEvent, TransactionItem, TransactionPartItem } from '../source/stream-item.ts';

/** How the rows of one transaction are to be applied. */
export interface Treatment {
  readonly events: readonly RowsEvent[];
  /** Rows may be in the target already: write row by row, as upserts. */
  readonly careful: boolean;
}

/** Decides per transaction what a first copy has made unnecessary or repeatable. */
export interface CatchUp {
  treat(item: TransactionItem | TransactionPartItem): Treatment;
}

/** The stream follows the target exactly: every row event counts once. */
export const exact: CatchUp = {
  treat: (item) => ({ events: item.events, careful: false }),
};
