import type { RowOperation } from '../source/stream-item.ts';
import type { TableMap } from '../source/table-map.ts';

/**
 * Rows of one table and one operation, to be applied in the order given. The unit that both appliers write.
 *
 * `images` are row images as the binlog has them (null bitmap, then values of all columns); an update is a before image
 * followed by its after image. A buffer holds one or more whole rows.
 */
export interface RowRun {
  readonly table: TableMap;
  readonly operation: RowOperation;
  /** Event type code under which the images were logged (30, 31, 32, 39, or a v1 / MariaDB code). */
  readonly type: number;
  /** Rows event flags, STMT_END cleared. */
  readonly flags: number;
  /** Extra data, column count and bitmaps of the first rows event of the run. */
  readonly head: Buffer;
  readonly images: readonly Buffer[];
  readonly rows: number;
  readonly bytes: number;
}
