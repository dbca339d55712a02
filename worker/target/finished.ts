import type { RowDataPacket } from 'mysql2';
import { includes } from '../pipeline/includes.ts';
import type { SourcePosition } from '../source/position.ts';
import type { PositionMark } from '../source/stream-item.ts';
import type { Checkpoint } from './checkpoint.ts';
import { quote, type SqlRunner } from './session.ts';

export const finishedTableSql = `CREATE TABLE IF NOT EXISTS lockkeeper.applied (
  pipeline VARCHAR(330) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lane INT NOT NULL,
  epoch BIGINT UNSIGNED NOT NULL,
  guard_ok TINYINT NOT NULL DEFAULT 1,
  transactions LONGTEXT CHARACTER SET ascii NOT NULL,
  PRIMARY KEY (pipeline, lane),
  CONSTRAINT lockkeeper_lane_fence CHECK (guard_ok = 1)
) ENGINE=InnoDB`;

/** The row that holds what former leaders finished ahead of the checkpoint; lanes write over their own rows. */
const INHERITED = -1;

/** What a transaction is known by in the record of a lane: its GTID, or its place in the binlog where it has none. */
export function finishedKey(gtid: string | null, end: PositionMark): string {
  return gtid ?? `${end.journal}:${end.offset}`;
}

/** Whether the transaction of this key lies behind the position, so that it cannot come again. */
function isBehind(position: SourcePosition, key: string): boolean {
  const mark = /^(.*\.\d+):(\d+)$/.exec(key);
  if (mark !== null) return includes(position, null, { journal: mark[1]!, offset: Number(mark[2]) });
  return position.gtid !== null && includes(position, key, position);
}

/** Transactions behind the checkpoint that are in the target already. */
export class FinishedSet {
  readonly #keys: Set<string>;

  constructor(keys: Iterable<string> = []) {
    this.#keys = new Set(keys);
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  /** Whether the transaction is finished; it is asked for once, and forgotten. */
  take(key: string): boolean {
    return this.#keys.size > 0 && this.#keys.delete(key);
  }
}

/**
 * The record of one lane that commits out of order: in the transaction that writes a batch it notes which transactions that
 * were, until the checkpoint is behind them. Each lane has a row of its own, so lanes do not wait for one another, and the row
 * carries the leader's epoch as the checkpoint does.
 */
export class LaneRecord {
  readonly #where: string;
  readonly #epoch: number;
  /** Finished batches that the checkpoint has not reached, by their number. */
  #open: { readonly number: number; readonly keys: readonly string[] }[] = [];

  constructor(pipeline: string, lane: number, epoch: number) {
    this.#where = `WHERE pipeline=${quote(pipeline)} AND lane=${lane}`;
    this.#epoch = epoch;
  }

  /** SQL that records the batch beside those of this lane that are still ahead of the checkpoint; fails for an old leader. */
  finishSql(number: number, keys: readonly string[], checkpointed: number): string {
    this.#open = this.#open.filter((batch) => batch.number > checkpointed);
    const all = [...this.#open.flatMap((batch) => batch.keys), ...keys].join(',');
    this.#open.push({ number, keys });
    return (
      `UPDATE lockkeeper.applied SET guard_ok=(epoch=${this.#epoch}),transactions=${quote(all)} ${this.#where};` +
      'SET @lockkeeper_row=(SELECT 1 UNION SELECT 2-(ROW_COUNT()=1))'
    );
  }
}

/**
 * Makes the lanes' rows belong to this epoch (waiting for lane transactions of the former leader), and returns what they had
 * finished ahead of the checkpoint, which stands at `position`. That is kept in a row of its own until the checkpoint is behind
 * it: another leader may have to know it before. To be called after the epoch of the checkpoint was raised. `lanes`: how many will
 * record, 0 where they commit in order.
 */
export async function takeOverLanes(
  runner: SqlRunner,
  checkpoint: Checkpoint,
  lanes: number,
  position: SourcePosition | null,
): Promise<FinishedSet> {
  const { pipeline, epoch } = checkpoint;
  const key = quote(pipeline);
  // Holds the checkpoint's row until the end, so that an epoch that is over is never put back.
  await runner.query(checkpoint.fenceSql()).catch((error: unknown) => {
    throw checkpoint.explain(error);
  });
  const rows = [INHERITED, ...Array.from({ length: lanes }, (_, lane) => lane)].map((lane) => `(${key},${lane},${epoch},'')`);
  await runner.query(`INSERT IGNORE INTO lockkeeper.applied (pipeline, lane, epoch, transactions) VALUES ${rows.join(',')}`);
  await runner.query(`UPDATE lockkeeper.applied SET epoch=${epoch} WHERE pipeline=${key}`);
  const found = await runner.query<RowDataPacket[]>(`SELECT transactions FROM lockkeeper.applied WHERE pipeline=${key}`);
  const names = new Set(found.flatMap((row) => String(row['transactions']).split(',')).filter((name) => name !== ''));
  const ahead = [...names].filter((name) => position === null || !isBehind(position, name));
  await runner.query(
    `UPDATE lockkeeper.applied SET transactions=IF(lane=${INHERITED},${quote(ahead.join(','))},'') WHERE pipeline=${key}`,
  );
  await runner.query('COMMIT');
  return new FinishedSet(ahead);
}

/** SQL for the transaction that stores a new first position: what was finished before belongs to another history. */
export function forgetFinishedSql(pipeline: string): string {
  return `UPDATE lockkeeper.applied SET transactions='' WHERE pipeline=${quote(pipeline)}`;
}
