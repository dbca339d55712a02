import type { RowDataPacket } from 'mysql2';
import { ddlTableSql } from '../pipeline/ddl/ddl-table.ts';
import { xaTableSql } from '../pipeline/xa-store.ts';
import { snapshotTablesSql } from '../snapshot/snapshot-tables.ts';
import { checkpointTableSql } from './checkpoint.ts';
import { finishedTableSql } from './finished.ts';
import type { SqlRunner } from './session.ts';

/**
 * Creates what Lockkeeper keeps in the target, where it is missing. Creating is left out when everything is there, so that an
 * account without CREATE works once an administrator has made the schema.
 */
export async function ensureSchema(runner: SqlRunner): Promise<void> {
  const wanted = [checkpointTableSql, finishedTableSql, ddlTableSql, xaTableSql, ...snapshotTablesSql];
  const names = wanted.map((sql) => /lockkeeper\.(\w+)/.exec(sql)![1]!);
  const rows = await runner.query<RowDataPacket[]>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema='lockkeeper'",
  );
  const there = new Set(rows.map((row) => String(row['name'])));
  if (names.every((name) => there.has(name))) return;
  await runner.query('CREATE DATABASE IF NOT EXISTS lockkeeper');
  for (const sql of wanted) await runner.query(sql);
}
