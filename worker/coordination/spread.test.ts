import { describe, expect, it } from 'vitest';
import type { PipelineRef } from './coordinator.ts';
import { eligibleWorkers, homeMoves, nextMove, preferences, type SeenWorker, type SpreadView } from './spread.ts';

const limits = { settledMs: 10_000, spreadIntervalMs: 30_000 };
const pipelines = (count: number, region = 'home'): PipelineRef[] =>
  Array.from({ length: count }, (_, i) => ({ name: `${region}-p${i}`, region }));
const workers = (...ids: string[]): SeenWorker[] => ids.map((id) => ({ id, region: 'home', seenForMs: 60_000 }));

function counts(leaders: ReadonlyMap<string, string>): Record<string, number> {
  const result: Record<string, number> = {};
  for (const leader of leaders.values()) result[leader] = (result[leader] ?? 0) + 1;
  return result;
}

/** Lets every worker move until none wants to; answers the moves. */
function settle(view: Omit<SpreadView, 'me' | 'sinceLastMoveMs'>, leaders: Map<string, string>) {
  const moves = [];
  for (;;) {
    const move = view.workers
      .map(({ id }) => nextMove({ ...view, me: id, leaders, sinceLastMoveMs: Infinity }, limits))
      .find((found) => found !== null);
    if (!move) return moves;
    moves.push(move);
    leaders.set(move.pipeline, move.to);
    expect(moves.length).toBeLessThan(100);
  }
}

describe('preferences', () => {
  it.each([
    [8, 2, [4, 4]],
    [8, 3, [2, 3, 3]],
    [7, 2, [3, 4]],
    [3, 5, [0, 0, 1, 1, 1]],
  ])('spread %i pipelines over %i workers as evenly as can be', (p, w, expected) => {
    const ids = Array.from({ length: w }, (_, i) => `w${i}`);
    const first = new Map([...preferences(pipelines(p), workers(...ids))].map(([name, ranked]) => [name, ranked[0]!]));
    const loads = ids.map((id) => counts(first)[id] ?? 0).sort();
    // The bound is the average rounded up, so a worker may be left with less than the average rounded down.
    expect(Math.max(...loads)).toBe(Math.max(...expected));
    expect(loads.reduce((a, b) => a + b)).toBe(p);
  });

  it('do not depend on the order in which workers and pipelines are seen', () => {
    const there = preferences(pipelines(8), workers('a', 'b', 'c'));
    const here = preferences(pipelines(8).reverse(), workers('c', 'a', 'b'));
    for (const [name, ranked] of there) expect(here.get(name)).toEqual(ranked);
  });

  it('rank every eligible worker once', () => {
    for (const ranked of preferences(pipelines(8), workers('a', 'b', 'c')).values())
      expect([...ranked].sort()).toEqual(['a', 'b', 'c']);
  });

  it('keep most first choices when a worker comes', () => {
    const before = preferences(pipelines(100), workers('a', 'b', 'c', 'd'));
    const after = preferences(pipelines(100), workers('a', 'b', 'c', 'd', 'e'));
    const changed = [...before].filter(([name, ranked]) => after.get(name)![0] !== ranked[0]).length;
    expect(changed).toBeLessThan(50);
  });

  it('name workers of the pipeline’s region, others only where it has none', () => {
    const mixed: SeenWorker[] = [...workers('h1', 'h2'), { id: 'e1', region: 'east', seenForMs: 0 }];
    expect(preferences(pipelines(1, 'east'), mixed).get('east-p0')).toEqual(['e1']);
    expect(preferences(pipelines(1, 'west'), mixed).get('west-p0')!.sort()).toEqual(['e1', 'h1', 'h2']);
    expect(eligibleWorkers({ name: 'p', region: 'home' }, mixed).map(({ id }) => id)).toEqual(['h1', 'h2']);
  });
});

describe('nextMove', () => {
  const all = pipelines(8);
  const ledBy = (ids: string[]) => new Map(all.map(({ name }, i) => [name, ids[i % ids.length]!]));

  it('evens out any start, with as few moves as it takes', () => {
    const leaders = ledBy(['a']);
    const moves = settle({ workers: workers('a', 'b', 'c'), pipelines: all, leaders }, leaders);
    expect(Object.values(counts(leaders)).sort()).toEqual([2, 3, 3]);
    expect(moves).toHaveLength(5);
  });

  it('gives a third worker its share', () => {
    const leaders = ledBy(['a', 'b']);
    expect(settle({ workers: workers('a', 'b', 'c'), pipelines: all, leaders }, leaders)).toHaveLength(2);
    expect(counts(leaders)).toEqual({ a: 3, b: 3, c: 2 });
  });

  it('asks one worker at a time', () => {
    const leaders = new Map(pipelines(10).map(({ name }, i) => [name, ['a', 'b', 'c', 'd', 'e'][i % 5]!]));
    const view = { workers: workers('a', 'b', 'c', 'd', 'e', 'f'), pipelines: pipelines(10), leaders };
    const movers = view.workers.filter(({ id }) => nextMove({ ...view, me: id, sinceLastMoveMs: Infinity }, limits));
    expect(movers.map(({ id }) => id)).toEqual(['a']);
  });

  it('leaves a difference of one alone', () => {
    const leaders = ledBy(['a', 'b', 'c']);
    expect(settle({ workers: workers('a', 'b', 'c'), pipelines: all, leaders }, leaders)).toEqual([]);
  });

  it('waits between two moves, and for a receiver to settle', () => {
    const view = { me: 'a', workers: workers('a', 'b'), pipelines: all, leaders: ledBy(['a']) };
    expect(nextMove({ ...view, sinceLastMoveMs: 29_999 }, limits)).toBeNull();
    expect(nextMove({ ...view, sinceLastMoveMs: 30_000 }, limits)).toMatchObject({ to: 'b' });
    const young = [view.workers[0]!, { id: 'b', region: 'home', seenForMs: 9_999 }];
    expect(nextMove({ ...view, workers: young, sinceLastMoveMs: Infinity }, limits)).toBeNull();
  });

  it('keeps pipelines in their region', () => {
    const mixed: SeenWorker[] = [...workers('h1'), { id: 'e1', region: 'east', seenForMs: 60_000 }];
    const view = { me: 'h1', workers: mixed, pipelines: all, leaders: ledBy(['h1']), sinceLastMoveMs: Infinity };
    expect(nextMove(view, limits)).toBeNull();
  });
});

describe('homeMoves', () => {
  const home = pipelines(4);
  const leaders = new Map(home.map(({ name }) => [name, 'e1']));
  const east: SeenWorker = { id: 'e1', region: 'east', seenForMs: 60_000 };
  const back = (seenForMs: number): SeenWorker[] => [east, ...workers('h1', 'h2').map((worker) => ({ ...worker, seenForMs }))];

  it('give pipelines back to their region once its workers have settled, spread over them', () => {
    expect(homeMoves({ me: 'e1', workers: back(9_999), pipelines: home, leaders }, 10_000)).toEqual([]);
    const moves = homeMoves({ me: 'e1', workers: back(10_000), pipelines: home, leaders }, 10_000);
    expect(moves.map(({ pipeline }) => pipeline)).toEqual(home.map(({ name }) => name));
    expect(counts(new Map(moves.map(({ pipeline, to }) => [pipeline, to])))).toEqual({ h1: 2, h2: 2 });
  });

  it('leave pipelines of the own region, and of one without workers, where they are', () => {
    const mine = pipelines(2, 'east');
    const orphaned = pipelines(2, 'west');
    const all = new Map([...mine, ...orphaned].map(({ name }) => [name, 'e1']));
    expect(homeMoves({ me: 'e1', workers: back(60_000), pipelines: [...mine, ...orphaned], leaders: all }, 10_000)).toEqual([]);
  });
});
