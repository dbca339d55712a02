import { GtidSet } from './gtid-set.ts';
import { MariadbPosition } from './mariadb-position.ts';
import type { Flavor } from './position.ts';

/** What is done of a source, by GTID: an executed set (MySQL) or the last transaction of each domain (MariaDB). */
export type GtidTracker = GtidSet | MariadbPosition;

/** Reads a position's `gtid` in its flavour's form. Throws RangeError when it is not in that form. */
export function parseGtids(flavor: Flavor, gtid: string): GtidTracker {
  switch (flavor) {
    case 'mysql':
      return GtidSet.parse(gtid);
    case 'mariadb':
      return MariadbPosition.parse(gtid);
    default:
      return flavor satisfies never;
  }
}
