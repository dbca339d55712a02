import { fault, warning, type Finding } from '../../common/finding.ts';
import type { SnapshotTable } from '../snapshot/types.ts';
import type { ColumnMetadata, TableMetadata } from '../target/table-metadata.ts';

/**
 * What stands against copying one table, told from both definitions before any event has come. Differences that only matter to
 * SQL or only to Raw are found again, exactly, when the first event of the table arrives.
 */
export function compareTables(
  table: SnapshotTable,
  source: TableMetadata | undefined,
  target: TableMetadata | undefined,
  needs: { readonly firstCopy: boolean; readonly mode: 'Auto' | 'Raw' | 'Sql' },
): Finding[] {
  const subject = `table ${table.target.schema}.${table.target.table}`;
  const findings: Finding[] = [];
  if (source !== undefined && !hasKey(source)) {
    findings.push(warning('LK1309', subject, 'the source has no primary key and no unique key without NULL'));
  }
  if (target === undefined) {
    // The first copy makes the table from the source's definition.
    return needs.firstCopy ? findings : [...findings, fault('LK1307', subject, 'missing at the target')];
  }
  if (target.triggers.length > 0) {
    const found = target.triggers.join(', ');
    findings.push(
      needs.mode === 'Sql'
        ? fault('LK1310', subject, found)
        : warning('LK1310', subject, `${found} (not fired by Raw, but in the way where SQL must be used)`),
    );
  }
  if (source === undefined) return findings;
  const differences = columnDifferences(source, target);
  if (differences.length > 0) findings.push(fault('LK1308', subject, differences.join('; ')));
  return findings;
}

function hasKey(table: TableMetadata): boolean {
  return table.primaryKey !== null || table.uniqueKeys.some((key) => !key.nullable && !key.functional);
}

function columnDifferences(source: TableMetadata, target: TableMetadata): string[] {
  const differences: string[] = [];
  const there = new Map(target.columns.map((column) => [column.name.toLowerCase(), column]));
  for (const column of source.columns) {
    const twin = there.get(column.name.toLowerCase());
    there.delete(column.name.toLowerCase());
    if (twin === undefined) {
      if (column.generated === null) differences.push(`column ${column.name} is missing at the target`);
    } else if (normalType(column) !== normalType(twin) || (column.charset ?? '') !== (twin.charset ?? '')) {
      differences.push(`column ${column.name} is ${describe(column)} at the source and ${describe(twin)} at the target`);
    }
  }
  for (const column of there.values()) {
    if (!column.nullable && !column.hasDefault && !column.autoIncrement && column.generated === null) {
      differences.push(`column ${column.name} is only at the target and has no default`);
    }
  }
  return differences;
}

/** Display widths of integers are no part of the type; MySQL 8 dropped them, MariaDB prints them. */
function normalType(column: ColumnMetadata): string {
  return column.columnType.toLowerCase().replace(/^(tinyint|smallint|mediumint|int|bigint)\(\d+\)/, '$1');
}

function describe(column: ColumnMetadata): string {
  return column.charset === null ? column.columnType : `${column.columnType} ${column.charset}`;
}
