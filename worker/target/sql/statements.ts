import type { RowRun } from '../row-run.ts';
import type { PacketStream } from './packet.ts';
import { RowReader } from './row-reader.ts';
import type { RowView, TableWriter } from './table-writer.ts';
import { UpdateChunk, writeKeyList } from './update-chunk.ts';

/** Rows of one DELETE ... IN. */
const DELETE_ROWS = 100;

/** Multi-row INSERTs. Returns the number of rows, as the other two do. */
export async function writeInserts(packet: PacketStream, run: RowRun, writer: TableWriter): Promise<number> {
  const { out, softLimit } = packet;
  const reader = new RowReader(run, writer);
  const row = reader.after;
  let total = 0;
  let rows = 0;
  let warnings = 0;
  while (reader.next()) {
    // A large row gets a statement of its own, so that no statement is much longer than the limit.
    if (rows > 0 && (reader.bytes > softLimit / 2 || out.length >= softLimit)) {
      const full = packet.end(writer, rows, warnings);
      if (full !== null) await full;
      rows = 0;
    }
    if (rows === 0) {
      packet.begin();
      out.raw(writer.insertHead);
      warnings = 0;
    } else out.byte(0x2c);
    writer.writeValues(out, row);
    warnings += writer.expectedWarnings(row);
    rows++;
    total++;
    if (reader.bytes > softLimit / 2) {
      const full = packet.end(writer, rows, warnings);
      if (full !== null) await full;
      rows = 0;
    }
  }
  if (rows > 0) {
    const full = packet.end(writer, rows, warnings);
    if (full !== null) await full;
  }
  return total;
}

/** DELETEs by lists of keys; row by row where there is no key or the order matters. */
export async function writeDeletes(packet: PacketStream, run: RowRun, writer: TableWriter): Promise<number> {
  const { out, softLimit } = packet;
  const reader = new RowReader(run, writer);
  const alone = writer.key === null || writer.selfReferencing;
  const views: RowView[] = [];
  let total = 0;
  let rows = 0;
  let bytes = 0;
  const flush = (): Promise<void> | null => {
    if (rows === 0) return null;
    packet.begin();
    out.ascii('DELETE FROM ');
    out.raw(writer.name);
    out.ascii(' WHERE ');
    writeKeyList(writer, out, views, rows);
    const count = rows;
    rows = 0;
    bytes = 0;
    return packet.end(writer, count, 0);
  };
  while (reader.next()) {
    total++;
    if (alone) {
      packet.begin();
      out.ascii('DELETE FROM ');
      out.raw(writer.name);
      out.ascii(' WHERE ');
      writer.writeWhere(out, reader.before);
      if (writer.key === null) out.ascii(' LIMIT 1');
      const full = packet.end(writer, 1, 0);
      if (full !== null) await full;
      continue;
    }
    const view = (views[rows++] ??= writer.newRow());
    view.images = reader.before.images;
    view.bounds.set(reader.before.bounds);
    bytes += reader.bytes;
    if (rows === DELETE_ROWS || bytes > softLimit) {
      const full = flush();
      if (full !== null) await full;
    }
  }
  const full = flush();
  if (full !== null) await full;
  return total;
}

/** UPDATEs of many rows where their changes commute, of single ones elsewhere, in the order given. */
export async function writeUpdates(packet: PacketStream, run: RowRun, writer: TableWriter): Promise<number> {
  const reader = new RowReader(run, writer);
  const chunk = new UpdateChunk(writer);
  const changed = new Uint8Array(writer.shape.columnCount);
  let total = 0;
  while (reader.next()) {
    total++;
    const count = reader.changes(changed);
    const always = markAlways(writer, changed);
    if (count === 0 && always === 0) changed[writer.written[0]!.pair.index] = 1;
    if (writer.key !== null && reader.partial === null && mayJoin(writer, changed)) {
      const key = keyBytes(writer, reader);
      if (chunk.rows > 0 && (!chunk.accepts(key) || chunk.bytes + reader.bytes > packet.softLimit)) {
        const full = chunk.flush(packet);
        if (full !== null) await full;
      }
      chunk.add(key, reader.after, changed, reader.bytes);
      continue;
    }
    const chunkFull = chunk.flush(packet);
    if (chunkFull !== null) await chunkFull;
    const full = writeUpdate(packet, writer, reader, changed);
    if (full !== null) await full;
  }
  const full = chunk.flush(packet);
  if (full !== null) await full;
  return total;
}

/** Columns that the server would change by itself are set to the source's value in every UPDATE. */
function markAlways(writer: TableWriter, changed: Uint8Array): number {
  let count = 0;
  for (const { pair } of writer.written) {
    if (!pair.target.onUpdateNow) continue;
    changed[pair.index] = 1;
    count++;
  }
  return count;
}

/** The change commutes with that of rows with other keys, and its values may be chosen by CASE. */
function mayJoin(writer: TableWriter, changed: Uint8Array): boolean {
  if (writer.hiddenKey) return false;
  for (const { pair, caseable } of writer.columns) {
    if (changed[pair.index] === 1 && (!caseable || writer.ordered[pair.index] === 1)) return false;
  }
  return true;
}

function keyBytes(writer: TableWriter, reader: RowReader): string {
  const { images, bounds } = reader.before;
  const key = writer.key!;
  if (key.length === 1) return images.toString('latin1', bounds[key[0]!.at], bounds[key[0]!.at + 1]);
  let text = '';
  for (const { at } of key) {
    const part = images.toString('latin1', bounds[at], bounds[at + 1]);
    text += `${part.length}:${part}`;
  }
  return text;
}

/** One row, found by its before-image. */
function writeUpdate(packet: PacketStream, writer: TableWriter, reader: RowReader, changed: Uint8Array): Promise<void> | null {
  const { out } = packet;
  packet.begin();
  out.ascii('UPDATE ');
  out.raw(writer.name);
  out.ascii(' SET ');
  writer.writeAssignments(out, reader.after, changed, reader.before, reader.partial);
  out.ascii(' WHERE ');
  writer.writeWhere(out, reader.before);
  if (writer.key === null) out.ascii(' LIMIT 1');
  return packet.end(writer, 1, writer.expectedWarnings(reader.after, changed));
}
