import { isDeepStrictEqual } from 'node:util';
import type { SourcePosition } from '../source/position.ts';
import type { TableCatchUp } from './types.ts';

/** A moment at which the source was read: the rows hold everything before `low` and nothing after `high`. */
export interface SnapshotPoint {
  readonly point: number;
  readonly low: SourcePosition;
  readonly high: SourcePosition;
  /** `low` and `high` are the same moment. */
  readonly exact: boolean;
}

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

/** Whether two positions name the same point of the log; their clocks do not count. */
export function samePlace(a: SourcePosition, b: SourcePosition): boolean {
  return isDeepStrictEqual({ ...a, timestampMicros: 0 }, { ...b, timestampMicros: 0 });
}
