import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Flavor } from '../servers/index.ts';
import { Load, writeLargeTransaction } from './load.ts';
import { Site, untilKilled, type Mode } from './site.ts';

/** What is killed: each named point in Raw and Sql mode of MySQL, and those that differ elsewhere. */
interface Setting {
  readonly name: string;
  readonly flavor: Flavor;
  readonly mode: Mode;
  readonly apply?: Record<string, unknown>;
  readonly copy: readonly string[];
  readonly load: readonly string[];
  readonly parts: readonly string[];
  readonly ddl: readonly string[];
}

const all: Pick<Setting, 'copy' | 'load' | 'parts' | 'ddl'> = {
  copy: ['copy-before-commit:1', 'copy-after-commit:3', 'copy-before-commit:8', 'copy-after-commit:11'],
  load: ['before-rows', 'after-rows', 'before-commit', 'after-commit'].flatMap((point) => [`${point}:1`, `${point}:7`]),
  parts: ['before-rows:4', 'after-rows:3', 'before-commit:1', 'after-commit:1'],
  ddl: ['ddl-before-lock', 'ddl-before-intent', 'ddl-after-intent', 'ddl-after-execute', 'ddl-before-done', 'ddl-after-done'],
};

const settings: readonly Setting[] = [
  { name: 'Raw', flavor: 'mysql', mode: 'Raw', ...all },
  { name: 'Sql', flavor: 'mysql', mode: 'Sql', ...all },
  {
    name: 'MariaDB',
    flavor: 'mariadb',
    mode: 'Raw',
    copy: ['copy-before-commit:3', 'copy-after-commit:5'],
    load: ['after-rows:3', 'before-commit:5', 'after-commit:5'],
    parts: ['after-rows:3', 'after-commit:1'],
    ddl: ['ddl-after-intent', 'ddl-after-execute', 'ddl-after-done'],
  },
  {
    name: 'lanes without order',
    flavor: 'mysql',
    mode: 'Raw',
    apply: { lanes: 3, ordered: false },
    copy: [],
    load: ['after-rows:7', 'before-commit:7', 'after-commit:7'],
    parts: ['after-rows:3'],
    ddl: ['ddl-after-execute'],
  },
];

/** kill -9 at each named point of the code, each followed by a restart. One history of load goes through all of them. */
describe.each(settings)('$name', ({ flavor, mode, apply, copy, load: underLoad, parts, ddl }) => {
  let site: Site;
  let load: Load;
  let large = 1_000_000;
  let column = 0;

  beforeAll(async () => {
    site = await Site.start({ flavor, pipeline: { initialLoad: { chunkRows: 400, parallelism: 2 } } });
    load = new Load(site.source, { seed: mode === 'Raw' ? 1 : 2 }).start();
  });

  afterAll(async () => {
    await load?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  /** Dies at the point while `work` is done at the source, starts again, and both sides are equal. */
  async function dieAt(point: string, work: () => Promise<void> = async () => undefined): Promise<void> {
    const how = { mode, ...(apply === undefined ? {} : { apply }) };
    {
      await using dying = await site.start({ ...how, failpoint: point });
      await work();
      await untilKilled(dying);
    }
    await load.pause();
    await using restarted = await site.start(how);
    await site.expectExactlyOnce(restarted);
    load.resume();
    expect(await restarted.stop()).toBe(0);
  }

  test.each(copy)('during the first copy at %s', async (point) => {
    if (point !== copy[0]) await site.target.query('DROP DATABASE IF EXISTS f; DROP DATABASE IF EXISTS lockkeeper');
    await dieAt(point);
  });

  test.each(underLoad)('under load at %s', async (point) => {
    await dieAt(point);
  });

  test.each(parts)('within a transaction that is written in parts, at %s', async (point) => {
    await load.pause();
    await dieAt(point, () => writeLargeTransaction(site.source, ++large, 16));
  });

  test.each(ddl)('in DDL at %s', async (point) => {
    await dieAt(point, async () => {
      await site.source.query(`ALTER TABLE f.keyless ADD COLUMN c${++column} INT NULL DEFAULT ${column}`);
      await site.source.query(`CREATE TABLE f.made${column} (id INT PRIMARY KEY) SELECT 1 AS id`);
    });
  });
});
