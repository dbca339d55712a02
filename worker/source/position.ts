/** Which dialect a server speaks: it decides GTID format, dump request and event set. */
export type Flavor = 'mysql' | 'mariadb';

/**
 * A point between two transactions of a source's binlog: all before it is done, nothing after it.
 *
 * `gtid` is the executed set (MySQL, `uuid:1-5,...`) or the replica position (MariaDB, `0-1-17,...`), null where the
 * source writes anonymous transactions. `journal` and `offset` name the binlog file and the byte where the next event
 * starts; they are only meaningful together with `serverUuid`, the server that wrote that file.
 */
export interface SourcePosition {
  readonly flavor: Flavor;
  readonly serverUuid: string;
  readonly gtid: string | null;
  readonly journal: string;
  readonly offset: number;
  /** Commit time at the source of the last transaction before this point, microseconds since 1970; 0 when unknown. */
  readonly timestampMicros: number;
}
