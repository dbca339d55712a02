import type { LockkeeperError } from '../../common/errors.ts';
import { u16 } from './bytes.ts';
import { checksumMatches } from './checksum.ts';
import {
  CHECKSUM_LENGTH,
  eventFlags,
  eventLength,
  eventType,
  FLAG_ARTIFICIAL,
  FLAG_IGNORABLE,
  HEADER_LENGTH,
} from './event-header.ts';
import { eventName, EventType } from './event-types.ts';
import { parseFormatDescription, sameLayout, type FormatDescription } from './format-description.ts';
import { GtidEventReader, readMariadbGtid } from './gtid-event.ts';
import { readHeartbeat } from './heartbeat-event.ts';
import { LogPosition } from './log-position.ts';
import { inflateQuery } from './mariadb-compression.ts';
import type { Flavor } from './position.ts';
import { readQueryEvent } from './query-event.ts';
import { handleQuery, type AlterPhase } from './query-handler.ts';
import { RowsMemory } from './rows-memory.ts';
import { isRowsEvent, readRowsEvent } from './rows-event.ts';
import { EventFault, streamError, undecodable } from './stream-error.ts';
import type { PositionMark, StreamItem } from './stream-item.ts';
import { TableMapCache } from './table-map-cache.ts';
import type { TableRoute } from './table-map.ts';
import { TransactionAssembler } from './transaction-assembler.ts';
import {
  EventCutter,
  readTransactionPayload,
  streamPayload,
  unpackPayload,
  type TransactionPayload,
} from './transaction-payload.ts';
import { readXaPrepare } from './xa-prepare-event.ts';

export interface EventReaderOptions {
  readonly flavor: Flavor;
  /** Where a source table goes; null drops its rows. Asked once per table map. */
  readonly route: (schema: string, table: string) => TableRoute | null;
  readonly emit: (item: StreamItem) => void;
  /** A transaction above so many bytes is handed on in parts; default 8 MiB. */
  readonly partBytes?: number;
  /** Where the first event stands, and which server wrote it. */
  readonly start: PositionMark & { readonly serverUuid: string };
  /** Asked between the pieces of a large compressed transaction: a promise holds unpacking back until it resolves. */
  readonly room?: () => void | Promise<void>;
}

const PART_BYTES = 8 * 1024 * 1024;
/** A compressed transaction up to this size is unpacked at once, a larger one as a stream. */
const UNPACK_AT_ONCE = 1024 * 1024;

/**
 * Turns binlog events, as packets of a dump or from a file, into whole transactions, statements and heartbeats.
 *
 * Errors are LockkeeperErrors LK1201 to LK1207 with the event's place in their details. After one the reader takes no more
 * events: what comes behind an event that was not understood must not be applied.
 */
export class EventReader {
  readonly #flavor: Flavor;
  readonly #room: (() => void | Promise<void>) | undefined;
  readonly #position: LogPosition;
  readonly #tables: TableMapCache;
  readonly #memory = new RowsMemory();
  readonly #gtids = new GtidEventReader();
  readonly #assembler: TransactionAssembler;
  #description: FormatDescription | null = null;
  #checksums = false;
  #alter: AlterPhase = 'none';
  /** Where the event at hand begins, for errors. */
  #eventStart: number;
  #failed: LockkeeperError | null = null;
  #busy = false;

  constructor(options: EventReaderOptions) {
    this.#flavor = options.flavor;
    this.#room = options.room;
    this.#position = new LogPosition(options.start);
    this.#eventStart = options.start.offset;
    this.#tables = new TableMapCache(options.route, options.flavor);
    this.#assembler = new TransactionAssembler({
      emit: options.emit,
      partBytes: options.partBytes ?? PART_BYTES,
      mark: () => this.#position.mark(),
      serverUuid: options.start.serverUuid,
    });
  }

  /** File and offset behind the last event taken. */
  get position(): PositionMark {
    return this.#position.mark();
  }

  /**
   * Takes one whole event: header, body, and checksum where the source writes them. A promise means that the event is still
   * being unpacked: push the next one when it has resolved. Throws (or rejects with) LK1201 to LK1207.
   */
  push(packet: Buffer): void | Promise<void> {
    if (this.#failed !== null) throw this.#failed;
    if (this.#busy) throw new Error('push() before the promise of the last push() resolved');
    try {
      return this.#take(packet);
    } catch (error) {
      throw this.#fail(error, packet);
    }
  }

  #take(packet: Buffer): void | Promise<void> {
    this.#eventStart = this.#position.offset;
    if (packet.length < HEADER_LENGTH || eventLength(packet) !== packet.length) {
      throw undecodable(
        `${packet.length} bytes came, the header says ${packet.length < HEADER_LENGTH ? 'nothing' : eventLength(packet)}`,
      );
    }
    const type = eventType(packet);
    if (type === EventType.FORMAT_DESCRIPTION) return this.#describe(packet);
    const end = this.#verify(packet, type);
    this.#position.advance(packet);
    if (type === EventType.TRANSACTION_PAYLOAD) return this.#unpack(packet.subarray(0, end), packet);
    this.#dispatch(packet, end, type);
  }

  /** Checks the checksum; returns the event's end without it. */
  #verify(packet: Buffer, type: number): number {
    if (type === EventType.ROTATE && (eventFlags(packet) & FLAG_ARTIFICIAL) !== 0) {
      // Written by the sending thread, with or without checksum as it thinks fit; the file before may have had another setting.
      if (checksumMatches(packet)) return packet.length - CHECKSUM_LENGTH;
      if (isFileName(packet)) return packet.length;
      throw new EventFault('LK1201', 'the checksum does not match');
    }
    if (!this.#checksums) return packet.length;
    if (!checksumMatches(packet)) throw new EventFault('LK1201', 'the checksum does not match');
    return packet.length - CHECKSUM_LENGTH;
  }

  #describe(packet: Buffer): void {
    const description = parseFormatDescription(packet);
    if (!this.#assembler.isIdle) {
      if (description.created === 0) throw undecodable('a new file begins within a transaction');
      // The server crashed while it wrote the transaction, and has started again.
      this.#assembler.abandon();
    }
    this.#position.advance(packet);
    this.#checksums = description.checksums;
    if (this.#description === null || !sameLayout(this.#description, description)) {
      this.#description = description;
      this.#assembler.format = description.unchecked;
    }
  }

  #dispatch(packet: Buffer, end: number, type: number): void {
    switch (type) {
      case EventType.TABLE_MAP:
        this.#assembler.requireOpen();
        this.#tables.learn(packet, end);
        return;
      case EventType.XID:
        this.#assembler.commit();
        return;
      case EventType.GTID:
      case EventType.GTID_TAGGED:
      case EventType.ANONYMOUS_GTID:
        this.#assembler.head(this.#gtids.read(packet, type, end), this.#groupStart());
        return;
      case EventType.QUERY:
        this.#query(packet.subarray(0, end), false);
        return;
      default:
        if (isRowsEvent(type)) this.#rows(packet, end, type);
        else this.#dispatchRare(packet.subarray(0, end), type);
    }
  }

  #dispatchRare(event: Buffer, type: number): void {
    switch (type) {
      case EventType.MARIADB_GTID:
        this.#mariadbGtid(event);
        return;
      case EventType.MARIADB_QUERY_COMPRESSED:
        this.#query(event, true);
        return;
      case EventType.XA_PREPARE: {
        const { xid, onePhase } = readXaPrepare(event);
        if (onePhase) this.#assembler.commit();
        else this.#assembler.prepare(xid);
        return;
      }
      case EventType.ROTATE:
        this.#position.rotate(event);
        if ((eventFlags(event) & FLAG_ARTIFICIAL) === 0) this.#rotated();
        return;
      case EventType.HEARTBEAT:
      case EventType.HEARTBEAT_V2: {
        const { journal, offset } = readHeartbeat(event, type);
        if (this.#assembler.isIdle) this.#position.reach(journal, offset);
        this.#assembler.heartbeat();
        return;
      }
      case EventType.INCIDENT:
        throw new EventFault('LK1204', `incident ${u16(event, HEADER_LENGTH)}: ${event.toString('utf8', HEADER_LENGTH + 3)}`);
      case EventType.INTVAR:
      case EventType.RAND:
      case EventType.USER_VAR:
      case EventType.LOAD:
      case EventType.CREATE_FILE:
      case EventType.APPEND_BLOCK:
      case EventType.EXEC_LOAD:
      case EventType.DELETE_FILE:
      case EventType.NEW_LOAD:
      case EventType.BEGIN_LOAD_QUERY:
      case EventType.EXECUTE_LOAD_QUERY:
        throw new EventFault('LK1205', 'it belongs to a change that was logged as a statement');
      case EventType.STOP:
      case EventType.IGNORABLE:
      case EventType.ROWS_QUERY:
      case EventType.PREVIOUS_GTIDS:
      case EventType.TRANSACTION_CONTEXT:
      case EventType.VIEW_CHANGE:
      case EventType.MARIADB_ANNOTATE_ROWS:
      case EventType.MARIADB_BINLOG_CHECKPOINT:
      case EventType.MARIADB_GTID_LIST:
      case EventType.MARIADB_START_ENCRYPTION:
        return;
      default:
        if ((eventFlags(event) & FLAG_IGNORABLE) === 0)
          throw new EventFault('LK1202', 'this event type is unknown and not marked as ignorable');
    }
  }

  #rows(packet: Buffer, end: number, type: number): void {
    this.#assembler.requireOpen();
    const event = readRowsEvent(packet, end, type, this.#tables);
    if (event === null) this.#memory.dropped(packet.length);
    else this.#assembler.add(this.#memory.keep(event), event.images.length);
  }

  #query(event: Buffer, compressed: boolean): void {
    const query = readQueryEvent(event);
    handleQuery(compressed ? inflateQuery(query) : query, this.#assembler, this.#flavor, this.#alter);
  }

  #mariadbGtid(event: Buffer): void {
    const { head, standalone, preparedXid, alter } = readMariadbGtid(event);
    this.#assembler.head(head, this.#groupStart());
    this.#alter = alter;
    if (preparedXid !== null) this.#assembler.beginXa(preparedXid, () => head);
    else if (!standalone) this.#assembler.begin(() => head);
  }

  /** A file has ended: with nothing else to say the position moves into the next one, so that the old one may be purged. */
  #rotated(): void {
    if (!this.#assembler.isIdle) throw undecodable('the file ends within a transaction');
    this.#assembler.heartbeat();
  }

  #groupStart(): PositionMark {
    return { journal: this.#position.journal, offset: this.#eventStart };
  }

  #unpack(event: Buffer, packet: Buffer): void | Promise<void> {
    const payload = readTransactionPayload(event);
    const cutter = new EventCutter((inner) => this.#takeInner(inner));
    if (payload.compression === 'zstd' && payload.uncompressedSize > UNPACK_AT_ONCE)
      return this.#unpackLarge(payload, cutter, packet);
    cutter.take(unpackPayload(payload));
    cutter.end();
  }

  async #unpackLarge(payload: TransactionPayload, cutter: EventCutter, packet: Buffer): Promise<void> {
    this.#busy = true;
    try {
      for await (const chunk of streamPayload(payload)) {
        cutter.take(chunk);
        await this.#room?.();
      }
      cutter.end();
    } catch (error) {
      throw this.#fail(error, packet);
    } finally {
      this.#busy = false;
    }
  }

  /** An event of a compressed transaction: no checksum, no position of its own. */
  #takeInner(event: Buffer): void {
    const type = eventType(event);
    if (type === EventType.FORMAT_DESCRIPTION || type === EventType.ROTATE || type === EventType.TRANSACTION_PAYLOAD) {
      throw undecodable(`a ${eventName(type)} event within a compressed transaction`);
    }
    this.#dispatch(event, event.length, type);
  }

  #fail(thrown: unknown, packet: Buffer): LockkeeperError {
    const type = packet.length < HEADER_LENGTH ? -1 : eventType(packet);
    this.#failed = streamError(thrown, {
      journal: this.#position.journal,
      offset: this.#eventStart,
      eventType: type,
      event: eventName(type),
    });
    return this.#failed;
  }
}

/** Whether the body of a ROTATE event, read to its last byte, is a binlog file name such as `binlog.000042`. */
function isFileName(event: Buffer): boolean {
  return /\.[0-9]{6,10}$/.test(event.toString('latin1', HEADER_LENGTH + 8));
}
