import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Load, writeLargeTransaction } from './load.ts';
import { Site, untilKilled, type Mode } from './site.ts';

/** kill -9 at each named point of the code, each followed by a restart. One history of load goes through all of them. */
describe.each<Mode>(['Raw', 'Sql'])('%s', (mode) => {
  let site: Site;
  let load: Load;
  let large = 1_000_000;
  let column = 0;

  beforeAll(async () => {
    site = await Site.start({ pipeline: { initialLoad: { chunkRows: 400, parallelism: 2 } } });
    load = new Load(site.source, { seed: mode === 'Raw' ? 1 : 2 }).start();
  });

  afterAll(async () => {
    await load?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  /** Dies at the point while `work` is done at the source, starts again, and both sides are equal. */
  async function dieAt(point: string, work: () => Promise<void> = async () => undefined): Promise<void> {
    {
      await using dying = await site.start({ mode, failpoint: point });
      await work();
      await untilKilled(dying);
    }
    await load.pause();
    await using restarted = await site.start({ mode });
    await site.expectExactlyOnce(restarted);
    load.resume();
    expect(await restarted.stop()).toBe(0);
  }

  test.each(['copy-before-commit:1', 'copy-after-commit:3', 'copy-before-commit:8', 'copy-after-commit:11'])(
    'during the first copy at %s',
    async (point) => {
      if (!point.endsWith(':1')) await site.target.query('DROP DATABASE IF EXISTS f; DROP DATABASE IF EXISTS lockkeeper');
      await dieAt(point);
    },
  );

  test.each([...['before-rows', 'after-rows', 'before-commit', 'after-commit'].flatMap((point) => [`${point}:1`, `${point}:7`])])(
    'under load at %s',
    async (point) => {
      await dieAt(point);
    },
  );

  test.each(['before-rows:4', 'after-rows:3', 'before-commit:1', 'after-commit:1'])(
    'within a transaction that is written in parts, at %s',
    async (point) => {
      await load.pause();
      await dieAt(point, () => writeLargeTransaction(site.source, ++large, 16));
    },
  );

  test.each([
    'ddl-before-lock',
    'ddl-before-intent',
    'ddl-after-intent',
    'ddl-after-execute',
    'ddl-before-done',
    'ddl-after-done',
  ])('in DDL at %s', async (point) => {
    await dieAt(point, async () => {
      await site.source.query(`ALTER TABLE f.keyless ADD COLUMN c${++column} INT NULL DEFAULT ${column}`);
      await site.source.query(`CREATE TABLE f.made${column} (id INT PRIMARY KEY) SELECT 1 AS id`);
    });
  });
});
