import type { RowDataPacket } from 'mysql2';
import { errnoBehind } from '../../common/mysql-errors.ts';
import type { TableRoute } from '../source/table-map.ts';
import type { SourceReader } from './source-reader.ts';
import { nameOfTable } from './types.ts';

export interface ForeignTie {
  readonly child: TableRoute;
  readonly parent: TableRoute;
  /** A change of the parent changes rows of the child (CASCADE, SET NULL...), of which the source logs nothing. */
  readonly silent: boolean;
}

const ER_UNKNOWN_VARIABLE = 1193;

/** All foreign keys of the source. */
export async function readForeignTies(reader: SourceReader): Promise<ForeignTie[]> {
  const logged = await logsCascades(reader);
  const rows = await reader.query<RowDataPacket[]>(
    'SELECT CONSTRAINT_SCHEMA AS child_schema, TABLE_NAME AS child, UNIQUE_CONSTRAINT_SCHEMA AS parent_schema, ' +
      'REFERENCED_TABLE_NAME AS parent, DELETE_RULE AS on_delete, UPDATE_RULE AS on_update FROM information_schema.REFERENTIAL_CONSTRAINTS',
  );
  return rows.map((row) => {
    const [childSchema, child, parentSchema, parent, ...rules] = [
      'child_schema',
      'child',
      'parent_schema',
      'parent',
      'on_delete',
      'on_update',
    ].map((column) => text(row[column])) as [string, string, string, string, string, string];
    return {
      child: { schema: childSchema, table: child },
      parent: { schema: parentSchema, table: parent },
      silent: !logged && rules.some((rule) => rule !== 'RESTRICT' && rule !== 'NO ACTION'),
    };
  });
}

/** MySQL since 9.6 carries foreign keys out above its storage engine and logs what cascades do. */
async function logsCascades(reader: SourceReader): Promise<boolean> {
  try {
    const [[native]] = (await reader.values('SELECT @@GLOBAL.innodb_native_foreign_keys')) as [[Buffer]];
    return native.toString() === '0';
  } catch (error) {
    if (errnoBehind(error) === ER_UNKNOWN_VARIABLE) return false;
    throw error;
  }
}

/**
 * Groups of tables (`schema.table`) that must be read at one moment: tied to one another by foreign keys of which some work in
 * silence. Were parent and child read at different moments, the target would have to carry such a key out for rows of one
 * time and not of the other, which no server does. By table; those in no group are left out.
 */
export function tiedGroups(ties: readonly ForeignTie[]): Map<string, ReadonlySet<string>> {
  const groups = new Map<string, { members: Set<string>; silent: boolean }>();
  for (const { child, parent, silent } of ties) {
    const [a, b] = [child, parent].map((table) => {
      const name = nameOfTable(table);
      const group = groups.get(name) ?? { members: new Set([name]), silent: false };
      groups.set(name, group);
      return group;
    }) as [{ members: Set<string>; silent: boolean }, { members: Set<string>; silent: boolean }];
    a.silent ||= silent;
    if (a === b) continue;
    a.silent ||= b.silent;
    for (const member of b.members) {
      a.members.add(member);
      groups.set(member, a);
    }
  }
  return new Map([...groups].flatMap(([name, { members, silent }]) => (silent ? [[name, members] as const] : [])));
}

/** Under `SET NAMES binary` character columns may arrive as Buffers. */
function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}
