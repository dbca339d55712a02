import type { SourceSession } from './endpoint.ts';
import type { Flavor } from './position.ts';

/** What of a source decides how its names and statements are to be read. */
export interface SourceTraits {
  readonly flavor: Flavor;
  /** lower_case_table_names is 1 or 2: row events have names in lower case, statements as they were typed. */
  readonly lowerCaseNames: boolean;
  /** What time zone SYSTEM means there, as an offset such as '+02:00'. */
  readonly timeZone: string;
}

export async function readSourceTraits(session: SourceSession): Promise<SourceTraits> {
  const row = await session.row(
    `SELECT VERSION() AS version, @@GLOBAL.lower_case_table_names AS names,
       TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')) AS minutes`,
  );
  return {
    flavor: /mariadb/i.test(row['version'] ?? '') ? 'mariadb' : 'mysql',
    lowerCaseNames: row['names'] !== '0',
    timeZone: offsetText(Number(row['minutes'] ?? 0)),
  };
}

/** 90 as `+01:30`. */
export function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
