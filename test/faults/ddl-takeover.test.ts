import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startZookeeper } from '../servers/index.ts';
import { Load } from './load.ts';
import { PIPELINE, Site } from './site.ts';

const ROWS = 150_000;

test('a worker is killed while its ALTER TABLE runs at the target; another takes over', { timeout: 240_000 }, async () => {
  const [site, ensemble] = await Promise.all([Site.start(), startZookeeper({ voters: 3 })]);
  await using _site = site;
  await using _ensemble = ensemble;
  await site.source.query(
    `SET SESSION cte_max_recursion_depth = ${ROWS};
     CREATE TABLE f.wide (id INT PRIMARY KEY, v INT, text VARCHAR(200));
     INSERT INTO f.wide WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${ROWS})
       SELECT n, n % 1000, REPEAT('x', 150) FROM numbers`,
  );
  const zookeeper = (id: string) => ({ args: ['--zookeeper', ensemble.connectString, '--worker-id', id] });
  await using leader = await site.start(zookeeper('leader'));
  await leader.untilPhase(PIPELINE, 'running', 60);
  await using other = await site.start(zookeeper('other'));
  await other.untilPhase(PIPELINE, 'following');
  const load = new Load(site.source, { seed: 31, perSecond: 50 }).start();

  // A change of the row format copies the whole table.
  await site.source.query('ALTER TABLE f.wide ADD COLUMN more INT NOT NULL DEFAULT 7, ADD KEY (v, text), ALGORITHM = COPY');
  await untilAltering(site);
  await leader.kill9();
  const killed = performance.now();
  await site.source.query("UPDATE f.wide SET more = 8, text = 'after' WHERE id % 1000 = 0");
  await other.untilPhase(PIPELINE, 'running', 60);
  await load.stop();
  await site.expectExactlyOnce(other, 120);
  console.log(`caught up ${Math.round(performance.now() - killed)} ms after the kill`);
  const [record] = await site.target.query(
    "SELECT state, COUNT(*) AS n FROM lockkeeper.ddl WHERE state <> 'done' GROUP BY state",
  );
  expect(record).toBeUndefined();
  expect(await other.stop()).toBe(0);
});

/** Waits until the target is in the midst of it. */
async function untilAltering(site: Site): Promise<void> {
  for (let look = 0; look < 3000; look++) {
    const rows = await site.target.query(
      "SELECT id FROM information_schema.processlist WHERE info LIKE 'ALTER%f%wide%' AND state LIKE 'copy%'",
    );
    if (rows.length > 0) return;
    await sleep(5);
  }
  throw new Error('the ALTER TABLE was not seen at the target');
}
