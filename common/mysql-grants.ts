/** Privileges of an account, by the scope they were granted on (`*.*`, `shop.*`, `shop.orders`). */
export type Grants = ReadonlyMap<string, ReadonlySet<string>>;

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

/** Whether the privilege was granted on exactly this scope. */
export function grantedOn(grants: Grants, scope: string, privilege: string): boolean {
  const given = grants.get(scope);
  return given !== undefined && (given.has(privilege) || given.has('ALL PRIVILEGES') || given.has('ALL'));
}

/** Whether the privilege holds for every table of the schema. Names of schemas in grants are LIKE patterns. */
export function grantedForSchema(grants: Grants, schema: string, privilege: string): boolean {
  return [...grants.keys()].some((scope) => {
    if (!grantedOn(grants, scope, privilege)) return false;
    return scope === '*.*' || (scope.endsWith('.*') && matchesLike(schema, scope.slice(0, -2)));
  });
}

function matchesLike(name: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('%', '.*')
    .replaceAll('_', '.');
  return new RegExp(`^${source}$`, 'i').test(name);
}

/** The statement that shows all privileges of this login. MySQL shows those of roles only when they are named; those that a login activates count. */
export function showGrantsSql(flavor: 'mysql' | 'mariadb', currentRole: string | null): string {
  const roles = flavor === 'mysql' && currentRole !== null && currentRole !== 'NONE' ? currentRole : null;
  return roles === null ? 'SHOW GRANTS' : `SHOW GRANTS FOR CURRENT_USER() USING ${roles}`;
}
