import type { RowDataPacket } from 'mysql2';
import type { SqlRunner } from '../session.ts';
import type { ColumnPair } from './source-column.ts';

/**
 * Where the members of a source ENUM or SET stand in the target's list (from 1, 0 = not there), or undefined when both lists
 * agree. Members that are no ASCII are converted by the target server, which knows the source's character set.
 */
export async function memberMap(session: SqlRunner, column: ColumnPair): Promise<readonly number[] | undefined> {
  const { members, target } = column;
  if (members === null || target.members === null) return undefined;
  const names = await memberNames(session, column.charset ?? target.charset ?? 'utf8mb4', members);
  const known = target.members;
  if (names.every((name, i) => name === known[i])) return undefined;
  // A name that stands twice in the list (see basicPlane) is not to be told apart.
  return names.map((name) => (known.indexOf(name) === known.lastIndexOf(name) ? known.indexOf(name) + 1 : 0));
}

/** information_schema has no characters above U+FFFF: it shows each as a question mark. */
function basicPlane(name: string): string {
  return name.replace(/[\u{10000}-\u{10ffff}]/gu, '?');
}

async function memberNames(session: SqlRunner, charset: string, members: readonly Buffer[]): Promise<string[]> {
  if (charset === 'utf8mb4' || charset === 'utf8mb3' || charset === 'ascii')
    return members.map((member) => basicPlane(member.toString('utf8')));
  const columns = members.map((member, i) => `HEX(CONVERT(_${charset} X'${member.toString('hex')}' USING utf8mb4)) AS m${i}`);
  const rows = await session.query<RowDataPacket[]>(`SELECT ${columns.join()}`);
  return members.map((_, i) => basicPlane(Buffer.from(String(rows[0]![`m${i}`]), 'hex').toString('utf8')));
}
