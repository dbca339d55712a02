import { createHash } from 'node:crypto';
import type { PipelineRef } from './coordinator.ts';

/** A live worker as another one sees it. */
export interface SeenWorker {
  readonly id: string;
  readonly region: string;
  /** How long ago this registration was seen first, milliseconds. */
  readonly seenForMs: number;
}

export interface SpreadLimits {
  /** A worker registered more recently is not handed anything. */
  readonly settledMs: number;
  /** Least time between two pipelines that one worker hands over to spread them. */
  readonly spreadIntervalMs: number;
}

export interface Move {
  readonly pipeline: string;
  readonly to: string;
}

/** The workers that may lead a pipeline: those of its region, all while there are none. */
export function eligibleWorkers<W extends { readonly region: string }>(pipeline: PipelineRef, workers: readonly W[]): W[] {
  const home = workers.filter(({ region }) => region === pipeline.region);
  return home.length > 0 ? home : [...workers];
}

/**
 * Each pipeline's workers, most preferred first, such that first choices are spread evenly. Every worker that sees the same
 * workers and pipelines finds the same, and few first choices change when a worker comes or goes: highest random weight
 * (rendezvous) hashing with a bound on each worker's load.
 */
export function preferences(
  pipelines: readonly PipelineRef[],
  workers: readonly { readonly id: string; readonly region: string }[],
): Map<string, string[]> {
  const result = new Map<string, string[]>();
  const load = new Map<string, number>();
  const demand = new Map<string, number>();
  for (const pipeline of pipelines) demand.set(pipeline.region, (demand.get(pipeline.region) ?? 0) + 1);
  for (const pipeline of [...pipelines].sort((a, b) => compare(a.name, b.name))) {
    const eligible = eligibleWorkers(pipeline, workers);
    const bound = Math.ceil((demand.get(pipeline.region) ?? 1) / Math.max(1, eligible.length));
    const key = (id: string) => `${pipeline.region}\0${id}`;
    const ranked = eligible
      .map(({ id }) => id)
      .sort((a, b) => weight(pipeline.name, b) - weight(pipeline.name, a) || compare(a, b));
    const first = ranked.find((id) => (load.get(key(id)) ?? 0) < bound);
    if (first === undefined) {
      result.set(pipeline.name, ranked);
      continue;
    }
    load.set(key(first), (load.get(key(first)) ?? 0) + 1);
    result.set(pipeline.name, [first, ...ranked.filter((id) => id !== first)]);
  }
  return result;
}

export interface SpreadView {
  readonly me: string;
  readonly workers: readonly SeenWorker[];
  readonly pipelines: readonly PipelineRef[];
  /** Pipeline name to the id of the worker that leads it. */
  readonly leaders: ReadonlyMap<string, string>;
  /** Since this worker last handed a pipeline over to spread them; Infinity if never. */
  readonly sinceLastMoveMs: number;
}

/**
 * The pipeline that this worker should hand over now so that the instance's pipelines are spread over its workers, or null.
 * Only the busiest worker hands over, one at a time, and only where it leads at least two more than the receiver: so every
 * move makes the spread more even, and the moves come to an end.
 */
export function nextMove(view: SpreadView, limits: SpreadLimits): Move | null {
  if (view.sinceLastMoveMs < limits.spreadIntervalMs) return null;
  const counts = new Map(view.workers.map(({ id }) => [id, 0]));
  for (const leader of view.leaders.values()) counts.set(leader, (counts.get(leader) ?? 0) + 1);
  const mine = counts.get(view.me) ?? 0;
  let best: (Move & { readonly load: number; readonly weight: number }) | null = null;
  for (const pipeline of view.pipelines) {
    if (view.leaders.get(pipeline.name) !== view.me) continue;
    const eligible = eligibleWorkers(pipeline, view.workers);
    if (!eligible.some(({ id }) => id === view.me)) continue; // to be yielded to its region, see homeMoves
    if (busiest(eligible, counts) !== view.me) continue;
    for (const { id, seenForMs } of eligible) {
      const load = counts.get(id) ?? 0;
      if (id === view.me || seenForMs < limits.settledMs || mine - load < 2) continue;
      const candidate = { pipeline: pipeline.name, to: id, load, weight: weight(pipeline.name, id) };
      if (best === null || load < best.load || (load === best.load && candidate.weight > best.weight)) best = candidate;
    }
  }
  return best && { pipeline: best.pipeline, to: best.to };
}

/** The pipelines that this worker leads for another region although workers of that region have come back, and who gets each. */
export function homeMoves(view: Omit<SpreadView, 'sinceLastMoveMs'>, settledMs: number): Move[] {
  const myRegion = view.workers.find(({ id }) => id === view.me)?.region;
  const settled = view.workers.filter(({ seenForMs }) => seenForMs >= settledMs);
  const preferred = preferences(view.pipelines, settled);
  const moves: Move[] = [];
  for (const pipeline of view.pipelines) {
    if (view.leaders.get(pipeline.name) !== view.me || pipeline.region === myRegion) continue;
    if (!settled.some(({ region }) => region === pipeline.region)) continue;
    const to = preferred.get(pipeline.name)?.[0];
    if (to !== undefined) moves.push({ pipeline: pipeline.name, to });
  }
  return moves;
}

/** The worker that leads most; of several the first by id. */
function busiest(workers: readonly SeenWorker[], counts: ReadonlyMap<string, number>): string | undefined {
  return [...workers].sort((a, b) => (counts.get(b.id) ?? 0) - (counts.get(a.id) ?? 0) || compare(a.id, b.id))[0]?.id;
}

/** The same on every worker, evenly distributed in 0 to 2^48 - 1. */
function weight(pipeline: string, worker: string): number {
  return createHash('sha256').update(`${pipeline}\0${worker}`).digest().readUIntBE(0, 6);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
