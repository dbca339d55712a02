import { LockkeeperError } from '../../common/errors.ts';
import { GtidSet } from './gtid-set.ts';
import { parseGtids, type GtidTracker } from './gtid-tracker.ts';
import { MariadbPosition } from './mariadb-position.ts';
import type { SourcePosition } from './position.ts';
import type { PositionMark, RestartItem, StreamItem, TransactionHead } from './stream-item.ts';

/** What is done of a source's binlog, moved on transaction by transaction. */
export class PositionTracker {
  readonly #flavor: SourcePosition['flavor'];
  readonly #gtids: GtidTracker | null;
  #serverUuid: string;
  /** Takes effect with the new server's first mark: until then the old server's mark still stands. */
  #nextServerUuid: string;
  #journal: string;
  #offset: number;
  #timestampMicros: number;

  /** Throws LK1110 when the position's GTIDs are none. */
  constructor(start: SourcePosition) {
    this.#flavor = start.flavor;
    this.#gtids = trackerOf(start);
    this.#serverUuid = start.serverUuid;
    this.#nextServerUuid = start.serverUuid;
    this.#journal = start.journal;
    this.#offset = start.offset;
    this.#timestampMicros = start.timestampMicros;
  }

  /** One more transaction or statement is done. */
  advance(head: TransactionHead, end: PositionMark): void {
    if (head.gtid !== null) this.#gtids?.add(head.gtid);
    this.#timestampMicros = head.commitMicros;
    this.moveTo(end);
  }

  /** Everything up to here is done, without a transaction (heartbeats, new files). */
  moveTo(end: PositionMark): void {
    this.#serverUuid = this.#nextServerUuid;
    this.#journal = end.journal;
    this.#offset = end.offset;
  }

  /** What follows was written by the server that the item names. */
  restart(item: RestartItem): void {
    this.#nextServerUuid = item.serverUuid;
  }

  /** Moves past a whole item; pieces of a transaction count with the last one. */
  take(item: StreamItem): void {
    switch (item.kind) {
      case 'restart':
        return this.restart(item);
      case 'heartbeat':
        return this.moveTo(item.end);
      case 'part':
        if (item.last) this.advance(item.head, item.end);
        return;
      case 'xa-part':
        return;
      case 'statement':
        if (item.beforeRows) return this.moveTo(item.end);
        return this.advance(item.head, item.end);
      case 'transaction':
      case 'xa-prepare':
      case 'xa-commit':
      case 'xa-rollback':
        return this.advance(item.head, item.end);
      default:
        item satisfies never;
    }
  }

  /** The server that wrote what comes next. */
  get server(): string {
    return this.#nextServerUuid;
  }

  /** Whether all these transactions are done. */
  hasDone(gtids: GtidTracker): boolean {
    const ours = this.#gtids;
    if (ours instanceof GtidSet && gtids instanceof GtidSet) return ours.containsSet(gtids);
    return ours instanceof MariadbPosition && gtids instanceof MariadbPosition && ours.containsSet(gtids);
  }

  position(): SourcePosition {
    return {
      flavor: this.#flavor,
      serverUuid: this.#serverUuid,
      gtid: this.#gtids === null ? null : this.#gtids.toString(),
      journal: this.#journal,
      offset: this.#offset,
      timestampMicros: this.#timestampMicros,
    };
  }
}

function trackerOf({ flavor, gtid }: SourcePosition): GtidTracker | null {
  if (gtid === null) return null;
  try {
    return parseGtids(flavor, gtid);
  } catch (error) {
    throw new LockkeeperError('LK1110', 'the GTIDs of the position cannot be read', { found: gtid.slice(0, 200), cause: error });
  }
}
