import type { TableMap } from './table-map.ts';

/** What a rows event does. The same words name a run of rows in the applier. */
export type RowOperation = 'insert' | 'update' | 'delete';

/**
 * One rows event of a routed table, undecoded. Buffers are views into received packets: valid as long as they are held,
 * never written to.
 */
export interface RowsEvent {
  readonly table: TableMap;
  readonly operation: RowOperation;
  /** Event type code from the header; PARTIAL_UPDATE_ROWS (39) images are not plain row images. */
  readonly type: number;
  /** Flags of the rows event (NO_FOREIGN_KEY_CHECKS 0x2, RELAXED_UNIQUE_CHECKS 0x4, SQL-layer foreign keys 0x10); STMT_END (0x1) is cleared. */
  readonly flags: number;
  /** The row images, one after the other; an update has before image, after image, before, after... All columns present. */
  readonly images: Buffer;
  /** Bytes between the 8-byte post-header (table id, flags) and the row images: extra data, column count, bitmaps. */
  readonly head: Buffer;
}

/** Where a transaction or statement stands in the source and how it depends on others. */
export interface TransactionHead {
  /** `uuid:gno`, `uuid:tag:gno`, or MariaDB's `domain-server-seq`; null when anonymous. */
  readonly gtid: string | null;
  /** Logical clock of the source (MySQL): may run beside all transactions with sequenceNumber > lastCommitted. 0 when unknown. */
  readonly lastCommitted: number;
  readonly sequenceNumber: number;
  /** MariaDB commit id of its group commit, 0 when none. */
  readonly commitGroup: number;
  /** Original commit time, microseconds since 1970. */
  readonly commitMicros: number;
  readonly serverId: number;
}

/** Binlog file and byte offset just after an item. */
export interface PositionMark {
  readonly journal: string;
  readonly offset: number;
}

/** A whole source transaction; `events` is empty when none of its tables is routed. */
export interface TransactionItem {
  readonly kind: 'transaction';
  readonly head: TransactionHead;
  readonly events: readonly RowsEvent[];
  readonly bytes: number;
  readonly end: PositionMark;
  /** The FORMAT_DESCRIPTION event under which the events were written, checksum algorithm set to none. */
  readonly format: Buffer;
}

/** A piece of a transaction too large to hold in memory. Pieces come in order; only the last one has `last`. */
export interface TransactionPartItem {
  readonly kind: 'part';
  readonly head: TransactionHead;
  readonly events: readonly RowsEvent[];
  readonly bytes: number;
  readonly first: boolean;
  readonly last: boolean;
  /** Within the transaction, but for the last piece: behind its begin, so no point between transactions lies in between. */
  readonly end: PositionMark;
  readonly format: Buffer;
}

/** Session context that travelled with a statement (QUERY event status variables). */
export interface StatementContext {
  readonly defaultSchema: string;
  readonly sqlMode: bigint | null;
  readonly flags2: number | null;
  /** character_set_client, collation_connection, collation_server ids. */
  readonly charset: { readonly client: number; readonly connection: number; readonly server: number } | null;
  readonly timeZone: string | null;
  readonly lcTimeNames: number | null;
  readonly databaseCollation: number | null;
  readonly defaultUtf8mb4Collation: number | null;
  readonly explicitDefaultsForTimestamp: boolean | null;
  readonly autoIncrement: { readonly increment: number; readonly offset: number } | null;
  readonly invoker: { readonly user: string; readonly host: string } | null;
  /** Statement time (SET TIMESTAMP), seconds since 1970 with microseconds as fraction. */
  readonly timestamp: number;
}

/** A statement that is no transaction control: DDL, or administrative SQL that the server logged as text. */
export interface StatementItem {
  readonly kind: 'statement';
  readonly head: TransactionHead;
  readonly sql: Buffer;
  readonly context: StatementContext;
  readonly bytes: number;
  /** Of a statement `beforeRows` the begin of the transaction that both belong to. */
  readonly end: PositionMark;
  /** CREATE TABLE ... SELECT: the rows follow as a transaction with the same head, which completes both. */
  readonly beforeRows?: true;
}

/**
 * XA transactions are logged in two pieces: the prepared rows, and later the verdict under the same xid. Rows too many to hold in memory
 * come in parts before XA PREPARE; one that is committed in one phase is a plain transaction, or parts with XA COMMIT behind them.
 */
export interface XaItem {
  readonly kind: 'xa-part' | 'xa-prepare' | 'xa-commit' | 'xa-rollback';
  readonly head: TransactionHead;
  /** The xid as the binlog writes it: X'gtrid',X'bqual',format. */
  readonly xid: string;
  /** Empty for the verdicts. */
  readonly events: readonly RowsEvent[];
  /** No part of this transaction came directly before. */
  readonly first: boolean;
  readonly bytes: number;
  readonly end: PositionMark;
  readonly format: Buffer;
}

/** The source is alive and everything up to `end` has been delivered; no rows. */
export interface HeartbeatItem {
  readonly kind: 'heartbeat';
  readonly bytes: number;
  readonly end: PositionMark;
}

/**
 * The stream begins anew after the last whole transaction: if parts of one were taken, roll the open target transaction
 * back, it comes again whole. Sent where a reconnect cut a transaction, or where another server is read from here on.
 */
export interface RestartItem {
  readonly kind: 'restart';
  readonly bytes: number;
  /** The server that wrote all that follows: marks of later items belong to it. */
  readonly serverUuid: string;
}

export type StreamItem = TransactionItem | TransactionPartItem | StatementItem | XaItem | HeartbeatItem | RestartItem;
