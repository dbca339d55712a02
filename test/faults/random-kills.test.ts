import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { Flavor } from '../servers/index.ts';
import { Load, seeded, writeLargeTransaction } from './load.ts';
import { Site, type Mode } from './site.ts';

const SEED = 20_240_601;

let site: Site;
let load: Load;

afterEach(async () => {
  await load?.stop();
  await site?.[Symbol.asyncDispose]();
});

/** Each start may write in another way than the one before it. */
const ways: readonly { readonly mode: Mode; readonly lanes: Record<string, unknown> }[] = [
  { mode: 'Raw', lanes: {} },
  { mode: 'Sql', lanes: {} },
  { mode: 'Raw', lanes: { lanes: 3 } },
  { mode: 'Sql', lanes: { lanes: 3, ordered: false } },
];

test.each<{ flavor: Flavor; kills: number; comparedEvery: number }>([
  { flavor: 'mysql', kills: 50, comparedEvery: 10 },
  { flavor: 'mariadb', kills: 12, comparedEvery: 6 },
])('$flavor: $kills kills at random moments under load, from the first copy on', { timeout: 400_000 }, async (setting) => {
  const { flavor, kills, comparedEvery } = setting;
  site = await Site.start({ flavor, pipeline: { initialLoad: { chunkRows: 300, parallelism: 2 } } });
  load = new Load(site.source, { seed: SEED }).start();
  const random = seeded(SEED);
  let whileWriting = 0;
  for (let kill = 1; kill <= kills; kill++) {
    const { mode, lanes } = ways[Math.floor(random() * ways.length)]!;
    const before = await checkpoint();
    await using worker = await site.start({ mode, apply: lanes });
    const moment = random();
    if (moment < 0.1) {
      await sleep(random() * 1500); // perhaps before it has begun
    } else if (moment < 0.3 || kill <= kills / 10) {
      await until(({ epoch }) => epoch > before.epoch); // while it copies, or reads its way back into the binlog
      await sleep(random() * 1000);
    } else {
      if (kill % 5 === 0) await writeLargeTransaction(site.source, 1_000_000 + kill, 6);
      await until(({ sequence }) => sequence > before.sequence);
      await sleep(random() * 500);
    }
    await worker.kill9();
    if ((await checkpoint()).sequence > before.sequence) whileWriting++;
    if (kill % comparedEvery === 0) await compare(mode);
  }
  console.log(`${kills} kills, ${whileWriting} of them after the process had written; ${load.committed} source transactions`);
  expect(whileWriting).toBeGreaterThan(kills / 2);
  expect(load.committed).toBeGreaterThan(20 * kills);
});

/** Zeros while there is none yet. */
async function checkpoint(): Promise<{ epoch: number; sequence: number }> {
  const rows = await site.target.query('SELECT epoch, sequence FROM lockkeeper.checkpoint').catch(() => []);
  return { epoch: Number(rows[0]?.['epoch'] ?? 0), sequence: Number(rows[0]?.['sequence'] ?? 0) };
}

async function until(holds: (now: { epoch: number; sequence: number }) => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!holds(await checkpoint())) {
    if (performance.now() > deadline) throw new Error('the worker did not begin to write');
    await sleep(10);
  }
}

async function compare(mode: Mode): Promise<void> {
  await load.pause();
  await using worker = await site.start({ mode });
  await site.expectExactlyOnce(worker);
  expect(await worker.stop()).toBe(0);
  load.resume();
}
