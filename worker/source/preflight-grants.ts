import { fault, fine, warning, type Finding } from '../../common/finding.ts';
import type { SourceSession } from './endpoint.ts';
import type { Flavor } from './position.ts';

/** Privileges of an account, by the scope they were granted on (`*.*`, `shop.*`). */
export type Grants = ReadonlyMap<string, ReadonlySet<string>>;

/** Whether the account may follow the binlog and read the tables. */
export async function grantFindings(
  session: SourceSession,
  server: string,
  flavor: Flavor,
  needs: { readonly firstCopy: boolean },
): Promise<Finding[]> {
  const grants = parseGrants(
    (await readGrants(session, flavor)).flatMap((row) => Object.values(row).filter((text) => text !== null)),
  );
  const everywhere = (privilege: string) => has(grants, '*.*', privilege);
  const findings: Finding[] = [];
  const expect = (names: readonly string[], subject: string) => {
    if (names.some(everywhere)) findings.push(fine(`${server}: ${subject}`, 'granted'));
    else findings.push(fault('LK1103', `${server}: ${subject}`, 'not granted'));
  };
  // MariaDB calls them both ways; SHOW GRANTS prints the new names.
  expect(['REPLICATION SLAVE', 'REPLICATION REPLICA'], 'grant REPLICATION SLAVE');
  if (flavor === 'mysql') expect(['REPLICATION CLIENT'], 'grant REPLICATION CLIENT');
  else expect(['BINLOG MONITOR', 'REPLICATION CLIENT'], 'grant BINLOG MONITOR');
  findings.push(selectFinding(server, grants));
  if (needs.firstCopy) findings.push(...firstCopyFindings(server, flavor, everywhere));
  return findings;
}

/** MySQL shows the privileges of roles only when they are named; those that a login activates count. */
async function readGrants(session: SourceSession, flavor: Flavor): Promise<Readonly<Record<string, string | null>>[]> {
  if (flavor === 'mariadb') return session.query('SHOW GRANTS');
  const { roles } = await session.row('SELECT CURRENT_ROLE() AS roles');
  return session.query(roles === null || roles === 'NONE' ? 'SHOW GRANTS' : `SHOW GRANTS FOR CURRENT_USER() USING ${roles}`);
}

function selectFinding(server: string, grants: Grants): Finding {
  const subject = `${server}: grant SELECT`;
  if (has(grants, '*.*', 'SELECT')) return fine(subject, 'granted on all tables');
  const scopes = [...grants.keys()].filter((scope) => scope !== '*.*' && has(grants, scope, 'SELECT'));
  if (scopes.length > 0) return fine(subject, `granted on ${scopes.join(', ')}`);
  return fault('LK1103', subject, 'granted on no table');
}

function firstCopyFindings(server: string, flavor: Flavor, everywhere: (privilege: string) => boolean): Finding[] {
  const wanted = flavor === 'mysql' ? ['RELOAD', 'BACKUP_ADMIN'] : ['RELOAD'];
  const remedy = 'GRANT it ON *.* for the time of the first copy.';
  return wanted.map((privilege) => {
    const subject = `${server}: grant ${privilege}`;
    if (everywhere(privilege)) return fine(subject, 'granted');
    return warning(
      'LK1602',
      subject,
      'not granted: the first copy cannot hold writes still for the moment in which it takes its position',
      remedy,
    );
  });
}

function has(grants: Grants, scope: string, privilege: string): boolean {
  const given = grants.get(scope);
  return given !== undefined && (given.has(privilege) || given.has('ALL PRIVILEGES') || given.has('ALL'));
}

/** Lines of SHOW GRANTS. Grants of columns and routines and of roles are left out. */
export function parseGrants(lines: readonly string[]): Grants {
  const grants = new Map<string, Set<string>>();
  for (const line of lines) {
    const match = /^GRANT (.+?) ON (?!PROCEDURE|FUNCTION|PACKAGE)(\S+) TO /.exec(line);
    if (match === null) continue;
    const scope = match[2]!.replaceAll('`', '').replaceAll('\\', '');
    const privileges = grants.get(scope) ?? new Set<string>();
    for (const privilege of match[1]!.replace(/\([^)]*\)/g, '').split(',')) privileges.add(privilege.trim().toUpperCase());
    grants.set(scope, privileges);
  }
  return grants;
}
