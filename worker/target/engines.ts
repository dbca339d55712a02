/** Engines whose rows are committed and rolled back with the checkpoint, and that show one state of the table throughout a snapshot. */
const TRANSACTIONAL: ReadonlySet<string> = new Set(['innodb', 'rocksdb', 'tokudb', 'ndbcluster', 'ndb']);

/** Engines whose tables hold no rows of their own: another engine would not make a table of them. */
const WITHOUT_ROWS: ReadonlySet<string> = new Set(['merge', 'mrg_myisam']);

/** What tables become at the target whose engine at the source has no transactions. */
export const TARGET_ENGINE = 'InnoDB';

export function isTransactional(engine: string): boolean {
  return TRANSACTIONAL.has(engine.toLowerCase());
}

/** Whether a table of this engine is made with TARGET_ENGINE at the target. */
export function isReplaced(engine: string): boolean {
  return !isTransactional(engine) && !WITHOUT_ROWS.has(engine.toLowerCase());
}
