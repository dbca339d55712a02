import type { RowDataPacket } from 'mysql2';
import { fault, fine, warning, type Finding } from '../../common/finding.ts';
import { grantedForSchema, parseGrants, showGrantsSql, type Grants } from '../../common/mysql-grants.ts';
import type { TargetSession } from './session.ts';

const ROWS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];
const TABLES = ['CREATE', 'ALTER', 'DROP', 'INDEX', 'REFERENCES'];

/** All privileges of the session's account. */
export async function readGrants(session: TargetSession): Promise<Grants> {
  const [row] = await session.query<RowDataPacket[]>('SELECT CURRENT_ROLE() AS role');
  const role = row?.['role'] == null ? null : String(row['role']);
  const rows = await session.query<RowDataPacket[]>(showGrantsSql(session.flavor, role));
  return parseGrants(rows.flatMap((each) => Object.values(each).map(String)));
}

/** Which of the privileges do not hold for all tables of the schema. */
export function lacking(grants: Grants, schema: string, privileges: readonly string[]): string[] {
  return privileges.filter((privilege) => !grantedForSchema(grants, schema, privilege));
}

/**
 * Whether the account may write the rows of these schemas, and make and change their tables. An account with privileges on single
 * tables only is warned of, not refused: whether these are the right ones shows when rows come.
 */
export function tableGrantFindings(server: string, grants: Grants, schemas: readonly string[]): Finding[] {
  return schemas.flatMap((schema) => {
    const subject = `${server}: grants on ${schema}.*`;
    const single = [...grants.keys()].some((scope) => scope.startsWith(`${schema}.`) && !scope.endsWith('.*'));
    const rows = lacking(grants, schema, ROWS);
    const tables = lacking(grants, schema, TABLES);
    const remedy = `GRANT ${[...rows, ...tables].join(', ')} ON \`${schema}\`.* to the account.`;
    if (rows.length > 0) {
      const found = `no ${[...rows, ...tables].join(', ')}`;
      return [
        single ? warning('LK1303', subject, `${found} but on single tables`, remedy) : fault('LK1303', subject, found, remedy),
      ];
    }
    if (tables.length === 0) return [fine(subject, 'rows may be written, tables made and changed')];
    return [
      warning('LK1303', subject, `no ${tables.join(', ')}: schema changes of the source, or the first copy, would stop`, remedy),
    ];
  });
}
