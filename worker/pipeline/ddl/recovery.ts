import type { Fingerprint } from './fingerprint.ts';
import type { RecoveryPlan, TableName } from './rewrite.ts';

/** Whether an interrupted statement is to run (again), has taken effect, or cannot be judged. */
export type Verdict = 'run' | 'done' | 'unknown';

/**
 * Judges an interrupted statement by what it affects, before and now. Nobody else runs it meanwhile (the named lock), and both
 * servers make each of these statements whole or not at all, so there are two outcomes to tell apart.
 */
export function judge(plan: RecoveryPlan, before: readonly Fingerprint[], now: readonly Fingerprint[]): Verdict {
  if (before.length !== now.length) return 'unknown';
  switch (plan.kind) {
    case 'repeat':
      return 'run';
    case 'compare':
      // One that leaves the definition as it is (a rebuild, a counter) does no harm when it runs twice.
      return sameDefinitions(before, now) ? 'run' : 'done';
    case 'identity':
      if (!sameDefinitions(before, now)) return 'unknown';
      if (![...before, ...now].every(({ identity }) => identity !== null)) return 'unknown';
      return before.every((fingerprint, index) => fingerprint.identity === now[index]!.identity) ? 'run' : 'done';
    case 'moves':
      return judgeMoves(plan.moves, before, now);
    default:
      return plan satisfies never;
  }
}

function judgeMoves(
  moves: readonly { readonly from: TableName; readonly to: TableName }[],
  before: readonly Fingerprint[],
  now: readonly Fingerprint[],
): Verdict {
  const places = new Map(before.map((fingerprint) => [key(fingerprint), fingerprint]));
  for (const { from, to } of moves) {
    const moved = places.get(key(from));
    if (moved === undefined) return 'unknown';
    places.set(key(to), moved);
    places.set(key(from), { ...moved, exists: false });
  }
  const after = before.map((fingerprint) => places.get(key(fingerprint))!);
  const shows = (property: (fingerprint: Fingerprint) => string): Verdict => {
    const [was, is, expected] = [before, now, after].map((list) => list.map(property).join('\n'));
    if (was === expected) return 'unknown';
    return is === was ? 'run' : is === expected ? 'done' : 'unknown';
  };
  const byExistence = shows(({ exists }) => String(exists));
  if (byExistence !== 'unknown') return byExistence;
  const readable = [...before, ...now].every(({ exists, identity }) => !exists || identity !== null);
  if (readable) return shows(({ exists, identity }) => (exists ? identity! : '-'));
  return shows(({ exists, shape }) => (exists ? shape : '-'));
}

function sameDefinitions(before: readonly Fingerprint[], now: readonly Fingerprint[]): boolean {
  return before.every(({ exists, definition }, index) => exists === now[index]!.exists && definition === now[index]!.definition);
}

function key({ schema, table }: { readonly schema: string; readonly table: string | null }): string {
  return JSON.stringify([schema, table]);
}
