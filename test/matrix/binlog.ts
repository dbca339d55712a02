import { openDump, type Dump } from '../../worker/source/dump-connection.ts';
import { EventReader } from '../../worker/source/event-reader.ts';
import type { SourcePosition } from '../../worker/source/position.ts';
import { rowShape } from '../../worker/source/row-shape.ts';
import type { RowsEvent, TransactionItem } from '../../worker/source/stream-item.ts';
import type { TableRoute } from '../../worker/source/table-map.ts';
import type { DbServer } from '../servers/index.ts';
import { endpointOf, nextServerId } from '../integration/source-helpers.ts';

/** All transactions from a position to the present end of the log whose tables `route` sends somewhere. */
export async function readTransactions(
  server: DbServer,
  start: SourcePosition,
  route: (schema: string, table: string) => TableRoute | null,
): Promise<TransactionItem[]> {
  const transactions: TransactionItem[] = [];
  const reader = new EventReader({
    flavor: start.flavor,
    route,
    emit: (item) => {
      if (item.kind === 'transaction' && item.events.length > 0) transactions.push(item);
      if (item.kind === 'part') throw new Error('a transaction of the test is too large');
    },
    partBytes: 1 << 30,
    start,
  });
  let dump: Dump | undefined;
  await new Promise<void>((resolve, reject) => {
    openDump({
      endpoint: endpointOf(server),
      start,
      byGtid: false,
      serverId: nextServerId(),
      replicaUuid: `00000000-0000-0000-0000-${String(nextServerId()).padStart(12, '0')}`,
      heartbeatSeconds: 10,
      untilEnd: true,
      // Packets are views of a buffer that is filled anew.
      onEvent: (event) => void reader.push(Buffer.from(event)),
      onEnd: (error) => (error === null ? resolve() : reject(error)),
    }).then((opened) => (dump = opened), reject);
  });
  await dump?.close();
  return transactions;
}

/** Values of the rows that were inserted into each target table, as the binlog has them; null for NULL. */
export function insertedValues(transactions: readonly TransactionItem[]): Map<string, (Buffer | null)[][]> {
  const tables = new Map<string, (Buffer | null)[][]>();
  for (const { events } of transactions) for (const event of events) if (event.operation === 'insert') addRows(tables, event);
  return tables;
}

function addRows(tables: Map<string, (Buffer | null)[][]>, { table, images }: RowsEvent): void {
  const rows = tables.get(table.table) ?? [];
  tables.set(table.table, rows);
  const shape = rowShape(table);
  const bounds = new Int32Array(shape.columnCount * 2);
  for (let at = 0; at < images.length;) {
    at = shape.columns(images, at, bounds);
    rows.push(
      Array.from({ length: shape.columnCount }, (_, i) =>
        bounds[2 * i]! < 0 ? null : images.subarray(bounds[2 * i], bounds[2 * i + 1]),
      ),
    );
  }
}
