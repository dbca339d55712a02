import { ByteReader, u24, u32, u64 } from './bytes.ts';
import { eventServerId, eventTimestamp, HEADER_LENGTH } from './event-header.ts';
import { EventType } from './event-types.ts';
import { uuidText } from './gtid-set.ts';
import { xidText } from './statement-kind.ts';
import { undecodable } from './stream-error.ts';
import type { TransactionHead } from './stream-item.ts';
import { readTaggedGtid } from './tagged-gtid.ts';

const FLAGS_LENGTH = 1;
const UUID_LENGTH = 16;
const UUID_AT = HEADER_LENGTH + FLAGS_LENGTH;
const GNO_AT = UUID_AT + UUID_LENGTH;
const CLOCK_TYPE_AT = GNO_AT + 8;
const LAST_COMMITTED_AT = CLOCK_TYPE_AT + 1;
const SEQUENCE_NUMBER_AT = LAST_COMMITTED_AT + 8;
const TIMESTAMPS_AT = SEQUENCE_NUMBER_AT + 8;
const TIMESTAMP_LENGTH = 7;
/** The only value of the byte before the logical clock under which the clock is there. */
const LOGICAL_CLOCK = 2;
/** In the first commit timestamp: another one, of the original server, follows. */
const HAS_ORIGINAL = 0x80;

/** Reads the events that begin a transaction at a MySQL source. Keeps the text of the last UUID, most transactions share it. */
export class GtidEventReader {
  readonly #uuid = Buffer.alloc(UUID_LENGTH);
  #uuidText = '00000000-0000-0000-0000-000000000000';

  /**
   * GTID, ANONYMOUS_GTID or GTID_TAGGED; `end` is where a checksum may begin. Throws RangeError or LK1203.
   * Source: MySQL internals, Gtid_event: flags(1) uuid(16) gno(8) clock type(1) last committed(8) sequence number(8) commit
   * time(7) [original commit time(7)] transaction length, server versions, commit group ticket.
   */
  read(event: Buffer, type: number, end: number): TransactionHead {
    if (type === EventType.GTID_TAGGED) return this.#tagged(event, end);
    if (end < CLOCK_TYPE_AT) throw undecodable(`${end} bytes are too short`);
    let gtid: string | null = null;
    if (type === EventType.GTID) {
      const gno = u64(event, GNO_AT);
      if (gno < 1) throw undecodable('transaction number 0');
      gtid = `${this.#uuidOf(event)}:${gno}`;
    }
    let lastCommitted = 0;
    let sequenceNumber = 0;
    let commitMicros = 0;
    if (end >= TIMESTAMPS_AT && event[CLOCK_TYPE_AT] === LOGICAL_CLOCK) {
      lastCommitted = u64(event, LAST_COMMITTED_AT);
      sequenceNumber = u64(event, SEQUENCE_NUMBER_AT);
      commitMicros = originalCommitMicros(event, end);
    }
    return {
      gtid,
      lastCommitted,
      sequenceNumber,
      commitGroup: 0,
      commitMicros: commitMicros === 0 ? eventTimestamp(event) * 1e6 : commitMicros,
      serverId: eventServerId(event),
    };
  }

  #tagged(event: Buffer, end: number): TransactionHead {
    const fields = readTaggedGtid(new ByteReader(event, HEADER_LENGTH, end));
    const uuid = uuidText(fields.uuid);
    return {
      gtid: fields.tag === '' ? `${uuid}:${fields.gno}` : `${uuid}:${fields.tag}:${fields.gno}`,
      lastCommitted: fields.lastCommitted,
      sequenceNumber: fields.sequenceNumber,
      commitGroup: 0,
      commitMicros: fields.originalCommitMicros === 0 ? eventTimestamp(event) * 1e6 : fields.originalCommitMicros,
      serverId: eventServerId(event),
    };
  }

  #uuidOf(event: Buffer): string {
    for (let i = 0; i < UUID_LENGTH; i++) {
      if (event[UUID_AT + i] === this.#uuid[i]) continue;
      event.copy(this.#uuid, 0, UUID_AT, GNO_AT);
      this.#uuidText = uuidText(this.#uuid);
      break;
    }
    return this.#uuidText;
  }
}

/** 0 when the server (older than 8.0) does not say. */
function originalCommitMicros(event: Buffer, end: number): number {
  if (end < TIMESTAMPS_AT + TIMESTAMP_LENGTH) return 0;
  if ((event[TIMESTAMPS_AT + TIMESTAMP_LENGTH - 1]! & HAS_ORIGINAL) === 0) return u56(event, TIMESTAMPS_AT);
  if (end < TIMESTAMPS_AT + 2 * TIMESTAMP_LENGTH) throw undecodable('the original commit time is cut off');
  return u56(event, TIMESTAMPS_AT + TIMESTAMP_LENGTH);
}

function u56(buffer: Buffer, at: number): number {
  return u32(buffer, at) + u24(buffer, at + 4) * 0x1_0000_0000;
}

/** Flags of a MariaDB GTID event. Source: MariaDB Gtid_log_event. */
const STANDALONE = 0x01;
const GROUP_COMMIT_ID = 0x02;
const PREPARED_XA = 0x40;
const COMPLETED_XA = 0x80;
const EXTRA_MULTI_ENGINE = 0x01;
const EXTRA_START_ALTER = 0x02;
const EXTRA_COMMIT_ALTER = 0x04;
const EXTRA_ROLLBACK_ALTER = 0x08;

export interface MariadbGtid {
  readonly head: TransactionHead;
  /** One statement that commits itself follows; otherwise the event also says BEGIN. */
  readonly standalone: boolean;
  /** An XA transaction up to its XA PREPARE follows. */
  readonly preparedXid: string | null;
  /** Two-phase ALTER (binlog_alter_two_phase): the statement is logged at its start and again with its verdict. */
  readonly alter: 'none' | 'start' | 'commit' | 'rollback';
}

/**
 * A MariaDB GTID event, whole without checksum: sequence(8) domain(4) flags(1) [commit id(8)] [xid] [more flags].
 * The server id of the GTID is the one in the event's header.
 */
export function readMariadbGtid(event: Buffer): MariadbGtid {
  const reader = new ByteReader(event, HEADER_LENGTH);
  const sequence = reader.u64();
  const domain = reader.u32();
  const flags = reader.u8();
  const commitGroup = (flags & GROUP_COMMIT_ID) === 0 ? 0 : reader.u64();
  const xid = (flags & (PREPARED_XA | COMPLETED_XA)) === 0 ? null : readXid(reader);
  const extra = reader.left > 0 ? reader.u8() : 0;
  if ((extra & EXTRA_MULTI_ENGINE) !== 0) reader.skip(1);
  const serverId = eventServerId(event);
  return {
    head: {
      gtid: `${domain}-${serverId}-${sequence}`,
      lastCommitted: 0,
      sequenceNumber: 0,
      commitGroup,
      commitMicros: eventTimestamp(event) * 1e6,
      serverId,
    },
    standalone: (flags & STANDALONE) !== 0,
    preparedXid: (flags & PREPARED_XA) === 0 ? null : xid,
    alter: alterPhase(extra),
  };
}

/** format(4) gtrid length(1) bqual length(1) gtrid bqual. */
function readXid(reader: ByteReader): string {
  const format = reader.u32();
  const [gtrid, bqual] = [reader.u8(), reader.u8()];
  return xidText(reader.bytes(gtrid), reader.bytes(bqual), format);
}

function alterPhase(extra: number): MariadbGtid['alter'] {
  if ((extra & EXTRA_START_ALTER) !== 0) return 'start';
  if ((extra & EXTRA_COMMIT_ALTER) !== 0) return 'commit';
  return (extra & EXTRA_ROLLBACK_ALTER) !== 0 ? 'rollback' : 'none';
}

/** Flags word of MariaDB's Q_GTID_FLAGS3 status variable: an id of 8 bytes follows for these. */
export function alterFlagsCarryId(extra: number): boolean {
  return (extra & (EXTRA_COMMIT_ALTER | EXTRA_ROLLBACK_ALTER)) !== 0;
}
