import { describe, expect, test } from 'vitest';
import type { Fingerprint } from './fingerprint.ts';
import { judge } from './recovery.ts';
import type { RecoveryPlan } from './rewrite.ts';

/** A table of schema s: `a=shape#identity`, `a=shape` without identity, `a` for none. */
function look(text: string): Fingerprint {
  const [, table, shape, identity] = /^(\w+)(?:=(\w+)(?:#(\w+))?)?$/.exec(text)!;
  return {
    schema: 's',
    table: table!,
    exists: shape !== undefined,
    definition: shape === undefined ? '' : `${table} ${shape}`,
    shape: shape ?? '',
    identity: identity ?? null,
  };
}

const looks = (text: string) => text.split(' ').map(look);

function moves(text: string): RecoveryPlan {
  return {
    kind: 'moves',
    moves: text.split(' ').map((pair) => {
      const [from, to] = pair.split('>') as [string, string];
      return { from: { schema: 's', table: from }, to: { schema: 's', table: to } };
    }),
  };
}

describe('judge', () => {
  test.each<[string, RecoveryPlan, string, string, string]>([
    ['what can be repeated is', { kind: 'repeat', sql: '' }, 'a=x', 'a=y', 'run'],
    ['an unchanged table', { kind: 'compare' }, 'a=x#1', 'a=x#1', 'run'],
    ['a rebuild without trace', { kind: 'compare' }, 'a=x#1', 'a=x#2', 'run'],
    ['a changed table', { kind: 'compare' }, 'a=x#1', 'a=y#1', 'done'],
    ['a created table', { kind: 'compare' }, 'a', 'a=x', 'done'],
    ['a renamed table', { kind: 'compare' }, 'a=x b', 'a b=y', 'done'],
    ['a partition exchanged', { kind: 'identity' }, 'a=x#1 b=y#2', 'a=x#2 b=y#1', 'done'],
    ['a partition not exchanged', { kind: 'identity' }, 'a=x#1 b=y#2', 'a=x#1 b=y#2', 'run'],
    ['an exchange that nobody can see', { kind: 'identity' }, 'a=x b=y', 'a=x b=y', 'unknown'],
    ['an exchange with a changed table', { kind: 'identity' }, 'a=x#1 b=y#2', 'a=z#1 b=y#2', 'unknown'],
    ['a move', moves('a>b'), 'a=x b', 'a b=x', 'done'],
    ['a move not made', moves('a>b'), 'a=x b', 'a=x b', 'run'],
    ['a move half made', moves('a>b c>d'), 'a=x b c=y d', 'a b=x c=y d', 'unknown'],
    ['a cut-over', moves('t>old new>t'), 't=x#1 old new=y#2', 't=y#2 old=x#1 new', 'done'],
    ['a cut-over not made', moves('t>old new>t'), 't=x#1 old new=y#2', 't=x#1 old new=y#2', 'run'],
    ['a swap of equal tables', moves('a>t b>a t>b'), 'a=x#1 t b=x#2', 'a=x#2 t b=x#1', 'done'],
    ['a swap of equal tables not made', moves('a>t b>a t>b'), 'a=x#1 t b=x#2', 'a=x#1 t b=x#2', 'run'],
    ['a swap of equal tables that nobody can see', moves('a>t b>a t>b'), 'a=x t b=x', 'a=x t b=x', 'unknown'],
    ['a swap of differing tables', moves('a>t b>a t>b'), 'a=x t b=y', 'a=y t b=x', 'done'],
    ['a swap of differing tables not made', moves('a>t b>a t>b'), 'a=x t b=y', 'a=x t b=y', 'run'],
    ['other tables than before', moves('a>t b>a t>b'), 'a=x#1 t b=x#2', 'a=x#1 t b=x#9', 'unknown'],
    ['another number of tables', { kind: 'compare' }, 'a=x', 'a=x b', 'unknown'],
  ])('%s', (_title, plan, before, now, verdict) => {
    expect(judge(plan, looks(before), looks(now))).toBe(verdict);
  });
});
