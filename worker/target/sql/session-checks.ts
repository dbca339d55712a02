import type { Flavor } from '../../source/position.ts';
import { CASCADES_LOGGED, NO_CHECK_CONSTRAINT_CHECKS, NO_FOREIGN_KEY_CHECKS } from '../row-flags.ts';
import type { RowRun } from '../row-run.ts';

export type SessionCheck = 'foreign_key_checks' | 'check_constraint_checks';

const NONE: readonly SessionCheck[] = [];
const FOREIGN_KEYS: readonly SessionCheck[] = ['foreign_key_checks'];
const CONSTRAINTS: readonly SessionCheck[] = ['check_constraint_checks'];
const BOTH: readonly SessionCheck[] = ['foreign_key_checks', 'check_constraint_checks'];

/** The checks that must be off while the run is written, as they were in the source's session. MySQL cannot switch CHECK constraints off. */
export function checksOff({ flags }: RowRun, target: Flavor): readonly SessionCheck[] {
  const foreignKeys = (flags & (NO_FOREIGN_KEY_CHECKS | CASCADES_LOGGED)) !== 0;
  const constraints = target === 'mariadb' && (flags & NO_CHECK_CONSTRAINT_CHECKS) !== 0;
  if (!foreignKeys) return constraints ? CONSTRAINTS : NONE;
  return constraints ? BOTH : FOREIGN_KEYS;
}

/** SQL that goes from one state to the other; null where they are the same. The lists are those of `checksOff`. */
export function switchChecks(from: readonly SessionCheck[], to: readonly SessionCheck[]): string | null {
  if (from === to) return null;
  const on = from.filter((check) => !to.includes(check)).map((check) => `${check}=1`);
  const off = to.filter((check) => !from.includes(check)).map((check) => `${check}=0`);
  return `SET ${[...on, ...off].join(',')}`;
}

/** Everything checked, as sessions begin. */
export const ALL_CHECKED = NONE;
