import { GtidSet } from '../source/gtid-set.ts';
import { MariadbPosition } from '../source/mariadb-position.ts';
import type { SourcePosition } from '../source/position.ts';
import type { PositionMark } from '../source/stream-item.ts';

/** GTIDs of positions that are asked again and again while catching up. */
const parsed = new WeakMap<SourcePosition, GtidSet | MariadbPosition>();

/** Whether everything up to and with a transaction lies before `position`: by GTID where both have one, else by file and offset. */
export function includes(position: SourcePosition, gtid: string | null, end: PositionMark): boolean {
  if (position.gtid !== null && gtid !== null) {
    let set = parsed.get(position);
    if (set === undefined) {
      set = position.flavor === 'mysql' ? GtidSet.parse(position.gtid) : MariadbPosition.parse(position.gtid);
      parsed.set(position, set);
    }
    return set.contains(gtid);
  }
  const order = compareJournals(end.journal, position.journal);
  return order < 0 || (order === 0 && end.offset <= position.offset);
}

/**
 * Whether what lies before `position` may still come at a transaction or behind it. With `binlog_order_commits = OFF` a transaction
 * that a snapshot did not see may stand in the binlog ahead of one that it saw; the place of the snapshot is behind both.
 */
export function mayPrecede(position: SourcePosition, gtid: string | null, end: PositionMark): boolean {
  return includes(position, gtid, end) || includes(position, null, end);
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
