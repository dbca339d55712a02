import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectSameData, startMariadb, startMysql, type DbServer, type DbServerOptions } from '../servers/index.ts';
import { killInCopy } from '../support/held-copy.ts';
import { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { instanceDocuments, pipelineDocuments, writeManifest } from '../support/manifests.ts';

/** A first copy that is killed reads some tables at one moment and the others at a later one; between the two their rows move, tied by foreign keys. */

const RULES = { restrict: 'RESTRICT', cascade: 'CASCADE', nulls: 'SET NULL' } as const;
const PARENTS = 100;

describe.each([
  { what: 'MySQL, which logs what cascades do', start: startMysql, logged: true },
  {
    what: 'MySQL with cascades in its storage engine',
    start: (options: DbServerOptions) => startMysql({ ...options, config: { innodb_native_foreign_keys: true } }),
    logged: false,
  },
  { what: 'MariaDB', start: startMariadb, logged: false },
])('$what', ({ start, logged }) => {
  let source: DbServer;
  let target: DbServer;

  beforeAll(async () => {
    [source, target] = await Promise.all([start({ name: 'source' }), start({ name: 'target' })]);
  });
  afterAll(async () => {
    await Promise.all([source?.kill9(), target?.kill9()]);
  });

  /** The larger tables are copied first. */
  async function fill(schema: string, children: number): Promise<void> {
    await source.query(`CREATE DATABASE ${schema}`);
    const parents = Array.from({ length: PARENTS }, (_, i) => `(${i + 1})`).join();
    const rows = Array.from({ length: children }, (_, i) => `(${i + 1}, ${(i % PARENTS) + 1})`).join();
    for (const [name, rule] of Object.entries(RULES)) {
      await source.query(
        `CREATE TABLE ${schema}.p_${name} (id INT PRIMARY KEY); INSERT INTO ${schema}.p_${name} VALUES ${parents};
         CREATE TABLE ${schema}.c_${name} (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p_${name} (id) ON DELETE ${rule} ON UPDATE ${rule});
         INSERT INTO ${schema}.c_${name} VALUES ${rows}; ANALYZE TABLE ${schema}.p_${name}, ${schema}.c_${name}`,
      );
    }
  }

  /** Rows come and go that only one side of a pair has at either moment; one parent goes and comes again. */
  async function move(schema: string, at: number): Promise<void> {
    for (const name of Object.keys(RULES)) {
      const [p, c] = [`${schema}.p_${name}`, `${schema}.c_${name}`];
      await source.query(
        `INSERT INTO ${p} VALUES (${at}); INSERT INTO ${c} VALUES (${at}, ${at}); DELETE FROM ${c} WHERE id=${at}; DELETE FROM ${p} WHERE id=${at};
         INSERT INTO ${p} VALUES (${at + 1}); UPDATE ${c} SET p=${at + 1} WHERE id=7; UPDATE ${c} SET p=8 WHERE id=7; DELETE FROM ${p} WHERE id=${at + 1};
         ${name === 'restrict' ? `DELETE FROM ${c} WHERE p=5;` : ''} DELETE FROM ${p} WHERE id=5; INSERT INTO ${p} VALUES (5);
         REPLACE INTO ${c} VALUES (5, 5), (${at + 5}, 5); INSERT INTO ${c} VALUES (${at + 6}, 6)`,
      );
      if (name !== 'restrict') {
        await source.query(
          `UPDATE ${p} SET id=${at + 20} WHERE id=9; UPDATE ${p} SET id=9 WHERE id=${at + 20}; DELETE FROM ${p} WHERE id=11; UPDATE ${p} SET id=${at + 30} WHERE id=12`,
        );
        await source.query(`INSERT INTO ${p} VALUES (11), (12)`);
      }
    }
  }

  test.each([
    { what: 'children', children: 300, schema: 'fk_c' },
    { what: 'parents', children: 60, schema: 'fk_p' },
  ])('the $what were read before the others', async ({ children, schema }) => {
    await fill(schema, children);
    const manifest = writeManifest(
      instanceDocuments({ source, serverId: 9500, spec: { filter: { include: [`${schema}\\..*`] } } }),
      pipelineDocuments({
        name: schema.replace('_', '-'),
        target,
        spec: { divergence: 'Stop', initialLoad: { parallelism: 1 } },
      }),
    );
    // The record is begun, a moment is taken, six tables are begun and listed; then each table takes three commits.
    await killInCopy(manifest, 9 + 3 * 3);
    const done = await target.query(
      "SELECT source_table AS t FROM lockkeeper.snapshot_table WHERE state='done' AND source_schema=?",
      [schema],
    );
    expect(new Set(done.map((row) => String(row['t'])[0]))).toEqual(new Set([children > PARENTS ? 'c' : 'p']));
    expect(done.length).toBe(3);
    await move(schema, 1000);
    await using lockkeeper = await LockkeeperProcess.run(manifest);
    const name = schema.replace('_', '-');
    await lockkeeper.untilCaughtUp(name, source, target);
    await expectSameData(source, target, { schemaMap: { [schema]: schema } });
    await move(schema, 2000);
    await source.query(`ALTER TABLE ${schema}.c_restrict ADD COLUMN more INT DEFAULT 1`);
    await lockkeeper.untilCaughtUp(name, source, target);
    await expectSameData(source, target, { schemaMap: { [schema]: schema } });
    // Cascades of the target itself are at work again where the source does not log them.
    if (!logged) {
      const [row] = await target.query(`SELECT COUNT(*) AS n FROM ${schema}.c_nulls WHERE p IS NULL`);
      expect(Number(row!['n'])).toBeGreaterThan(0);
    }
  });
});
