import type { RowDataPacket } from 'mysql2';
import { serverErrno } from '../../common/mysql-errors.ts';
import { ddlTableSql } from '../pipeline/ddl/ddl-table.ts';
import { xaTableSql } from '../pipeline/xa-store.ts';
import { laterColumns, snapshotTablesSql } from '../snapshot/snapshot-tables.ts';
import { checkpointTableSql } from './checkpoint.ts';
import { finishedTableSql } from './finished.ts';
import type { SqlRunner } from './session.ts';

const ER_DUP_FIELDNAME = 1060;

/**
 * Creates what Lockkeeper keeps in the target, where it is missing, columns of later versions too. Creating is left out when everything
 * is there, so that an account without CREATE works once an administrator has made the schema.
 */
export async function ensureSchema(runner: SqlRunner): Promise<void> {
  const wanted = [checkpointTableSql, finishedTableSql, ddlTableSql, xaTableSql, ...snapshotTablesSql];
  const names = wanted.map((sql) => /lockkeeper\.(\w+)/.exec(sql)![1]!);
  const rows = await runner.query<RowDataPacket[]>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema='lockkeeper'",
  );
  const there = new Set(rows.map((row) => String(row['name'])));
  if (!names.every((name) => there.has(name))) {
    await runner.query('CREATE DATABASE IF NOT EXISTS lockkeeper');
    for (const sql of wanted) await runner.query(sql);
  }
  await addColumns(runner);
}

async function addColumns(runner: SqlRunner): Promise<void> {
  const rows = await runner.query<RowDataPacket[]>(
    "SELECT table_name AS name, column_name AS col FROM information_schema.columns WHERE table_schema='lockkeeper'",
  );
  const there = new Set(rows.map((row) => `${row['name']}.${row['col']}`));
  for (const { table, column, definition } of laterColumns) {
    if (there.has(`${table}.${column}`)) continue;
    try {
      await runner.query(`ALTER TABLE lockkeeper.${table} ADD COLUMN ${column} ${definition}`);
    } catch (error) {
      // Another pipeline's worker was faster.
      if (serverErrno(error) !== ER_DUP_FIELDNAME) throw error;
    }
  }
}
