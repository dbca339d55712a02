import type { StoredSnapshot, StoredTable } from './snapshot-store.ts';
import { nameOfTable, type SnapshotTable } from './types.ts';

/** What a round does with the tables as they are at its moment. */
export interface RoundPlan {
  /** To be read. */
  readonly pending: readonly SnapshotTable[];
  /** Those of `pending` of which rows were copied that must go first. */
  readonly anew: readonly SnapshotTable[];
  /** Tables of the record that the source no longer has. */
  readonly gone: readonly StoredTable[];
}

export function isSettled(record: StoredTable): boolean {
  return record.state === 'done' || record.state === 'gone';
}

/** The record of a table, if it was made for the same target table. */
export function findRecord(stored: Pick<StoredSnapshot, 'tables'>, { source, target }: SnapshotTable): StoredTable | null {
  const known = (record: StoredTable) =>
    nameOfTable(record.source) === nameOfTable(source) && nameOfTable(record.target) === nameOfTable(target);
  return stored.tables.find(known) ?? null;
}

/**
 * Whether a round must be made. A table that the record does not know is a reason only when a run begins: one that comes later
 * comes with the stream too, since that begins before all rounds. One that is gone is settled once all tables of the point at
 * which it was missing are known: it may go on there under another name.
 */
export function roundIsNeeded(stored: StoredSnapshot, listed: readonly SnapshotTable[], first: boolean): boolean {
  const isOpen = (record: StoredTable) =>
    !isSettled(record) || (record.state === 'gone' && (record.settledPoint ?? 0) > (stored.listedPoint ?? 0));
  return stored.tables.some(isOpen) || (first && listed.some((table) => findRecord(stored, table) === null));
}

const NO_GROUP: ReadonlySet<string> = new Set();

/**
 * After each round the whole record speaks for the round's moment: every table was read then, or is what it was when it was read,
 * or does not exist. So whatever happened to several tables in one statement (RENAME, DROP DATABASE) lies before that moment
 * for all of them, or behind it.
 * `definitions` of the listed tables that exist; `tied`: see tiedGroups.
 */
export function planRound(
  stored: StoredSnapshot,
  listed: readonly SnapshotTable[],
  definitions: ReadonlyMap<string, string>,
  tied: ReadonlyMap<string, ReadonlySet<string>>,
): RoundPlan {
  const there = listed.filter(({ source }) => definitions.has(nameOfTable(source)));
  const wanted = new Set(
    there.filter((table) => {
      const record = findRecord(stored, table);
      const asRead = record?.state === 'done' && record.definition === definitions.get(nameOfTable(table.source));
      return !asRead;
    }),
  );
  const copied = (table: SnapshotTable) => findRecord(stored, table)?.chunks.some(({ point }) => point !== null) === true;
  const groups = new Set([...wanted].map(({ source }) => tied.get(nameOfTable(source))));
  const torn = there.filter((table) => groups.has(tied.get(nameOfTable(table.source)) ?? NO_GROUP) && copied(table));
  for (const table of torn) wanted.add(table);
  const settled = [...wanted].filter((table) => {
    const record = findRecord(stored, table);
    return record !== null && isSettled(record);
  });
  const names = new Set(there.map((table) => nameOfTable(table.source)));
  return {
    pending: there.filter((table) => wanted.has(table)),
    anew: [...new Set([...settled, ...torn])],
    gone: stored.tables.filter((record) => !names.has(nameOfTable(record.source))),
  };
}
