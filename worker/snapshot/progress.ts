import type { Clock, SnapshotProgress } from './types.ts';

/** Adds up what a copy has done and says so: when it begins, at most every `REPORT_MS`, and whenever a table is finished. */
const REPORT_MS = 500;

export class ProgressReport {
  readonly #clock: Clock;
  readonly #report: ((progress: SnapshotProgress) => void) | undefined;
  readonly #begun: number;
  #reported = 0;
  tablesTotal = 0;
  tablesDone = 0;
  rowsTotalEstimate = 0;
  chunksTotal = 0;
  rows = 0;
  bytes = 0;
  chunksDone = 0;
  /** Rows of earlier runs: they are done, but say nothing about the speed of this one. */
  #rowsBefore = 0;

  constructor(clock: Clock, report: ((progress: SnapshotProgress) => void) | undefined) {
    this.#clock = clock;
    this.#report = report;
    this.#begun = clock.now();
  }

  get seconds(): number {
    return (this.#clock.now() - this.#begun) / 1000;
  }

  /** Sets the totals as the source and the stored state tell them at the begin of a round. */
  plan(totals: {
    tables: number;
    tablesDone: number;
    rowsEstimate: number;
    chunks: number;
    rows: number;
    bytes: number;
    chunksDone: number;
  }): void {
    const before = this.rows - this.#rowsBefore;
    this.tablesTotal = totals.tables;
    this.tablesDone = totals.tablesDone;
    this.rowsTotalEstimate = totals.rowsEstimate;
    this.chunksTotal = totals.chunks;
    this.rows = totals.rows;
    this.bytes = totals.bytes;
    this.chunksDone = totals.chunksDone;
    this.#rowsBefore = totals.rows - Math.min(before, totals.rows);
    this.#say(null); // whoever watches must see also a copy that stands still from its first chunk on
  }

  chunk(table: string, rows: number, bytes: number): void {
    this.rows += rows;
    this.bytes += bytes;
    this.chunksDone++;
    if (this.#clock.now() - this.#reported >= REPORT_MS) this.#say(table);
  }

  table(table: string): void {
    this.tablesDone++;
    this.#say(table);
  }

  #say(table: string | null): void {
    this.#reported = this.#clock.now();
    const { seconds } = this;
    const rowsPerSecond = seconds > 0 ? Math.round((this.rows - this.#rowsBefore) / seconds) : 0;
    const done = this.tablesDone === this.tablesTotal;
    // Estimates of the server may be short: what is done is never more than all.
    const rowsTotalEstimate = done ? this.rows : Math.max(this.rowsTotalEstimate, this.rows);
    this.#report?.({
      table,
      tablesDone: this.tablesDone,
      tablesTotal: this.tablesTotal,
      rowsDone: this.rows,
      rowsTotalEstimate,
      bytes: this.bytes,
      chunksDone: this.chunksDone,
      chunksTotal: done ? this.chunksDone : Math.max(this.chunksTotal, this.chunksDone),
      rowsPerSecond,
      etaSeconds: rowsPerSecond === 0 ? null : Math.ceil((rowsTotalEstimate - this.rows) / rowsPerSecond),
    });
  }
}
