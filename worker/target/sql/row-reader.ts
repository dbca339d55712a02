import type { RowRun } from '../row-run.ts';
import type { RowView, TableWriter } from './table-writer.ts';

const PARTIAL_UPDATE_ROWS = 39;

/** Goes through the rows of a run. The views are the same objects for every row. */
export class RowReader {
  readonly before: RowView;
  readonly after: RowView;
  /** Per column of a partial update: its after-image is a JSON diff. Null in runs of plain images. */
  readonly partial: Uint8Array | null;
  /** Bytes of the current row's images. */
  bytes = 0;
  readonly #writer: TableWriter;
  readonly #run: RowRun;
  #buffer = 0;
  #offset = 0;

  constructor(run: RowRun, writer: TableWriter) {
    this.#run = run;
    this.#writer = writer;
    this.before = writer.newRow();
    this.after = writer.newRow();
    this.partial = run.type === PARTIAL_UPDATE_ROWS ? new Uint8Array(writer.shape.columnCount) : null;
  }

  /** Moves to the next row: `after` of an insert, `before` of a delete, both of an update. False at the end. */
  next(): boolean {
    const { operation, images: buffers } = this.#run;
    while (this.#buffer < buffers.length && this.#offset >= buffers[this.#buffer]!.length) {
      this.#buffer++;
      this.#offset = 0;
    }
    const images = buffers[this.#buffer];
    if (images === undefined) return false;
    const { shape } = this.#writer;
    let at = this.#offset;
    if (operation !== 'insert') {
      this.before.images = images;
      at = shape.columns(images, at, this.before.bounds);
    }
    if (operation !== 'delete') {
      this.after.images = images;
      at =
        this.partial === null
          ? shape.columns(images, at, this.after.bounds)
          : shape.partialColumns(images, at, this.after.bounds, this.partial);
    }
    this.bytes = at - this.#offset;
    this.#offset = at;
    return true;
  }

  /** Marks in `changed` the columns whose bytes differ between the two images, and returns how many. */
  changes(changed: Uint8Array): number {
    const { before, after, partial } = this;
    const { columns } = this.#writer;
    let count = 0;
    changed.fill(0);
    for (const { at, pair } of columns) {
      const from = before.bounds[at]!;
      const to = after.bounds[at]!;
      const length = before.bounds[at + 1]! - from;
      const same =
        partial?.[pair.index] !== 1 &&
        (from < 0
          ? to < 0
          : to >= 0 && after.bounds[at + 1]! - to === length && sameBytes(before.images, from, after.images, to, length));
      if (same) continue;
      changed[pair.index] = 1;
      count++;
    }
    return count;
  }
}

const LONG = 64;

function sameBytes(a: Buffer, from: number, b: Buffer, to: number, length: number): boolean {
  if (length > LONG) return a.compare(b, to, to + length, from, from + length) === 0;
  for (let i = 0; i < length; i++) if (a[from + i] !== b[to + i]) return false;
  return true;
}
