import type { RowOperation, RowsEvent } from '../../source/stream-item.ts';
import type { TableMap } from '../../source/table-map.ts';
import type { RowRun } from '../row-run.ts';

/** A RowRun that still grows. */
export class RunBuilder implements RowRun {
  readonly table: TableMap;
  readonly operation: RowOperation;
  readonly type: number;
  readonly flags: number;
  readonly head: Buffer;
  readonly images: Buffer[] = [];
  rows = 0;
  bytes = 0;

  constructor(table: TableMap, operation: RowOperation, type: number, flags: number, head: Buffer) {
    this.table = table;
    this.operation = operation;
    this.type = type;
    this.flags = flags;
    this.head = head;
  }

  static of(event: RowsEvent): RunBuilder {
    return new RunBuilder(event.table, event.operation, event.type, event.flags, event.head);
  }

  accepts(event: RowsEvent): boolean {
    return (
      this.table === event.table &&
      this.type === event.type &&
      this.flags === event.flags &&
      (this.head === event.head || this.head.equals(event.head))
    );
  }

  add(images: Buffer, rows: number): void {
    this.images.push(images);
    this.rows += rows;
    this.bytes += images.length;
  }
}
