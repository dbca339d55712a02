import { createHash } from 'node:crypto';
import type { RowDataPacket } from 'mysql2';
import { serverErrno } from '../../common/mysql-errors.ts';
import { quote, type SqlRunner } from './session.ts';

const NO_SUCH_THREAD = 1094;
const NOT_OWNER = 1095;

/** Of a pipeline's own: names of locks are the whole server's, and have 64 characters at most. */
export function lockName(pipeline: string, suffix = ''): string {
  return `lockkeeper:${createHash('sha256').update(pipeline).digest('hex').slice(0, 40)}${suffix}`;
}

/** Takes the lock for this connection if nobody has it. It is given back with the connection at the latest. */
export async function tryLock(runner: SqlRunner, name: string): Promise<boolean> {
  const [row] = await runner.query<RowDataPacket[]>(`SELECT GET_LOCK(${quote(name)}, 0) AS taken`);
  return Number(row?.['taken']) === 1;
}

/** The connections that hold one of these locks, without this connection itself. */
export async function holdersOf(runner: SqlRunner, names: readonly string[]): Promise<number[]> {
  const holders = names.map((name) => `SELECT IS_USED_LOCK(${quote(name)}) AS holder`).join(' UNION ');
  const rows = await runner.query<RowDataPacket[]>(
    `SELECT holder FROM (${holders}) AS holders WHERE holder IS NOT NULL AND holder <> CONNECTION_ID()`,
  );
  return rows.map((row) => Number(row['holder']));
}

/** `refused`: it belongs to another account and ours may not end it. Its statement may go on for a while. */
export async function killConnection(runner: SqlRunner, connection: number): Promise<'told' | 'gone' | 'refused'> {
  try {
    await runner.query(`KILL ${connection}`);
    return 'told';
  } catch (error) {
    const errno = serverErrno(error);
    if (errno === NO_SUCH_THREAD) return 'gone';
    if (errno === NOT_OWNER) return 'refused';
    throw error;
  }
}
