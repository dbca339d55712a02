import { LockkeeperError, type ErrorCode } from '../../common/errors.ts';
import type { Flavor } from '../source/position.ts';

/** CHECK constraints, which fence old leaders off, are enforced from here on; for MariaDB the oldest version that is tested. */
const MINIMUM: Readonly<Record<Flavor, { readonly version: readonly number[]; readonly code: ErrorCode }>> = {
  mysql: { version: [8, 0, 16], code: 'LK1312' },
  mariadb: { version: [10, 6, 0], code: 'LK1107' },
};

/** The code of what is wrong with a target of this version, or null. */
export function versionFault(flavor: Flavor, version: string): ErrorCode | null {
  const minimum = MINIMUM[flavor];
  const parts = version.split(/[.-]/).map((part) => Number.parseInt(part, 10));
  for (const [i, wanted] of minimum.version.entries()) {
    const found = parts[i] ?? 0;
    if (found > wanted) return null;
    if (found < wanted) return minimum.code;
  }
  return null;
}

/** Throws LK1312 or LK1107 before anything is written to a target on which an old leader could not be stopped. */
export function requireVersion({ flavor, version }: { readonly flavor: Flavor; readonly version: string }): void {
  const code = versionFault(flavor, version);
  if (code !== null) throw new LockkeeperError(code, undefined, { found: version });
}
