import type { TransactionHead } from '../source/stream-item.ts';

/**
 * What the source says about how a run of consecutive transactions depends on others.
 *
 * MySQL numbers transactions per binlog file and tells for each the last one that it must come after (`last_committed`, made
 * from write sets or group commits). MariaDB marks transactions that committed as one group: none of them waited for another.
 * Source: MySQL internals, Gtid_event; MariaDB, Gtid_log_event FL_GROUP_COMMIT_ID.
 */
export interface Dependencies {
  /** Binlog file whose numbers these are; empty when the run says nothing (several files, or transactions without numbers). */
  readonly journal: string;
  readonly firstSequence: number;
  readonly maxLastCommitted: number;
  /** The one group commit that all belong to, 0 when none or several. */
  readonly commitGroup: number;
}

/** Must come after everything before it, and everything behind it after it. */
export const dependsOnAll: Dependencies = { journal: '', firstSequence: 0, maxLastCommitted: 0, commitGroup: 0 };

/** Whether `later` may be applied while `earlier`, which precedes it, is not committed yet. */
export function mayRunBeside(later: Dependencies, earlier: Dependencies): boolean {
  if (later.journal === '' || later.journal !== earlier.journal) return false;
  if (later.commitGroup !== 0 && later.commitGroup === earlier.commitGroup) return true;
  return earlier.firstSequence > 0 && later.firstSequence > 0 && later.maxLastCommitted < earlier.firstSequence;
}

/** Sums the dependencies of transactions as they are joined into a batch. */
export class DependencySum {
  #sum: Dependencies | null = null;

  add(head: TransactionHead, journal: string): void {
    const sum = this.#sum;
    if (sum === null) {
      const known = head.sequenceNumber > 0 || head.commitGroup !== 0;
      this.#sum = {
        journal: known ? journal : '',
        firstSequence: head.sequenceNumber,
        maxLastCommitted: head.lastCommitted,
        commitGroup: head.commitGroup,
      };
      return;
    }
    if (sum.journal === '') return;
    const known = journal === sum.journal && head.sequenceNumber > 0 === sum.firstSequence > 0;
    const commitGroup = head.commitGroup === sum.commitGroup ? sum.commitGroup : 0;
    this.#sum =
      known && (sum.firstSequence > 0 || commitGroup !== 0)
        ? { ...sum, commitGroup, maxLastCommitted: Math.max(sum.maxLastCommitted, head.lastCommitted) }
        : dependsOnAll;
  }

  /** The sum so far; begins anew. */
  take(): Dependencies {
    const sum = this.#sum ?? dependsOnAll;
    this.#sum = null;
    return sum;
  }
}
