import type { RowDataPacket } from 'mysql2';

/** Conditions under which the lenient SQL mode stores something else than was written. */
const ALTERED: ReadonlySet<number> = new Set([
  1048, // NULL into NOT NULL
  1263, // the same, within several rows
  1264, // out of range
  1265, // data truncated
  1292, // incorrect value
  1300, // invalid character string
  1364, // no default value
  1366, // incorrect value for column
  1406, // data too long
  1411, // incorrect value for function
  1416, // no geometry
  1918, // encountered illegal value when converting (MariaDB)
  3854, // cannot convert string between character sets
]);
const TRUNCATED = 1265;

/**
 * The first warning of a SHOW WARNINGS that says that a value was altered, or null. `expected` truncation warnings are let
 * pass: storing number 0 of an ENUM raises one although it is stored. `count` is what the server said to have raised.
 */
export function alteringWarning(rows: readonly RowDataPacket[], expected: number, count: number): string | null {
  let allowed = expected;
  for (const row of rows) {
    const code = Number(row['Code']);
    if (!ALTERED.has(code)) continue;
    if (code === TRUNCATED && allowed > 0) allowed--;
    else return `${code} ${String(row['Message'])}`;
  }
  return rows.length < count && count > expected ? `${count} warnings, of which the server shows ${rows.length}` : null;
}
