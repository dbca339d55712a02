import { parseGtids, type GtidTracker } from '../source/gtid-tracker.ts';
import type { SourcePosition } from '../source/position.ts';
import type { PositionTracker } from '../source/position-tracker.ts';
import type { PositionMark } from '../source/stream-item.ts';

/** GTIDs of positions that are asked again and again while catching up. */
const parsed = new WeakMap<SourcePosition, GtidTracker>();

function gtidsOf(position: SourcePosition & { readonly gtid: string }): GtidTracker {
  let gtids = parsed.get(position);
  if (gtids === undefined) {
    gtids = parseGtids(position.flavor, position.gtid);
    parsed.set(position, gtids);
  }
  return gtids;
}

function isNumbered(position: SourcePosition): position is SourcePosition & { readonly gtid: string } {
  return position.gtid !== null;
}

/** Whether everything up to and with a transaction lies before `position`: by GTID where both have one, else by file and offset. */
export function includes(position: SourcePosition, gtid: string | null, end: PositionMark): boolean {
  if (isNumbered(position) && gtid !== null) return gtidsOf(position).contains(gtid);
  const order = compareJournals(end.journal, position.journal);
  return order < 0 || (order === 0 && end.offset <= position.offset);
}

/**
 * Whether what lies before `position` may still come at a transaction or behind it. With `binlog_order_commits = OFF` a transaction
 * that a snapshot did not see may stand in the binlog ahead of one that it saw; the place of the snapshot is behind both. Another
 * server has places of its own, and may have written the same transactions in another order: there all of them must be done.
 * `stream`: what is done before the transaction.
 */
export function mayPrecede(position: SourcePosition, gtid: string | null, end: PositionMark, stream: PositionTracker): boolean {
  if (stream.server === position.serverUuid) return includes(position, gtid, end) || includes(position, null, end);
  return isNumbered(position) && !stream.hasDone(gtidsOf(position));
}

/**
 * Whether a stream that stands at `position` is past `moment`. With GTIDs each transaction tells by itself, and the answer is no. Without
 * them another server is gone on at only once all moments are passed, and its places do not compare with theirs.
 */
export function hasPassed(position: SourcePosition, moment: SourcePosition): boolean {
  if (position.gtid !== null && moment.gtid !== null) return false;
  return position.serverUuid !== moment.serverUuid || includes(position, null, moment);
}

/** Binlog files are numbered; the number grows beyond six digits without leading zeros. */
function compareJournals(a: string, b: string): number {
  const number = (name: string) => Number(name.slice(name.lastIndexOf('.') + 1));
  return number(a) - number(b);
}
