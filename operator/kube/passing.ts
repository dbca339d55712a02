import { Postponed } from './carry-out.ts';
import { isConflict } from './errors.ts';
import { Stale } from './stale.ts';

/** The world moved on meanwhile, or is not ready yet: part of the work, and nothing that anybody should hear of. */
export function isPassing(error: unknown): boolean {
  return isConflict(error) || error instanceof Stale || error instanceof Postponed;
}
