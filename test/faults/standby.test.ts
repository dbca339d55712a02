import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  binlogEnd,
  promote,
  replicate,
  replicated,
  type BinlogPlace,
  type DbServer,
  type DbServerOptions,
  type Flavor,
} from '../servers/index.ts';
import type { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { Load } from './load.ts';
import { PIPELINE, Site, untilKilled } from './site.ts';

const heartbeat = { intervalSeconds: 0.3, failoverAfterMisses: 3 };
const anonymous = { config: { gtid_mode: false, enforce_gtid_consistency: false } };

/** The source dies under a running worker, its replica takes over, and later the other way round. */
describe.each<[string, Flavor, DbServerOptions]>([
  ['mysql', 'mysql', {}],
  ['mysql without GTIDs', 'mysql', anonymous],
  ['mariadb', 'mariadb', {}],
])('%s', (_name, flavor, options) => {
  let site: Site;
  let load: Load;
  let worker: LockkeeperProcess;

  beforeAll(async () => {
    site = await Site.start({ flavor, standby: true, source: options, instance: { heartbeat } });
    load = new Load(site.source, { seed: 31 }).start();
    worker = await site.start();
    await worker.untilPhase(PIPELINE, 'running');
  });

  afterAll(async () => {
    await load?.stop();
    await worker?.kill9();
    await site?.[Symbol.asyncDispose]();
  });

  /**
   * `from` dies while the worker is behind, perhaps amid a transaction; what applications write goes to `to`, which has all that was
   * committed. Returns where its own binlog went on.
   */
  async function takeOver(from: DbServer, to: DbServer): Promise<BinlogPlace> {
    await sleep(1000);
    worker.signal('SIGSTOP');
    await sleep(1000);
    await load.pause();
    await replicated(from, to);
    await from.kill9();
    worker.signal('SIGCONT');
    await promote(to);
    const begin = await binlogEnd(to);
    load.moveTo(to);
    load.resume();
    await worker.until(PIPELINE, ({ currentSource }) => currentSource === `${to.host}:${to.port}`);
    return begin;
  }

  async function expectExactlyOnce(source: DbServer): Promise<void> {
    await sleep(500);
    await load.pause();
    await site.expectExactlyOnce(worker, 90, source);
    load.resume();
  }

  test('to the standby, with the worker killed on the way, and back', async () => {
    const { source, standby } = site;
    const begin = await takeOver(source, standby);
    await sleep(300);
    await worker.kill9();
    worker = await site.start({ mode: 'Sql' });
    await expectExactlyOnce(standby);

    await source.start();
    await replicate(standby, source, begin);
    await takeOver(standby, source);
    await expectExactlyOnce(source);
    expect(load.committed).toBeGreaterThan(500);
    expect(await worker.stop()).toBe(0);
  });
});

describe('CREATE TABLE ... SELECT', () => {
  let site: Site;

  beforeAll(async () => {
    site = await Site.start({ standby: true, instance: { heartbeat } });
  });
  afterAll(() => site?.[Symbol.asyncDispose]());

  test.each(['ddl-after-intent', 'ddl-after-execute', 'ddl-after-done'])(
    'interrupted at %s goes on at the standby',
    async (point) => {
      const { source, standby, target } = site;
      const table = point.replaceAll('-', '_');
      {
        await using dying = await site.start({ failpoint: point });
        await dying.untilPhase(PIPELINE, 'running');
        await source.query(`CREATE TABLE f.${table} (id INT PRIMARY KEY) SELECT id, code FROM f.items`);
        await untilKilled(dying);
      }
      await replicated(source, standby);
      await source.kill9();
      await using worker = await site.start();
      await site.expectExactlyOnce(worker, 90, standby);
      expect(await target.query(`SELECT COUNT(*) AS n FROM f.${table}`)).toEqual([{ n: 1500 }]);
      expect(await worker.stop()).toBe(0);
      await source.start();
      await standby.query('STOP REPLICA; START REPLICA');
    },
  );
});
