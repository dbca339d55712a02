import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TransactionItem } from '../../worker/source/stream-item.ts';
import { insertedValues, readTransactions } from '../matrix/binlog.ts';
import { casesFor, charsetCases, type MatrixCase } from '../matrix/cases.ts';
import { changeRows, charsetsOf, createTables, insertRows, shapesOf, tableName } from '../matrix/tables.ts';
import { expectSameData, startMariadb, startMysql, type DbServer } from '../servers/index.ts';
import { positionOf } from './source-helpers.ts';
import { runsOf, SqlApplier } from './sql-harness.ts';

let mysql: DbServer;
let mariadb: DbServer;

beforeAll(async () => {
  [mysql, mariadb] = await Promise.all([startMysql(), startMariadb()]);
});

afterAll(async () => {
  await Promise.all([mysql?.stop(), mariadb?.stop()]);
});

async function applyAll(server: DbServer, transactions: readonly TransactionItem[], carefully = false): Promise<void> {
  using applier = await SqlApplier.open(server);
  const { session, writer } = applier;
  for (const transaction of transactions) {
    const runs = runsOf(transaction);
    try {
      await (carefully ? writer.writeCarefully(runs) : writer.write(runs));
    } catch (error) {
      const tables = [...new Set(runs.map((run) => run.table.table))];
      throw new Error(
        `rows of ${tables.join()} were not written: ${String(error)} ${String((error as { found?: string }).found)}`,
        {
          cause: error,
        },
      );
    }
    await session.query('COMMIT');
  }
}

const routeInto = (from: string, to: string) => (schema: string, table: string) =>
  schema === from ? { schema: to, table } : null;

/** Writes the cases at the source and applies them; compares what both binlogs say was stored. */
async function replicate(
  source: DbServer,
  target: DbServer,
  name: string,
  cases: readonly MatrixCase[],
  typeAtTarget?: (each: MatrixCase) => string,
) {
  const [from, to] = [`${name}_src`, `${name}_dst`];
  await createTables(source, from, cases);
  await createTables(target, to, cases, typeAtTarget);
  const start = await positionOf(source);
  const targetStart = await positionOf(target);
  const rows = await insertRows(source, from, cases);
  const transactions = await readTransactions(source, start, routeInto(from, to));
  await applyAll(target, transactions);
  const written = insertedValues(transactions);
  const stored = insertedValues(await readTransactions(target, targetStart, routeInto(to, to)));
  return { from, to, rows, written, stored };
}

function hex(values: Map<string, (Buffer | null)[][]>, table: string): string[] {
  return (values.get(table) ?? []).map((row) => row.map((value) => (value === null ? 'NULL' : value.toString('hex'))).join(' '));
}

function expectSameBytes(result: Awaited<ReturnType<typeof replicate>>, cases: readonly MatrixCase[]): void {
  const wrong: string[] = [];
  let compared = 0;
  for (const each of cases) {
    for (const shape of shapesOf(each)) {
      const table = tableName(each, shape);
      const expected = hex(result.written, table);
      const found = hex(result.stored, table);
      compared += expected.length;
      expected.forEach((row, i) => {
        if (row !== found[i]) wrong.push(`${table} row ${i}: ${row.slice(0, 200)} became ${String(found[i]).slice(0, 200)}`);
      });
      if (expected.length !== found.length) wrong.push(`${table}: ${expected.length} rows became ${found.length}`);
    }
  }
  expect(wrong.slice(0, 30), `${wrong.length} rows differ`).toEqual([]);
  expect(compared).toBe(result.rows);
}

async function changeAndCompare(
  source: DbServer,
  target: DbServer,
  result: { from: string; to: string },
  cases: readonly MatrixCase[],
  carefully: boolean,
) {
  const start = await positionOf(source);
  await changeRows(source, result.from, cases);
  await applyAll(target, await readTransactions(source, start, routeInto(result.from, result.to)), carefully);
  await expectSameData(source, target, { schemaMap: { [result.from]: result.to } });
}

describe.each(['mysql', 'mariadb'] as const)('every type of %s', (flavor) => {
  const server = () => (flavor === 'mysql' ? mysql : mariadb);

  test.each(['fast', 'careful'] as const)('is stored byte for byte, changed and deleted (%s)', async (way) => {
    const cases = casesFor(flavor, flavor);
    expect(cases.reduce((count, each) => count + each.values.length, 0)).toBeGreaterThan(150);
    const result = await replicate(server(), server(), `types_${way}`, cases);
    expectSameBytes(result, cases);
    await changeAndCompare(server(), server(), result, cases, way === 'careful');
  });

  test('in each of its character sets', async () => {
    const cases = charsetCases(await charsetsOf(server()));
    expect(cases.length).toBeGreaterThan(100);
    const result = await replicate(server(), server(), 'charsets', cases);
    expectSameBytes(result, cases);
    await changeAndCompare(server(), server(), result, cases, false);
  });
});

describe('between families', () => {
  test.each([
    ['MySQL', 'MariaDB', () => [mysql, mariadb] as const],
    ['MariaDB', 'MySQL', () => [mariadb, mysql] as const],
  ])('%s to %s', async (_from, _to, servers) => {
    const [source, target] = servers();
    const cases = casesFor(source.flavor, target.flavor)
      .filter((each) => !each.type.startsWith('JSON'))
      // MariaDB does not keep the sign of zero.
      .map((each) => ({ ...each, values: each.values.filter((value) => target.flavor === 'mysql' || value !== '-0e0') }));
    const result = await replicate(source, target, 'types', cases);
    expectSameBytes(result, cases);
  });
});
