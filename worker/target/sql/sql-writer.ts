import { LockkeeperError } from '../../../common/errors.ts';
import { ColumnType } from '../../source/column-type.ts';
import type { TableMap } from '../../source/table-map.ts';
import type { RowRun } from '../row-run.ts';
import type { SqlRunner } from '../session.ts';
import type { TableMetadata, TableMetadataCache } from '../table-metadata.ts';
import { CarefulWriter } from './careful-writer.ts';
import type { DivergencePolicy, DivergenceReport } from './divergence.ts';
import { probeOpaque } from './json-opaque.ts';
import type { OpaqueForms } from './json-literal.ts';
import { PacketStream } from './packet.ts';
import { RowReader } from './row-reader.ts';
import { TableWriter, type RowView } from './table-writer.ts';
import { UpdateChunk, writeKeyList } from './update-chunk.ts';

export { Divergence, DivergenceReport, type DivergencePolicy, type DivergenceKind, type DivergentRow } from './divergence.ts';

/** What the SQL writer needs of the target session. */
export interface SqlTarget extends SqlRunner {
  readonly flavor: 'mysql' | 'mariadb';
  /** Bytes of the largest packet that the server accepts. */
  readonly maxAllowedPacket: number;
}

export interface RowCounts {
  inserted: number;
  updated: number;
  deleted: number;
}

/** Rows of one DELETE ... IN. */
const DELETE_ROWS = 100;
/** Rows event flags: the source's session had foreign keys off; the source logged the children's rows of cascades too. */
const NO_FOREIGN_KEY_CHECKS = 0x2;
const CASCADES_LOGGED = 0x10;

/**
 * Writes rows as SQL statements within the caller's open transaction. Needs the session state of TargetSession.
 *
 * `unique_checks` stays on whatever the source's session had: with it off InnoDB may store a second row of the same unique
 * value without a word.
 */
export class SqlWriter {
  readonly #session: SqlTarget;
  readonly #metadata: TableMetadataCache;
  readonly #policy: DivergencePolicy;
  #opaque: OpaqueForms | null = null;
  #writers = new WeakMap<TableMap, TableWriter>();

  constructor(session: SqlTarget, metadata: TableMetadataCache, policy: DivergencePolicy) {
    this.#session = session;
    this.#metadata = metadata;
    this.#policy = policy;
  }

  /**
   * Writes the runs in as few statements as is exact. Throws Divergence when the target does not hold what the rows presume
   * (or would store another value than was written): the caller rolls back and uses `writeCarefully`. Other errors are
   * LockkeeperErrors and the driver's.
   */
  async write(runs: readonly RowRun[]): Promise<RowCounts> {
    const counts: RowCounts = { inserted: 0, updated: 0, deleted: 0 };
    const packet = new PacketStream(this.#session, this.#session.maxAllowedPacket);
    let checks = true;
    let switched = false;
    try {
      for (const run of runs) {
        const writer = await this.#writer(run.table);
        const wanted = foreignKeyChecks(run);
        if (wanted !== checks) {
          packet.setting(`SET foreign_key_checks=${wanted ? 1 : 0}`);
          checks = wanted;
          switched = true;
        }
        switch (run.operation) {
          case 'insert':
            counts.inserted += await this.#insert(packet, run, writer);
            break;
          case 'update':
            counts.updated += await this.#update(packet, run, writer);
            break;
          case 'delete':
            counts.deleted += await this.#delete(packet, run, writer);
            break;
          default:
            run.operation satisfies never;
        }
      }
      if (!checks) packet.setting('SET foreign_key_checks=1');
      await packet.finish();
      return counts;
    } catch (error) {
      await packet.abandon();
      if (switched) await this.#session.query('SET foreign_key_checks=1').catch(() => undefined);
      throw error;
    }
  }

  /**
   * Writes the runs row by row and judges each row that is missing or exists already by the divergence policy.
   * Throws LK1402 or LK1403 under Stop, LK1406 for a value that the target would alter.
   */
  async writeCarefully(runs: readonly RowRun[]): Promise<DivergenceReport> {
    const careful = new CarefulWriter(this.#session, this.#policy);
    for (const run of runs) await careful.write(run, await this.#writer(run.table), foreignKeyChecks(run));
    return careful.report;
  }

  async #insert(packet: PacketStream, run: RowRun, writer: TableWriter): Promise<number> {
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

  async #delete(packet: PacketStream, run: RowRun, writer: TableWriter): Promise<number> {
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

  async #update(packet: PacketStream, run: RowRun, writer: TableWriter): Promise<number> {
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

  async #writer(map: TableMap): Promise<TableWriter> {
    const route = map.route;
    if (route === null) throw new LockkeeperError('LK1203', `rows of ${map.schema}.${map.table} have no place at the target`);
    let target: TableMetadata | undefined = this.#metadata.get(route.schema, route.table);
    if (target === undefined) {
      await this.#metadata.load([route]);
      target = this.#metadata.get(route.schema, route.table);
      if (target === undefined) throw new LockkeeperError('LK1307', `the target has no table ${route.schema}.${route.table}`);
    }
    let writer = this.#writers.get(map);
    // Metadata that was read anew is another object.
    if (writer === undefined || writer.target !== target) {
      writer = await TableWriter.compile(this.#session, map, target, {
        flavor: this.#session.flavor,
        opaque: await this.#opaqueForms(map),
      });
      this.#writers.set(map, writer);
    }
    return writer;
  }

  async #opaqueForms(map: TableMap): Promise<OpaqueForms> {
    if (this.#session.flavor !== 'mysql' || !map.types.includes(ColumnType.JSON)) return new Map();
    return (this.#opaque ??= await probeOpaque(this.#session));
  }
}

function foreignKeyChecks(run: RowRun): boolean {
  return (run.flags & (NO_FOREIGN_KEY_CHECKS | CASCADES_LOGGED)) === 0;
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
export function writeUpdate(
  packet: PacketStream,
  writer: TableWriter,
  reader: RowReader,
  changed: Uint8Array,
): Promise<void> | null {
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
