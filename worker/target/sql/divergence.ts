/** Signals that the target does not hold what the source's rows presume; the batch is to be rolled back and written carefully. */
export class Divergence extends Error {
  /** `schema.table` at the target. */
  readonly table: string;

  constructor(table: string, what: string) {
    super(`${table}: ${what}`);
    this.name = 'Divergence';
    this.table = table;
  }
}

export type DivergenceKind = 'missing-on-update' | 'missing-on-delete' | 'existing-on-insert' | 'existing-on-update';

/** What to do with a row that is missing or exists: write the source's, stop with an error, or leave the target's. */
export type DivergencePolicy = 'Repair' | 'Stop' | 'Ignore';

export interface DivergentRow {
  readonly kind: DivergenceKind;
  readonly table: string;
  /** The condition that names the row. */
  readonly key: string;
}

export interface DivergenceCounts {
  missingOnUpdate: number;
  missingOnDelete: number;
  /** An INSERT, or an UPDATE of a unique value, met a row that has it already. */
  existingOnInsert: number;
  /** Of all these, rows that now are as at the source. */
  repaired: number;
  /** Rows of the target that held a unique value of another row, and were removed for it. */
  removed: number;
}

const MAX_SAMPLES = 20;

/** What careful writing found, in all and by table, with a few examples. */
export class DivergenceReport implements DivergenceCounts {
  missingOnUpdate = 0;
  missingOnDelete = 0;
  existingOnInsert = 0;
  repaired = 0;
  removed = 0;
  readonly tables = new Map<string, DivergenceCounts>();
  readonly samples: DivergentRow[] = [];

  add(row: DivergentRow, repaired: boolean, removed = 0): void {
    let table = this.tables.get(row.table);
    if (table === undefined) {
      table = { missingOnUpdate: 0, missingOnDelete: 0, existingOnInsert: 0, repaired: 0, removed: 0 };
      this.tables.set(row.table, table);
    }
    for (const counts of [this, table]) {
      switch (row.kind) {
        case 'missing-on-update':
          counts.missingOnUpdate++;
          break;
        case 'missing-on-delete':
          counts.missingOnDelete++;
          break;
        case 'existing-on-insert':
        case 'existing-on-update':
          counts.existingOnInsert++;
          break;
        default:
          row.kind satisfies never;
      }
      if (repaired) counts.repaired++;
      counts.removed += removed;
    }
    if (this.samples.length < MAX_SAMPLES) this.samples.push(row);
  }
}
