import { LockkeeperError, type ErrorCode } from '../../common/errors.ts';
import type { TableMap } from '../source/table-map.ts';
import { isTransactional } from './engines.ts';
import { columnFault } from './sql/column-fault.ts';
import { matchColumns } from './sql/source-column.ts';
import type { TableMetadata } from './table-metadata.ts';
import { historyFinding } from './versioning.ts';

export interface TableFinding {
  readonly code: ErrorCode;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly found?: string | undefined;
  readonly remedy?: string | undefined;
}

/** The finding as the end of what was under way; `table` is the target's. */
export function findingError({ code, message, found, remedy }: TableFinding, table: string): LockkeeperError {
  return new LockkeeperError(code, message, { found, remedy, details: { table } });
}

/** What stands against writing the table's rows in whatever way; null when nothing does. */
export function engineFinding(target: TableMetadata): TableFinding | null {
  if (isTransactional(target.engine)) return null;
  const name = `${target.schema}.${target.table}`;
  return {
    code: 'LK1314',
    severity: 'error',
    message: `${name} is a table without transactions`,
    found: `ENGINE=${target.engine}`,
    remedy: `At the target: ALTER TABLE \`${target.schema}\`.\`${target.table}\` ENGINE=InnoDB`,
  };
}

/**
 * What stands against writing a source table's rows as SQL statements into the target table. Differences that only some
 * values would suffer from (a character that is missing in the target's character set) are found here too where the types
 * tell; the rest is found when such a value arrives (LK1406).
 */
export function tableFindings(map: TableMap, target: TableMetadata | undefined): TableFinding[] {
  const name = map.route === null ? `${map.schema}.${map.table}` : `${map.route.schema}.${map.route.table}`;
  if (target === undefined) return [{ code: 'LK1307', severity: 'error', message: `the target has no table ${name}` }];
  const findings: TableFinding[] = [];
  const engine = engineFinding(target);
  if (engine !== null) findings.push(engine);
  const history = historyFinding(map, target);
  if (history !== null) return [...findings, history];
  const differences = columnDifferences(map, target);
  if (differences.length > 0) {
    findings.push({
      code: 'LK1308',
      severity: 'error',
      message: `${name} differs from the source’s ${map.schema}.${map.table}`,
      found: differences.join('; '),
    });
  }
  if (target.primaryKey === null && !target.uniqueKeys.some((key) => !key.nullable && !key.functional)) {
    findings.push({ code: 'LK1309', severity: 'warning', message: `${name} has no key: its rows are matched by all columns` });
  }
  if (target.triggers.length > 0) {
    findings.push({
      code: 'LK1310',
      severity: 'error',
      message: `${name} has triggers`,
      found: target.triggers.join(', '),
      remedy: `At the target: ${target.triggers.map((trigger) => `DROP TRIGGER \`${target.schema}\`.\`${trigger}\``).join('; ')}`,
    });
  }
  return findings;
}

function columnDifferences(map: TableMap, target: TableMetadata): string[] {
  const { pairs, missing, extra } = matchColumns(map, target);
  if (map.metadata.columnNames === null && map.columnCount !== target.columns.length) {
    return [
      `the source has ${map.columnCount} columns, the target ${target.columns.length}, and the source does not log names ` +
        '(binlog_row_metadata=FULL would)',
    ];
  }
  const differences = missing.map((column) => `column ${column} is missing in the target`);
  for (const pair of pairs) {
    // Generated columns are not written, so what they hold cannot be altered.
    if (pair.target.generated !== null) continue;
    const fault = columnFault(pair);
    if (fault !== null) differences.push(`column ${pair.target.name}: ${fault}`);
  }
  for (const column of extra) {
    if (!column.nullable && !column.hasDefault && !column.autoIncrement && column.generated === null) {
      differences.push(`column ${column.name} is only in the target and has no default`);
    }
  }
  return differences;
}
