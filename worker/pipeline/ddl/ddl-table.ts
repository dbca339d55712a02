import type { RowDataPacket } from 'mysql2';
import { quote, type SqlRunner } from '../../target/session.ts';

/**
 * What became of a statement: `started` was written before it ran, `done` commits together with the checkpoint behind it.
 * `failed`: the target refused it. `refused`: Lockkeeper did not run it. A person sets `done` for a change made by hand, or
 * `absent` for one that is to run (again).
 */
export type DdlState = 'started' | 'failed' | 'refused' | 'done' | 'absent';

export const ddlTableSql = `CREATE TABLE IF NOT EXISTS lockkeeper.ddl (
  pipeline VARCHAR(330) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  gtid VARCHAR(128) CHARACTER SET ascii NULL,
  server_uuid VARCHAR(64) CHARACTER SET ascii NOT NULL,
  journal VARCHAR(512) CHARACTER SET utf8mb4 NOT NULL,
  position BIGINT UNSIGNED NOT NULL,
  statement LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
  sha256 CHAR(64) CHARACTER SET ascii NOT NULL,
  executed LONGTEXT CHARACTER SET utf8mb4 NULL,
  fingerprint LONGTEXT CHARACTER SET utf8mb4 NULL,
  error TEXT CHARACTER SET utf8mb4 NULL,
  epoch BIGINT UNSIGNED NOT NULL,
  started_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  finished_at TIMESTAMP(6) NULL,
  PRIMARY KEY (pipeline, id),
  KEY pipeline_state (pipeline, state, finished_at),
  CONSTRAINT ddl_state CHECK (state IN ('started', 'failed', 'refused', 'done', 'absent'))
) ENGINE=InnoDB`;

/** Texts are for people; longer ones are cut so that the record never meets max_allowed_packet. */
const MAX_TEXT = 100_000;
/** Records of finished statements are kept this long. */
const KEEP_DAYS = 90;

export interface DdlRecord {
  readonly id: string;
  readonly state: DdlState;
  /** As `encodeFingerprints` wrote it; null where nothing was to be compared. */
  readonly fingerprint: string | null;
  readonly statement: string;
}

export interface NewDdlRecord {
  readonly id: string;
  readonly state: 'started' | 'refused';
  readonly gtid: string | null;
  readonly serverUuid: string;
  readonly journal: string;
  readonly position: number;
  readonly statement: string;
  readonly sha256: string;
  readonly executed: string | null;
  readonly fingerprint: string | null;
  readonly error: string | null;
  readonly epoch: number;
}

/** The record of a statement, if any, and those of other statements of the pipeline whose outcome is open. */
export async function readDdlRecords(
  runner: SqlRunner,
  pipeline: string,
  id: string,
): Promise<{ own: DdlRecord | null; open: readonly DdlRecord[] }> {
  const key = quote(pipeline);
  const columns = 'SELECT id, state, fingerprint, statement FROM lockkeeper.ddl';
  const rows = await runner.query<RowDataPacket[]>(
    `${columns} WHERE pipeline=${key} AND id=${quote(id)} ` +
      `UNION ALL ${columns} WHERE pipeline=${key} AND state='started' AND id<>${quote(id)}`,
  );
  const records = rows.map((row) => ({
    id: text(row['id']),
    state: text(row['state']) as DdlState,
    fingerprint: row['fingerprint'] === null ? null : text(row['fingerprint']),
    statement: text(row['statement']),
  }));
  return { own: records.find((record) => record.id === id) ?? null, open: records.filter((record) => record.id !== id) };
}

/** Writes a statement's record anew; what an earlier attempt left is replaced. */
export function insertDdlSql(pipeline: string, record: NewDdlRecord): string {
  const orNull = (value: string | null) => (value === null ? 'NULL' : quote(value.slice(0, MAX_TEXT)));
  return (
    'REPLACE INTO lockkeeper.ddl (pipeline, id, state, gtid, server_uuid, journal, position, statement, sha256, executed, ' +
    `fingerprint, error, epoch) VALUES (${quote(pipeline)}, ${quote(record.id)}, '${record.state}', ${orNull(record.gtid)}, ` +
    `${quote(record.serverUuid)}, ${quote(record.journal)}, ${record.position}, ${orNull(record.statement)}, ` +
    `${quote(record.sha256)}, ${orNull(record.executed)}, ${record.fingerprint === null ? 'NULL' : quote(record.fingerprint)}, ` +
    `${orNull(record.error)}, ${record.epoch})`
  );
}

export function finishDdlSql(pipeline: string, id: string, state: 'done' | 'failed', error: string | null = null): string {
  return (
    `UPDATE lockkeeper.ddl SET state='${state}', finished_at=CURRENT_TIMESTAMP(6), ` +
    `error=${error === null ? 'NULL' : quote(error.slice(0, 10_000))} WHERE pipeline=${quote(pipeline)} AND id=${quote(id)}`
  );
}

/** Forgets statements that were finished long ago, a few at a time. */
export function pruneDdlSql(pipeline: string): string {
  return (
    `DELETE FROM lockkeeper.ddl WHERE pipeline=${quote(pipeline)} AND state='done' ` +
    `AND finished_at < CURRENT_TIMESTAMP(6) - INTERVAL ${KEEP_DAYS} DAY LIMIT 100`
  );
}

/** SQL for a person who has made the change of a statement by hand, or wants it to run (again). */
export function markDdlSql(pipeline: string, id: string, state: 'done' | 'absent'): string {
  return `UPDATE lockkeeper.ddl SET state='${state}' WHERE pipeline=${quote(pipeline)} AND id='${id}'`;
}

/** SQL that gives up on statements whose outcome is open: the tables that they were to change are copied anew. */
export function abandonDdlSql(pipeline: string): string {
  return `UPDATE lockkeeper.ddl SET state='absent' WHERE pipeline=${quote(pipeline)} AND state='started'`;
}

/** Under `SET NAMES binary` character columns may arrive as Buffers. */
function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}
