import { EventFault, undecodable } from './stream-error.ts';
import type { PositionMark, RowsEvent, StatementContext, StreamItem, TransactionHead, XaItem } from './stream-item.ts';

/** What an item without rows takes in memory, about; and what an event takes beside its bytes. */
const ITEM_BYTES = 256;
const EVENT_BYTES = 160;

interface Savepoint {
  readonly name: string;
  /** Number of events, those in parts handed on included, before the savepoint. */
  readonly events: number;
}

/** `none`: between transactions. `head`: a GTID came, nothing else. `open`: BEGIN came. `xa`: an XA transaction is open. */
type Phase = 'none' | 'head' | 'open' | 'xa';

export interface AssemblerOptions {
  readonly emit: (item: StreamItem) => void;
  /** A transaction above so many bytes is handed on in parts. */
  readonly partBytes: number;
  /** Where the reader stands: after the event at hand. */
  readonly mark: () => PositionMark;
  /** The server that is read, for restart items. */
  readonly serverUuid: string;
}

/** Puts rows events together into transactions. Methods throw LK1203 when the source's events come in an impossible order. */
export class TransactionAssembler {
  readonly #options: AssemblerOptions;
  #phase: Phase = 'none';
  #head: TransactionHead | null = null;
  /** Of the XA transaction at hand. */
  #xid = '';
  #start: PositionMark;
  /** End of the last whole item, or the start of the stream. */
  #done: PositionMark;
  #events: RowsEvent[] = [];
  #bytes = ITEM_BYTES;
  #partEvents = 0;
  #savepoints: Savepoint[] = [];
  #format: Buffer = Buffer.alloc(0);

  constructor(options: AssemblerOptions) {
    this.#options = options;
    this.#start = this.#done = options.mark();
  }

  get isOpen(): boolean {
    return this.#phase === 'open' || this.#phase === 'xa';
  }

  get isIdle(): boolean {
    return this.#phase === 'none';
  }

  /** The FORMAT_DESCRIPTION for events to come. */
  set format(format: Buffer) {
    this.#format = format;
  }

  /** A GTID event; `start` is where it begins. */
  head(head: TransactionHead, start: PositionMark): void {
    if (this.#phase !== 'none') throw undecodable(`${describe(head)} begins within ${describe(this.#head)}`);
    this.#head = head;
    this.#start = start;
    this.#phase = 'head';
  }

  /** BEGIN. `fallback` is the head of a transaction without a GTID event. */
  begin(fallback: () => TransactionHead): void {
    if (this.isOpen) throw undecodable(`a transaction begins within ${describe(this.#head)}`);
    this.#head ??= fallback();
    this.#phase = 'open';
  }

  /** XA START. */
  beginXa(xid: string, fallback: () => TransactionHead): void {
    this.begin(fallback);
    this.#phase = 'xa';
    this.#xid = xid;
  }

  /** A rows event of a routed table, `bytes` long. */
  add(event: RowsEvent, bytes: number): void {
    if (this.#bytes > this.#options.partBytes && this.#events.length > 0) this.#emitPart(false);
    this.#events.push(event);
    this.#bytes += bytes + EVENT_BYTES;
  }

  requireOpen(): void {
    if (!this.isOpen) throw undecodable('rows come outside of a transaction');
  }

  savepoint(name: string): void {
    this.requireOpen();
    this.#savepoints = this.#savepoints.filter((known) => known.name !== name);
    this.#savepoints.push({ name, events: this.#partEvents + this.#events.length });
  }

  /**
   * Takes back what followed the savepoint. Servers log this only when their cache could not be cut itself (a temporary table
   * was made meanwhile); all rows in it are then of transactional tables, others are logged apart.
   */
  rollbackTo(name: string): void {
    this.requireOpen();
    const at = this.#savepoints.findLastIndex((known) => known.name === name);
    if (at === -1) throw undecodable(`ROLLBACK TO SAVEPOINT ${name}: there is no such savepoint`);
    const keep = this.#savepoints[at]!.events - this.#partEvents;
    if (keep < 0) {
      throw new EventFault(
        'LK1203',
        `ROLLBACK TO SAVEPOINT ${name} reaches back before a part of the transaction that was handed on`,
        { savepoint: name },
        `The transaction is larger than the ${this.#options.partBytes} bytes that are held in memory. Raise that limit and start again.`,
      );
    }
    this.#savepoints.length = at + 1;
    this.#events.length = keep;
  }

  /** XID, COMMIT, or an XA transaction committed in one phase. */
  commit(): void {
    if (!this.isOpen) throw undecodable('a commit comes outside of a transaction');
    if (this.#partEvents === 0) this.#emitTransaction();
    else {
      this.#emitPart(true);
      if (this.#phase === 'xa') this.#emitXa('xa-commit');
    }
    this.#finish();
  }

  /** ROLLBACK as the end of a logged transaction: its rows did not come to be, its GTID is used up. */
  rollback(): void {
    if (!this.isOpen) throw undecodable('a rollback comes outside of a transaction');
    this.#drop();
    this.#emitTransaction();
    this.#finish();
  }

  /** A GTID whose event changes nothing here. */
  empty(): void {
    if (this.#head === null) return;
    this.#emitTransaction();
    this.#finish();
  }

  /** The server went down before the end of the transaction: it never committed and will not come again. */
  abandon(): void {
    this.#drop();
    this.#finish();
  }

  /** XA_PREPARE of the open XA transaction. */
  prepare(xid: string): void {
    if (this.#phase !== 'xa') throw undecodable(`XA PREPARE ${xid} comes outside of an XA transaction`);
    if (xid !== this.#xid) throw undecodable(`XA PREPARE ${xid} comes within XA transaction ${this.#xid}`);
    this.#emitXa('xa-prepare');
    this.#finish();
  }

  /** XA COMMIT or XA ROLLBACK of a transaction prepared before. */
  verdict(kind: 'xa-commit' | 'xa-rollback', xid: string, fallback: () => TransactionHead): void {
    if (this.isOpen && this.#events.length > 0) throw undecodable(`the verdict on ${xid} comes within ${describe(this.#head)}`);
    this.#head ??= fallback();
    this.#xid = xid;
    this.#emitXa(kind);
    this.#finish();
  }

  /** A statement that commits itself. */
  statement(sql: Buffer, context: StatementContext, fallback: () => TransactionHead): void {
    const head = this.#head ?? fallback();
    const end = this.#options.mark();
    this.#options.emit({ kind: 'statement', head, sql, context, bytes: sql.length + ITEM_BYTES, end });
    this.#done = end;
    this.#finish();
  }

  /**
   * CREATE TABLE at the head of a transaction whose rows follow (CREATE TABLE ... SELECT). The position after it is the one
   * before the transaction, so that rows which did not follow come again with the statement.
   */
  statementBeforeRows(sql: Buffer, context: StatementContext): void {
    if (this.#partEvents + this.#events.length > 0) {
      throw new EventFault('LK1205', `a statement stands behind rows within ${describe(this.#head)}`, {
        statement: excerpt(sql),
      });
    }
    this.#options.emit({
      kind: 'statement',
      head: this.#head!,
      sql,
      context,
      bytes: sql.length + ITEM_BYTES,
      end: this.#start,
      beforeRows: true,
    });
  }

  heartbeat(): void {
    if (this.isIdle) this.#done = this.#options.mark();
    this.#options.emit({ kind: 'heartbeat', bytes: ITEM_BYTES, end: this.#done });
  }

  #emitTransaction(): void {
    this.#done = this.#options.mark();
    this.#options.emit({
      kind: 'transaction',
      head: this.#head!,
      events: this.#events,
      bytes: this.#bytes,
      end: this.#done,
      format: this.#format,
    });
  }

  /** `last`: nothing follows. What comes of a whole XA transaction is told by what ends it. */
  #emitPart(last: boolean): void {
    if (this.#phase === 'xa') return this.#emitXa('xa-part');
    const end = this.#options.mark();
    if (last) this.#done = end;
    const first = this.#partEvents === 0;
    const { events, bytes } = this.#takeEvents();
    this.#options.emit({ kind: 'part', head: this.#head!, events, bytes, first, last, end, format: this.#format });
  }

  #emitXa(kind: XaItem['kind']): void {
    const end = kind === 'xa-part' ? this.#start : this.#options.mark();
    if (kind !== 'xa-part') this.#done = end;
    const first = this.#partEvents === 0;
    const { events, bytes } = this.#takeEvents();
    this.#options.emit({ kind, head: this.#head!, xid: this.#xid, events, first, bytes, end, format: this.#format });
  }

  #takeEvents(): { events: readonly RowsEvent[]; bytes: number } {
    const [events, bytes] = [this.#events, this.#bytes];
    this.#partEvents += events.length;
    this.#events = [];
    this.#bytes = ITEM_BYTES;
    return { events, bytes };
  }

  /** Takes back all rows, parts that were handed on too. */
  #drop(): void {
    if (this.#partEvents > 0) {
      this.#options.emit({ kind: 'restart', bytes: 0, serverUuid: this.#options.serverUuid });
    }
    this.#events = [];
    this.#bytes = ITEM_BYTES;
    this.#partEvents = 0;
  }

  #finish(): void {
    this.#phase = 'none';
    this.#head = null;
    this.#events = [];
    this.#bytes = ITEM_BYTES;
    this.#partEvents = 0;
    if (this.#savepoints.length > 0) this.#savepoints = [];
  }
}

function describe(head: TransactionHead | null): string {
  if (head === null) return 'a transaction';
  return head.gtid === null ? 'an anonymous transaction' : `transaction ${head.gtid}`;
}

/** The begin of a statement, for error details. */
export function excerpt(sql: Buffer): string {
  return sql.toString('utf8', 0, 200);
}
