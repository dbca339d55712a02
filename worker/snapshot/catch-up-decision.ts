import { isDeepStrictEqual } from 'node:util';
import type { SourcePosition } from '../source/position.ts';
import type { SnapshotPoint, StoredSnapshot, StoredTable } from './snapshot-store.ts';
import type { CatchUpPlan, TableCatchUp } from './types.ts';

/**
 * How the stream, which begins at `start`, brings a table up to date whose chunks were read at the points `used`.
 * Points are numbered in the order of time, so the last one is where all parts agree.
 */
export function decideCatchUp(start: SourcePosition, used: readonly SnapshotPoint[]): TableCatchUp {
  const last = used.reduce<SnapshotPoint | null>(
    (latest, point) => (latest === null || point.point > latest.point ? point : latest),
    null,
  );
  if (last === null) return { kind: 'none' };
  const together = used.every((point) => point.point === last.point);
  if (!together || !last.exact) return { kind: 'convergeUntil', position: last.high };
  return samePlace(start, last.high) ? { kind: 'none' } : { kind: 'skipUntil', position: last.high };
}

/** How the stream brings up to date what a first copy read. */
export function catchUpOf({ start, points, listedPoint, tables }: StoredSnapshot): CatchUpPlan {
  const numbered = new Map(points.map((point) => [point.point, point]));
  // An earlier version did not record it; where chunks are, all tables of their point were in the record before.
  const listed = listedPoint ?? Math.max(0, ...tables.flatMap((table) => pointsOf(table)));
  return {
    tables: tables.map((table) => {
      const { source, state, settledPoint } = table;
      if (state === 'gone') return { ...source, catchUp: skipUntilBegin(start, numbered.get(settledPoint ?? 0)) };
      const used = new Set([...pointsOf(table), ...(settledPoint === null ? [] : [settledPoint])]);
      return {
        ...source,
        catchUp: decideCatchUp(
          start,
          [...used].map((point) => numbered.get(point)!),
        ),
      };
    }),
    others: skipUntilBegin(start, numbered.get(listed)),
  };
}

function pointsOf({ chunks }: StoredTable): number[] {
  return chunks.flatMap(({ point }) => (point === null ? [] : [point]));
}

/** For tables that did not exist at a point. */
function skipUntilBegin(start: SourcePosition, point: SnapshotPoint | undefined): TableCatchUp {
  if (point === undefined || samePlace(start, point.low)) return { kind: 'none' };
  return { kind: 'skipUntil', position: point.low };
}

/** Whether two positions name the same point of the log; their clocks do not count. */
export function samePlace(a: SourcePosition, b: SourcePosition): boolean {
  return isDeepStrictEqual({ ...a, timestampMicros: 0 }, { ...b, timestampMicros: 0 });
}
