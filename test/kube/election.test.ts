import { describe, expect, it } from 'vitest';
import { createLogger } from '../../common/log.ts';
import { KubeClient, LeaderElection, resources, type Clock, type ElectionEnd, type Lease } from '../../operator/kube/index.ts';
import { ManualClock } from '../../operator/kube/manual-clock.ts';
import { ApiServer, type Connection } from '../apiserver/index.ts';

const log = createLogger('silent');
const lease = { namespace: 'system', name: 'operator' };

/** A process whose wall clock is wrong by `skewMs`. */
class Candidate {
  readonly connection: Connection;
  readonly election: LeaderElection;
  readonly stop = new AbortController();
  readonly clock: Clock;
  end: ElectionEnd | undefined;
  /** Within a term. */
  working = false;
  terms = 0;

  constructor(server: ApiServer, clock: ManualClock, identity: string, skewMs: number, random: () => number) {
    this.connection = server.connect();
    this.clock = {
      now: () => clock.now() + skewMs,
      monotonic: () => clock.monotonic(),
      after: (ms, action) => clock.after(ms, action),
    };
    const client = new KubeClient(this.connection, {
      clock: this.clock,
      retry: { attempts: 1, firstDelayMs: 1, longestDelayMs: 1, longestRetryAfterMs: 1 },
    });
    this.election = new LeaderElection({ client, lease, identity, log, clock: this.clock, random });
    void this.election.run(this.stop.signal, (term) => this.#lead(term)).then((end) => (this.end = end));
  }

  /** Leads and works at this moment. */
  get active(): boolean {
    return this.working && this.election.leading;
  }

  async #lead(term: AbortSignal): Promise<void> {
    this.terms++;
    this.working = true;
    if (!term.aborted) await new Promise((resolve) => term.addEventListener('abort', resolve, { once: true }));
    this.working = false;
  }
}

function world() {
  const clock = new ManualClock();
  const server = new ApiServer({ clock });
  const candidate = (identity: string, skewMs = 0, random = () => 0.5) => new Candidate(server, clock, identity, skewMs, random);
  const held = () => (server.store.get('coordination.k8s.io/v1/leases', 'system/operator') as Lease | undefined)?.spec;
  return { clock, server, candidate, held };
}

describe('LeaderElection', () => {
  it('takes a lease that is not there, and renews it', async () => {
    const { clock, candidate, held } = world();
    const one = candidate('one');
    await clock.advance(0);
    expect(one.active).toBe(true);
    expect(held()).toEqual({
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    });
    await clock.advance(3_600_000);
    expect([one.active, one.terms, held()!.acquireTime, held()!.renewTime]).toEqual([
      true,
      1,
      '2026-01-01T00:00:00.000000Z',
      '2026-01-01T01:00:00.000000Z',
    ]);
  });

  it('waits for a dead leader’s lease as long as it is, from when it was last seen to change', async () => {
    const { clock, candidate, held } = world();
    const one = candidate('one');
    await clock.advance(10_000);
    const two = candidate('two');
    await clock.advance(10_000);
    one.connection.sever();
    await clock.advance(10_000);
    expect(two.active).toBe(false);
    await clock.advance(9_000);
    expect([two.active, held()!.leaseTransitions]).toEqual([true, 1]);
  });

  it('takes over a released lease at its next look', async () => {
    const { clock, candidate } = world();
    const [one, two] = [candidate('one'), candidate('two')];
    await clock.advance(5_000);
    expect([one.active, two.active]).toEqual([true, false]);
    one.stop.abort();
    await clock.advance(2_500);
    expect([one.end, one.active, two.active]).toEqual(['stopped', false, true]);
  });

  it('ends its term before another may begin, when it cannot renew', async () => {
    const { clock, candidate } = world();
    const one = candidate('one');
    await clock.advance(5_000);
    const two = candidate('two');
    await clock.advance(1_000);
    one.connection.fault = () => ({ kind: 'hang' });
    let endedAt = 0;
    let takenAt = 0;
    for (let second = 0; second < 40 && takenAt === 0; second += 0.1) {
      await clock.advance(100);
      if (!one.active && endedAt === 0) endedAt = second;
      if (two.active) takenAt = second;
    }
    expect(one.end).toBe('lost');
    expect(endedAt).toBeLessThan(11);
    expect(takenAt - endedAt).toBeGreaterThan(3);
    expect(takenAt).toBeLessThan(20);
  });

  it('lives through a cut shorter than its deadline', async () => {
    const { clock, candidate } = world();
    const [one, two] = [candidate('one'), candidate('two')];
    await clock.advance(5_000);
    one.connection.fault = () => ({ kind: 'lose' });
    await clock.advance(6_000);
    one.connection.fault = () => undefined;
    await clock.advance(60_000);
    expect([one.active, one.terms, two.active]).toEqual([true, 1, false]);
  });

  it('lives through a renewal whose answer was lost', async () => {
    const { clock, candidate } = world();
    const one = candidate('one');
    await clock.advance(5_000);
    let lost = 0;
    one.connection.fault = ({ method }) => (method === 'PUT' && lost++ === 0 ? { kind: 'lose answer' } : undefined);
    await clock.advance(60_000);
    expect([one.active, one.terms, lost > 1]).toEqual([true, 1, true]);
  });

  it('knows by the clock that its term is over, also when it has slept through its timers', async () => {
    const { clock, candidate } = world();
    const one = candidate('one');
    await clock.advance(5_000);
    const late = new ManualClock();
    await late.advance(20_000);
    expect(one.election.leading).toBe(true);
    one.connection.fault = () => ({ kind: 'hang' });
    await clock.advance(9_900);
    expect(one.election.leading).toBe(false);
  });

  it('counts its term from when a renewal was sent, not from its answer', async () => {
    const { clock, candidate } = world();
    const one = candidate('one');
    await clock.advance(1_000);
    let renewals = 0;
    one.connection.fault = ({ method }) => {
      if (renewals > 0) return { kind: 'hang' };
      if (method === 'PUT') renewals++;
      return method === 'PUT' ? { kind: 'answer late', milliseconds: 4_000 } : undefined;
    };
    await clock.advance(5_500);
    expect([renewals, one.active]).toEqual([1, true]); // sent at 2 s, answered at 6 s
    await clock.advance(5_400);
    expect(one.election.leading).toBe(true);
    await clock.advance(200);
    expect(one.election.leading).toBe(false);
  });

  it('ends at once when it sees another in its place', async () => {
    const { clock, candidate, server, held } = world();
    const one = candidate('one');
    await clock.advance(5_000);
    const user = new KubeClient(server.connect(), { clock });
    const live = await user.get(resources.Lease, lease);
    await user.replace(resources.Lease, { ...live, spec: { ...held(), holderIdentity: 'thief' } });
    await clock.advance(2_500);
    expect([one.end, one.active, held()!.holderIdentity]).toEqual(['lost', false, 'thief']);
  });

  it('tells who leads', async () => {
    const { clock, candidate } = world();
    const [one, two] = [candidate('one'), candidate('two')];
    await clock.advance(5_000);
    expect([one.election.leader, two.election.leader, two.election.leading]).toEqual(['one', 'one', false]);
  });

  it('fails with its work, and lets the next one lead', async () => {
    const { clock, server, candidate } = world();
    const election = new LeaderElection({
      client: new KubeClient(server.connect(), { clock }),
      lease,
      identity: 'one',
      log,
      clock,
    });
    const failing = election.run(new AbortController().signal, () => Promise.reject(new Error('broken')));
    await expect(failing).rejects.toThrow('broken');
    const two = candidate('two');
    await clock.advance(0);
    expect(two.active).toBe(true);
  });

  it('never has two leaders at work, and always gets one in the end: clocks wrong by a minute, connections that fail, processes that come and go', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      let state = seed;
      const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
      const { clock, candidate } = world();
      let number = 0;
      const join = () => candidate(`p${number++}`, (random() - 0.5) * 120_000, random);
      let candidates = [join(), join(), join()];
      for (let step = 0; step < 150; step++) {
        const dice = random();
        const any = candidates[Math.floor(random() * candidates.length)]!;
        if (dice < 0.05)
          any.connection.fault = () => ({ kind: (['hang', 'lose', 'lose answer'] as const)[Math.floor(random() * 3)]! });
        else if (dice < 0.2) any.connection.fault = () => undefined;
        else if (dice < 0.25) any.connection.fault = () => (random() < 0.5 ? { kind: 'lose answer' } : undefined);
        else if (dice < 0.28) any.stop.abort();
        candidates = candidates.map((each) => (each.end === undefined ? each : join()));
        await clock.advance(random() * 3_000);
        expect(candidates.filter(({ active }) => active).length, `seed ${seed}, step ${step}`).toBeLessThanOrEqual(1);
      }
      for (const each of candidates) each.connection.fault = () => undefined;
      await clock.advance(40_000);
      candidates = candidates.map((each) => (each.end === undefined ? each : join()));
      await clock.advance(20_000);
      expect(candidates.filter(({ active }) => active).length, `seed ${seed}`).toBe(1);
      for (const each of candidates) each.stop.abort();
      await clock.advance(0);
    }
  });
});
