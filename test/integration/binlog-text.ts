import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Flavor } from '../servers/db-server.ts';
import { findTool } from '../servers/process.ts';

const run = promisify(execFile);

/** A row change as mysqlbinlog prints it; values as text, by column. */
export interface PrintedRow {
  readonly operation: 'insert' | 'update' | 'delete';
  readonly table: string;
  readonly before: string[];
  readonly after: string[];
}

/** What lies between one GTID and the next. */
export interface PrintedGroup {
  readonly gtid: string;
  readonly lastCommitted: number;
  readonly sequenceNumber: number;
  readonly rows: PrintedRow[];
  /** The words XA PREPARE, XA COMMIT, XA ROLLBACK as they occur. */
  readonly xa: string[];
  end: number;
}

/** Prints a binlog file with the server's own tool, checksums verified, and reads back its transactions. */
export async function printedGroups(flavor: Flavor, file: string, size: number): Promise<PrintedGroup[]> {
  const command = findTool(flavor === 'mysql' ? 'mysqlbinlog' : 'mariadb-binlog');
  const args = ['--no-defaults', '--verify-binlog-checksum', '-v', '--base64-output=DECODE-ROWS', file];
  const { stdout } = await run(command, args, { encoding: 'latin1', maxBuffer: 1 << 30 });
  const groups: PrintedGroup[] = [];
  let group: PrintedGroup | undefined;
  let row: PrintedRow | undefined;
  let values: string[] = [];
  let at = 0;
  let clock = { lastCommitted: 0, sequenceNumber: 0 };
  const close = (): void => {
    if (group !== undefined) group.end = at;
    group = undefined;
  };
  const open = (gtid: string): void => {
    group = { gtid, ...clock, rows: [], xa: [], end: 0 };
    groups.push(group);
  };
  for (const line of stdout.split('\n')) {
    if (line.startsWith('###')) {
      const change = /^### (INSERT INTO|UPDATE|DELETE FROM) `(.*)`\.`(.*)`$/.exec(line);
      const value = /^### {3}@\d+=(.*)$/.exec(line);
      if (change !== null) {
        const operation = change[1] === 'UPDATE' ? 'update' : change[1] === 'DELETE FROM' ? 'delete' : 'insert';
        row = { operation, table: `${change[2]}.${change[3]}`, before: [], after: [] };
        group!.rows.push(row);
      } else if (line === '### WHERE') values = row!.before;
      else if (line === '### SET') values = row!.after;
      else if (value !== null) values.push(value[1]!);
      continue;
    }
    const place = /^# at (\d+)$/.exec(line);
    if (place !== null) at = Number(place[1]);
    const header = /^#\d{6}.* end_log_pos \d+ (?:CRC32 0x[0-9a-f]+ )?\t(.*)$/.exec(line);
    const what = header?.[1] ?? '';
    if (/^(GTID|Gtid list|Binlog checkpoint|Rotate|Stop)\b/.test(what)) close();
    const logical = /last_committed=(\d+)\tsequence_number=(\d+)/.exec(what);
    if (logical !== null) clock = { lastCommitted: Number(logical[1]), sequenceNumber: Number(logical[2]) };
    const mariadb = /^GTID (\d+-\d+-\d+)/.exec(what);
    if (mariadb !== null) open(mariadb[1]!);
    const mysql = /^SET @@SESSION.GTID_NEXT= '([0-9a-f-]{36}:[^']+)'/.exec(line);
    if (mysql !== null) open(mysql[1]!);
    const xa = /^XA (PREPARE|COMMIT|ROLLBACK) X'/.exec(line);
    if (xa !== null && !line.endsWith('ONE PHASE')) group?.xa.push(xa[1]!.toLowerCase());
  }
  if (group !== undefined) group.end = size;
  return groups;
}
