/**
 * What a first copy keeps in the target. `snapshot` has one row for each pipeline, `snapshot_point` one for each moment at which
 * the source was read (`listed_point` is the last of which all tables are in the record), `snapshot_table` one for each table, `snapshot_chunk` one for each planned chunk; its `point` is NULL until
 * the chunk's rows are committed, which happens in the same transaction. Positions are SourcePosition as JSON, keys of chunks
 * are SQL literals as JSON.
 */
const pipeline = 'pipeline VARCHAR(330) CHARACTER SET ascii COLLATE ascii_bin NOT NULL';
const table = `${pipeline},
  source_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  source_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL`;
const json = 'LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';

/** A column of a table of the schema lockkeeper. */
export interface LaterColumn {
  readonly table: string;
  readonly column: string;
  readonly definition: string;
}

export const snapshotTablesSql: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS lockkeeper.snapshot (
  ${pipeline} PRIMARY KEY,
  format INT NOT NULL,
  state VARCHAR(10) CHARACTER SET ascii NOT NULL,
  mode VARCHAR(10) CHARACTER SET ascii NOT NULL DEFAULT 'Always',
  start_position ${json} NOT NULL,
  listed_point INT NULL,
  started_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  finished_at TIMESTAMP(6) NULL
) ENGINE=InnoDB`,
  `CREATE TABLE IF NOT EXISTS lockkeeper.snapshot_point (
  ${pipeline},
  point INT NOT NULL,
  low_position ${json} NOT NULL,
  high_position ${json} NOT NULL,
  exact TINYINT NOT NULL,
  PRIMARY KEY (pipeline, point)
) ENGINE=InnoDB`,
  `CREATE TABLE IF NOT EXISTS lockkeeper.snapshot_table (
  ${table},
  target_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  target_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  state VARCHAR(10) CHARACTER SET ascii NOT NULL,
  definition CHAR(64) CHARACTER SET ascii NOT NULL,
  created TINYINT NOT NULL,
  later_indexes ${json} NOT NULL,
  settled_point INT NULL,
  PRIMARY KEY (pipeline, source_schema, source_table)
) ENGINE=InnoDB`,
  `CREATE TABLE IF NOT EXISTS lockkeeper.snapshot_chunk (
  ${table},
  chunk INT NOT NULL,
  lower_key ${json} NULL,
  upper_key ${json} NULL,
  point INT NULL,
  row_count BIGINT NOT NULL DEFAULT 0,
  byte_count BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (pipeline, source_schema, source_table, chunk)
) ENGINE=InnoDB`,
];

/**
 * Columns that tables made by an earlier version may lack. Nobody knows the mode of a copy that such a version made: 'Always' keeps
 * the mode that its pipeline has today from being taken for one that is newly asked for.
 */
export const laterColumns: readonly LaterColumn[] = [
  { table: 'snapshot', column: 'mode', definition: "VARCHAR(10) CHARACTER SET ascii NOT NULL DEFAULT 'Always' AFTER state" },
  { table: 'snapshot', column: 'listed_point', definition: 'INT NULL AFTER start_position' },
];
