import { GtidSet } from './gtid-set.ts';
import { MariadbPosition } from './mariadb-position.ts';
import type { SourcePosition } from './position.ts';
import type { PositionMark, RestartItem, StreamItem, TransactionHead } from './stream-item.ts';

/** What is done of a source's binlog, moved on transaction by transaction. */
export class PositionTracker {
  readonly #flavor: SourcePosition['flavor'];
  readonly #gtids: GtidSet | MariadbPosition | null;
  #serverUuid: string;
  /** Takes effect with the new server's first mark: until then the old server's mark still stands. */
  #nextServerUuid: string;
  #journal: string;
  #offset: number;
  #timestampMicros: number;

  constructor(start: SourcePosition) {
    this.#flavor = start.flavor;
    this.#gtids = parseGtids(start);
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
      case 'transaction':
      case 'statement':
      case 'xa-prepare':
      case 'xa-commit':
      case 'xa-rollback':
        return this.advance(item.head, item.end);
      default:
        item satisfies never;
    }
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

function parseGtids({ flavor, gtid }: SourcePosition): GtidSet | MariadbPosition | null {
  if (gtid === null) return null;
  return flavor === 'mysql' ? GtidSet.parse(gtid) : MariadbPosition.parse(gtid);
}
