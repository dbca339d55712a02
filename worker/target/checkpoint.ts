import type { ResultSetHeader, RowDataPacket } from 'mysql2';
import { LockkeeperError } from '../../common/errors.ts';
import { serverErrno } from '../../common/mysql-errors.ts';
import type { Flavor, SourcePosition } from '../source/position.ts';
import { quote, type SqlRunner } from './session.ts';

/** Rows written since the pipeline began, as the target knows it. */
export interface RowTotals {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export interface StoredCheckpoint {
  readonly epoch: number;
  /** Null until the first position is recorded. */
  readonly position: SourcePosition | null;
  readonly transactions: number;
  readonly rows: RowTotals;
  /** Counts every checkpoint written: tells whether a COMMIT whose answer was lost took effect. */
  readonly sequence: number;
}

/** What one target transaction adds to the checkpoint. */
export interface CheckpointStep {
  readonly position: SourcePosition;
  readonly transactions: number;
  readonly rows: RowTotals;
}

const FORMAT = 1;

export const checkpointTableSql = `CREATE TABLE IF NOT EXISTS lockkeeper.checkpoint (
  pipeline VARCHAR(330) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  format INT NOT NULL DEFAULT ${FORMAT},
  epoch BIGINT UNSIGNED NOT NULL,
  guard_ok TINYINT NOT NULL DEFAULT 1,
  sequence BIGINT UNSIGNED NOT NULL DEFAULT 0,
  flavor VARCHAR(10) CHARACTER SET ascii NULL,
  server_uuid VARCHAR(64) CHARACTER SET ascii NULL,
  gtid_set MEDIUMTEXT CHARACTER SET ascii NULL,
  journal VARCHAR(512) CHARACTER SET utf8mb4 NULL,
  position BIGINT UNSIGNED NULL,
  source_micros BIGINT UNSIGNED NOT NULL DEFAULT 0,
  transactions BIGINT UNSIGNED NOT NULL DEFAULT 0,
  rows_inserted BIGINT UNSIGNED NOT NULL DEFAULT 0,
  rows_updated BIGINT UNSIGNED NOT NULL DEFAULT 0,
  rows_deleted BIGINT UNSIGNED NOT NULL DEFAULT 0,
  leader VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
  updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  CONSTRAINT lockkeeper_fence CHECK (guard_ok = 1)
) ENGINE=InnoDB`;

/** MySQL and MariaDB: a CHECK constraint refused the row. */
const FENCED = new Set([3819, 4025]);
/** "Subquery returns more than 1 row": how `exactlyOneRow` fails. */
const ROW_GONE = 1242;

/**
 * Fails with error 1242 unless the statement before it matched exactly one row. In one packet with COMMIT it makes a
 * vanished checkpoint row stop the transaction, where an affected-rows test in the client would come too late.
 */
const exactlyOneRow = 'SET @lockkeeper_row=(SELECT 1 UNION SELECT 2-(ROW_COUNT()=1))';

/**
 * The checkpoint row of one pipeline, held by one leader (its epoch). The row lives in the target and changes in the same
 * transaction as the rows it speaks of, so position and data can never disagree.
 */
export class Checkpoint {
  readonly pipeline: string;
  readonly epoch: number;
  readonly #where: string;

  private constructor(pipeline: string, epoch: number) {
    this.pipeline = pipeline;
    this.epoch = epoch;
    this.#where = `WHERE pipeline=${quote(pipeline)}`;
  }

  /**
   * Makes the caller the only one who can write for this pipeline: raises the epoch, waiting for a transaction of the former
   * leader that holds the row. Every later transaction of an older epoch fails in the database.
   *
   * `held`: the epoch that the caller has had in its term of leadership, if any. A newer one in the row means that the term is
   * over, whatever the caller knows: LK1401.
   */
  static async takeOver(
    runner: SqlRunner,
    pipeline: string,
    leader: string,
    held: number | null = null,
  ): Promise<{ checkpoint: Checkpoint; stored: StoredCheckpoint }> {
    const key = quote(pipeline);
    await runner.query<ResultSetHeader>(`INSERT IGNORE INTO lockkeeper.checkpoint (pipeline, epoch) VALUES (${key}, 0)`);
    const unlessNewer = held === null ? '' : ` AND epoch<=${held}`;
    const raised = await runner.query<ResultSetHeader>(
      `UPDATE lockkeeper.checkpoint SET epoch=epoch+1, leader=${quote(leader.slice(0, 255))} WHERE pipeline=${key}${unlessNewer}`,
    );
    if (raised.affectedRows === 0 && held !== null) {
      await runner.query<ResultSetHeader>('ROLLBACK');
      throw fencedError(pipeline, held);
    }
    const stored = await readCheckpoint(runner, pipeline);
    await runner.query<ResultSetHeader>('COMMIT');
    if (stored === null) throw new LockkeeperError('LK1311', 'the checkpoint row vanished while the epoch was raised');
    return { checkpoint: new Checkpoint(pipeline, stored.epoch), stored };
  }

  /** SQL that fails when a newer leader exists; to stand in a transaction that writes rows but moves no position. */
  fenceSql(): string {
    return `UPDATE lockkeeper.checkpoint SET guard_ok=(epoch=${this.epoch}) ${this.#where};${exactlyOneRow}`;
  }

  /** Fails with LK1401 when a newer leader exists. */
  async affirm(runner: SqlRunner): Promise<void> {
    try {
      await runner.query(`${this.fenceSql()};COMMIT`);
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** SQL that moves the checkpoint, or fails when a newer leader exists. Goes into the transaction that writes the rows. */
  advanceSql(step: CheckpointStep): string {
    const { position: p, rows } = step;
    return (
      `UPDATE lockkeeper.checkpoint SET guard_ok=(epoch=${this.epoch}),sequence=sequence+1,flavor='${p.flavor}',` +
      `server_uuid=${quote(p.serverUuid)},gtid_set=${p.gtid === null ? 'NULL' : quote(p.gtid)},` +
      `journal=${quote(p.journal)},position=${p.offset},source_micros=${p.timestampMicros},` +
      `transactions=transactions+${step.transactions},rows_inserted=rows_inserted+${rows.inserted},` +
      `rows_updated=rows_updated+${rows.updated},rows_deleted=rows_deleted+${rows.deleted} ${this.#where};${exactlyOneRow}`
    );
  }

  /** Turns a database error into the fencing error it stands for; other errors come back unchanged. */
  explain(error: unknown): unknown {
    const errno = serverErrno(error);
    if (errno === ROW_GONE) {
      return new LockkeeperError('LK1311', `the checkpoint row of ${this.pipeline} is gone from the target`, { cause: error });
    }
    if (errno === undefined || !FENCED.has(errno) || !(error as Error).message.includes('lockkeeper_')) return error;
    return fencedError(this.pipeline, this.epoch, error);
  }
}

/** What a leader is told whose epoch is over. */
export function fencedError(pipeline: string, epoch: number, cause?: unknown): LockkeeperError {
  return new LockkeeperError('LK1401', `a newer leader holds ${pipeline}; epoch ${epoch} may write no more`, {
    cause,
    details: { pipeline, epoch },
  });
}

/** The stored checkpoint, or null when the pipeline never ran against this target. Throws LK1311 for a row it cannot trust. */
export async function readCheckpoint(runner: SqlRunner, pipeline: string): Promise<StoredCheckpoint | null> {
  const [row] = await runner.query<RowDataPacket[]>(`SELECT * FROM lockkeeper.checkpoint WHERE pipeline=${quote(pipeline)}`);
  if (row === undefined) return null;
  if (Number(row['format']) !== FORMAT) {
    throw new LockkeeperError('LK1311', `the checkpoint of ${pipeline} was written by another version`, {
      found: `format ${row['format']}, this version reads ${FORMAT}`,
    });
  }
  return {
    epoch: Number(row['epoch']),
    position: row['journal'] === null ? null : positionOf(row),
    transactions: Number(row['transactions']),
    rows: { inserted: Number(row['rows_inserted']), updated: Number(row['rows_updated']), deleted: Number(row['rows_deleted']) },
    sequence: Number(row['sequence']),
  };
}

function positionOf(row: RowDataPacket): SourcePosition {
  return {
    flavor: text(row['flavor']) as Flavor,
    serverUuid: text(row['server_uuid']),
    gtid: row['gtid_set'] === null ? null : text(row['gtid_set']),
    journal: text(row['journal']),
    offset: Number(row['position']),
    timestampMicros: Number(row['source_micros']),
  };
}

/** Under `SET NAMES binary` character columns may arrive as Buffers. */
function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}

/** SQL that makes the pipeline a new one: what the target holds follows from no position any more. */
export function forgetPositionSql(pipeline: string): string {
  return (
    'UPDATE lockkeeper.checkpoint SET sequence=sequence+1,flavor=NULL,server_uuid=NULL,gtid_set=NULL,journal=NULL,position=NULL,' +
    `source_micros=0 WHERE pipeline=${quote(pipeline)}`
  );
}
