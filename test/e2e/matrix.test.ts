import { afterAll, beforeAll, expect, test } from 'vitest';
import { casesFor, charsetCases, matrixSession, type MatrixCase } from '../matrix/cases.ts';
import { changeRows, charsetsOf, createTables, insertRows, shapesOf, tableName } from '../matrix/tables.ts';
import { expectSameData, startMariadb, startMysql, type DbServer, type Flavor } from '../servers/index.ts';
import { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { instanceDocuments, pipelineDocuments, writeManifest } from '../support/manifests.ts';

/**
 * Every type, value and character set through the real process: from both families into both families, with rows replayed
 * and with rows written as SQL, streamed and copied. One pipeline for each way, all of them on the same changes.
 */

const families = ['mysql', 'mariadb'] as const;

interface Way {
  readonly name: string;
  readonly from: Flavor;
  readonly to: Flavor;
  readonly mode: 'Raw' | 'Sql' | 'Auto';
  /** Schemas of the source; each has its twin `<schema>_<name>` at the target. */
  readonly schemas: readonly string[];
  readonly copies: boolean;
}

const ways: readonly Way[] = families.flatMap((from): Way[] => {
  const to = from === 'mysql' ? 'mariadb' : 'mysql';
  const same = { from, to: from, schemas: ['types', 'old'] };
  return [
    { ...same, name: `${from}-raw`, mode: 'Raw', copies: false },
    { ...same, name: `${from}-sql`, mode: 'Sql', copies: false },
    { ...same, name: `${from}-copy`, mode: 'Auto', copies: true },
    { from, to, name: `${from}-across`, mode: 'Sql', schemas: ['common'], copies: false },
    { from, to, name: `${from}-copy-across`, mode: 'Auto', schemas: ['common'], copies: true },
  ];
});

const sources = {} as Record<Flavor, DbServer>;
const targets = {} as Record<Flavor, DbServer>;
const cases = {} as Record<Flavor, Record<string, MatrixCase[]>>;
const running: LockkeeperProcess[] = [];

const twin = (way: Way, schema: string) => `${schema}_${way.name.replaceAll('-', '_')}`;
const isOld = (each: MatrixCase) => each.before !== undefined;

beforeAll(async () => {
  [sources.mysql, targets.mysql, sources.mariadb, targets.mariadb] = await Promise.all([
    startMysql(),
    startMysql(),
    startMariadb(),
    startMariadb(),
  ]);
  const charsets = { mysql: await charsetsOf(sources.mysql), mariadb: await charsetsOf(sources.mariadb) };
  const inBoth = charsets.mysql.filter(({ name }) => charsets.mariadb.some((other) => other.name === name));
  for (const flavor of families) {
    const own = casesFor(flavor, flavor);
    const across = casesFor(flavor, flavor === 'mysql' ? 'mariadb' : 'mysql').map((each) => ({
      ...each,
      // MariaDB does not keep the sign of zero.
      values: each.values.filter((value) => flavor === 'mariadb' || value !== '-0e0'),
    }));
    const inOneShape = (each: MatrixCase): MatrixCase => ({ ...each, shapes: ['id'] });
    cases[flavor] = {
      types: [...own.filter((each) => !isOld(each)), ...charsetCases(charsets[flavor]).map(inOneShape)],
      old: own.filter(isOld),
      common: [...across, ...charsetCases(inBoth).map(inOneShape)],
    };
    // Formats that only a server of old settings makes cannot come by DDL.
    await createTables(sources[flavor], 'old', cases[flavor]['old']!);
    for (const way of ways.filter(({ from, to, copies }) => from === flavor && to === flavor && !copies)) {
      await createTables(targets[flavor], twin(way, 'old'), cases[flavor]['old']!);
    }
  }
  await runPipelines(ways.filter(({ copies }) => !copies));
});

afterAll(async () => {
  await Promise.all(running.map((lockkeeper) => lockkeeper.kill9()));
  await Promise.all([...Object.values(sources), ...Object.values(targets)].map((server) => server.kill9()));
});

async function runPipelines(some: readonly Way[]): Promise<void> {
  const serverId = 5000 + 100 * running.length;
  const lockkeeper = await LockkeeperProcess.run(
    writeManifest(
      ...families.map((flavor, i) => instanceDocuments({ name: flavor, source: sources[flavor], serverId: serverId + 10 * i })),
      ...some.map((way) =>
        pipelineDocuments({
          name: way.name,
          instance: way.from,
          target: targets[way.to],
          spec: {
            tables: way.schemas.map((schema) => ({ source: `/${schema}\\.(.*)/`, target: `${twin(way, schema)}.$1` })),
            initialLoad: { mode: way.copies ? 'WhenNew' : 'Never' },
            apply: { mode: way.mode },
            divergence: 'Stop',
          },
        }),
      ),
    ),
  );
  running.push(lockkeeper);
  for (const way of some) await lockkeeper.untilPhase(way.name, 'running', 120);
}

/** Waits for the way's pipeline and compares all tables of both sides; nothing may have had to be repaired. */
async function expectSame(way: Way): Promise<void> {
  const lockkeeper = running[way.copies ? 1 : 0]!;
  const [source, target] = [sources[way.from], targets[way.to]];
  await lockkeeper.untilCaughtUp(way.name, source, target, 150);
  const schemaMap = Object.fromEntries(way.schemas.map((schema) => [schema, twin(way, schema)]));
  const names = way.schemas.flatMap((schema) => tablesOf(cases[way.from][schema]!).map((name) => `${schema}.${name}`));
  const doubles = names.filter((name) => /_(float|double)/.test(name));
  await expectSameData(source, target, { schemaMap, tables: names.filter((name) => !doubles.includes(name)) });
  for (const name of doubles) {
    const [schema, table] = name.split('.') as [string, string];
    expect(await doublesOf(target, `${twin(way, schema)}.${table}`), name).toEqual(await doublesOf(source, name));
  }
  expect((await lockkeeper.status(way.name)).divergence).toEqual({
    missingOnUpdate: 0,
    missingOnDelete: 0,
    existingOnInsert: 0,
  });
}

/** Rows whose column v is FLOAT or DOUBLE: servers print some of them rounded, and not alike, but send them as they are. */
async function doublesOf(server: DbServer, name: string): Promise<unknown[]> {
  const connection = await server.connect({ rowsAsArray: true });
  try {
    const columns = name.includes('.id_') ? 'id, v, n' : 'v, n';
    const [rows] = await connection.execute(`SELECT ${columns} FROM ${name} ORDER BY n, v`);
    return rows as unknown[];
  } finally {
    await connection.end();
  }
}

const streamed = ways.filter(({ copies }) => !copies);

/** Runs a step on every schema of both sources. */
async function onSources(step: (server: DbServer, schema: string, some: readonly MatrixCase[]) => Promise<unknown>) {
  await Promise.all(
    families.map(async (flavor) => {
      for (const [schema, some] of Object.entries(cases[flavor])) await step(sources[flavor], schema, some);
    }),
  );
}

test('tables are made and every value is inserted', async () => {
  for (const flavor of families) {
    const values = cases[flavor]['types']!.filter(({ name }) => !name.startsWith('cs_')).flatMap((each) => each.values);
    expect(values.length).toBeGreaterThan(800);
  }
  await onSources(async (server, schema, some) => {
    if (schema !== 'old') await createTables(server, schema, some);
    await insertRows(server, schema, some);
  });
});

test.each(streamed)('inserted rows are equal: $name', (way) => expectSame(way));

test('the first copy begins while the streams run', async () => {
  await runPipelines(ways.filter(({ copies }) => copies));
  await onSources(keepOriginals);
});

test.each(ways.filter(({ copies }) => copies))('copied rows are equal: $name', (way) => expectSame(way));

test('every row takes the value of the one before it, and some go', async () => {
  await onSources(changeRows);
});

test.each(ways)('changed rows are equal: $name', (way) => expectSame(way));

test('every row takes its own value back', async () => {
  await onSources(restoreValues);
});

test.each(ways)('rows changed back are equal: $name', (way) => expectSame(way));

test('all rows are deleted', async () => {
  await onSources(async (server, schema, some) => {
    const names = tablesOf(some).map((name) => `${schema}.${name}`);
    await server.query(names.map((name) => `DELETE FROM ${name}`).join(';'));
  });
});

test.each(ways)('no row is left: $name', async (way) => {
  await running[way.copies ? 1 : 0]!.untilCaughtUp(way.name, sources[way.from], targets[way.to]);
  for (const schema of way.schemas) {
    const names = tablesOf(cases[way.from][schema]!).map((name) => `${twin(way, schema)}.${name}`);
    const counts = names.map((name) => `SELECT '${name}' AS name FROM ${name}`);
    if (counts.length > 0) expect(await targets[way.to].query(`${counts.join(' UNION ALL ')} LIMIT 5`)).toEqual([]);
  }
});

const tablesOf = (some: readonly MatrixCase[]) => some.flatMap((each) => shapesOf(each).map((shape) => tableName(each, shape)));

/** Copies the values into a schema that does not travel. */
async function keepOriginals(server: DbServer, schema: string, some: readonly MatrixCase[]): Promise<void> {
  await server.query(`CREATE DATABASE kept_${schema}`);
  for (const each of some) {
    const name = tableName(each, 'id');
    await server.query(
      `${matrixSession}; CREATE TABLE kept_${schema}.${name} LIKE ${schema}.${name};
       INSERT INTO kept_${schema}.${name} SELECT * FROM ${schema}.${name}`,
    );
  }
}

async function restoreValues(server: DbServer, schema: string, some: readonly MatrixCase[]): Promise<void> {
  for (const each of some) {
    const name = tableName(each, 'id');
    await server.query(
      `${matrixSession}; UPDATE ${schema}.${name} t JOIN kept_${schema}.${name} k USING (id) SET t.v=k.v, t.n=t.n+5000`,
    );
  }
}
