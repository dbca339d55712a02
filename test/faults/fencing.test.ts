import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { markLeaderSession } from '../../worker/target/leader-sessions.ts';
import { TargetSession } from '../../worker/target/session.ts';
import type { Flavor } from '../servers/index.ts';
import { Load } from './load.ts';
import { untilStopped } from './process-state.ts';
import { PIPELINE, Site, type Mode } from './site.ts';

/**
 * A leader that is frozen in the midst of a batch and wakes up after another has taken over. There is no ZooKeeper here, so
 * nothing but the target can stop it.
 */
describe.each<Flavor>(['mysql', 'mariadb'])('%s', (flavor) => {
  let site: Site;
  let load: Load;

  beforeAll(async () => {
    site = await Site.start({ flavor });
    load = new Load(site.source, { seed: 7 }).start();
  });

  afterAll(async () => {
    await load?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  const cases = (['Raw', 'Sql'] as const).flatMap((mode: Mode) =>
    ['before-rows', 'after-rows', 'before-commit'].map((point) => ({ mode, point })),
  );

  test.each(cases)(
    '$mode, frozen at $point: it wakes up, writes nothing, and its refusal is counted',
    async ({ mode, point }) => {
      await using old = await site.start({ mode, failpoint: `${point}:15:SIGSTOP` });
      await untilStopped(old.pid);
      await using successor = await site.start({ mode });
      await successor.untilPhase(PIPELINE, 'running', 20);
      const begun = performance.now();
      await load.pause();
      await site.expectExactlyOnce(successor, 25);
      const caughtUp = performance.now() - begun;
      const before = await checkpoint(site);
      load.resume();
      await sleep(300);
      old.signal('SIGCONT');
      const status = await old.until(PIPELINE, ({ fenced }) => fenced > 0, 20);
      expect(status.lastError?.code).toBe('LK1401');
      expect(await old.metric('lockkeeper_fenced_writes_total')).toBe(1);
      await load.pause();
      await site.expectExactlyOnce(successor);
      const after = await checkpoint(site);
      expect({ epoch: after.epoch, leader: after.leader }).toEqual({ epoch: before.epoch, leader: before.leader });
      console.log(`${flavor} ${mode} ${point}: caught up ${Math.round(caughtUp)} ms after the successor ran`);
      load.resume();
      await successor.stop();
    },
  );

  test('a former leader that froze with the checkpoint’s row locked does not keep its successor out', async () => {
    await using old = await site.start({ mode: 'Raw' });
    await old.untilPhase(PIPELINE, 'running', 20);
    await old.kill9();
    const { host, port, user, password } = site.target;
    const frozen = await TargetSession.open({ host, port, user, password });
    await markLeaderSession(frozen, `default/${PIPELINE}`);
    await frozen.query('UPDATE lockkeeper.checkpoint SET guard_ok=1');
    await using successor = await site.start({ mode: 'Raw' });
    await successor.untilPhase(PIPELINE, 'running', 20);
    expect(frozen.usable).toBe(false);
    await load.pause();
    await site.expectExactlyOnce(successor);
    load.resume();
    await successor.stop();
  });

  // Such an account cannot end the frozen leader's sessions, so that only the check in the target is left.
  test.each<Mode>(['Raw', 'Sql'])('%s: the database itself refuses the write, by its CHECK constraint', async (mode) => {
    const admin = flavor === 'mysql' ? 'CONNECTION_ADMIN' : 'CONNECTION ADMIN';
    await site.target.query(
      `CREATE USER IF NOT EXISTS keeper IDENTIFIED BY 'keeper'; GRANT ALL ON *.* TO keeper; REVOKE ${admin}, SUPER ON *.* FROM keeper`,
    );
    await using old = await site.start({ mode, failpoint: 'before-rows:15:SIGSTOP' });
    await untilStopped(old.pid);
    const { host, port } = site.target;
    await using successor = await site.start({ mode, target: { host, port, user: 'keeper', password: 'keeper' } });
    await successor.untilPhase(PIPELINE, 'running', 20);
    expect(successor.stderr()).toMatch(/"refused":\[\d+/);
    await load.pause();
    await site.expectExactlyOnce(successor);
    old.signal('SIGCONT');
    const { lastError } = await old.until(PIPELINE, ({ fenced }) => fenced > 0, 30);
    expect(lastError?.code).toBe('LK1401');
    expect(old.stderr()).toContain('lockkeeper_fence');
    expect(await old.metric('lockkeeper_fenced_writes_total')).toBe(1);
    await site.expectExactlyOnce(successor);
    load.resume();
    await successor.stop();
  });
});

async function checkpoint(site: Site): Promise<{ epoch: number; leader: string }> {
  const [row] = await site.target.query('SELECT epoch, leader FROM lockkeeper.checkpoint');
  return { epoch: Number(row?.['epoch']), leader: String(row?.['leader']) };
}
