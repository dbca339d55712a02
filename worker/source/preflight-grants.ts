import { fault, fine, warning, type Finding } from '../../common/finding.ts';
import { grantedOn, parseGrants, showGrantsSql, type Grants } from '../../common/mysql-grants.ts';
import type { SourceSession } from './endpoint.ts';
import type { Flavor } from './position.ts';

/** Whether the account may follow the binlog and read the tables. */
export async function grantFindings(
  session: SourceSession,
  server: string,
  flavor: Flavor,
  needs: { readonly firstCopy: boolean },
): Promise<Finding[]> {
  const grants = await readGrants(session, flavor);
  const everywhere = (privilege: string) => grantedOn(grants, '*.*', privilege);
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

async function readGrants(session: SourceSession, flavor: Flavor): Promise<Grants> {
  const { role } = await session.row('SELECT CURRENT_ROLE() AS role');
  const rows = await session.query(showGrantsSql(flavor, role ?? null));
  return parseGrants(rows.flatMap((row) => Object.values(row).filter((text) => text !== null)));
}

function selectFinding(server: string, grants: Grants): Finding {
  const subject = `${server}: grant SELECT`;
  if (grantedOn(grants, '*.*', 'SELECT')) return fine(subject, 'granted on all tables');
  const scopes = [...grants.keys()].filter((scope) => scope !== '*.*' && grantedOn(grants, scope, 'SELECT'));
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
