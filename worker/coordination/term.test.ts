import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Lease } from '../../common/zookeeper/lease.ts';
import { TermController, TermEnd } from './term.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function leased() {
  const lease = new Lease(6_000, () => performance.now());
  lease.heard(performance.now());
  const controller = new TermController(lease);
  const events: string[] = [];
  controller.term.onPause(() => events.push('pause'));
  controller.term.onResume(() => events.push('resume'));
  controller.term.signal.addEventListener('abort', () => events.push('end'));
  return { lease, controller, term: controller.term, events };
}

describe('a term', () => {
  it('pauses when the lease runs out and resumes when it is renewed', async () => {
    const { lease, term, events } = leased();
    await vi.advanceTimersByTimeAsync(3_999);
    expect([term.writable(), events]).toEqual([true, []]);
    await vi.advanceTimersByTimeAsync(2);
    expect([term.writable(), term.open, events]).toEqual([false, false, ['pause']]);
    lease.heard(performance.now());
    expect([term.writable(), events]).toEqual([true, ['pause', 'resume']]);
    await vi.advanceTimersByTimeAsync(4_001);
    expect(events).toEqual(['pause', 'resume', 'pause']);
  });

  it('stays open over renewals', async () => {
    const { lease, term, events } = leased();
    for (let i = 0; i < 20; i++) {
      await vi.advanceTimersByTimeAsync(1_000);
      lease.heard(performance.now());
    }
    expect([term.writable(), events]).toEqual([true, []]);
  });

  it('is not writable after a sleep of the process, before any timer has run', () => {
    const lease = new Lease(6_000, () => now);
    let now = 0;
    lease.heard(0);
    const { term } = new TermController(lease, () => now);
    now = 10_000;
    expect(term.writable()).toBe(false);
  });

  it('lets a waiter go on when resumed', async () => {
    const { lease, term } = leased();
    await expect(term.wait()).resolves.toBeUndefined();
    await vi.advanceTimersByTimeAsync(5_000);
    let open = false;
    const waiting = term.wait().then(() => (open = true));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(open).toBe(false);
    lease.heard(performance.now());
    await waiting;
    expect(open).toBe(true);
  });

  it('ends once, with a reason, for good', async () => {
    const { lease, controller, term, events } = leased();
    await vi.advanceTimersByTimeAsync(5_000);
    const waiting = term.wait();
    controller.end('session ended');
    controller.end('resigned');
    await expect(waiting).rejects.toEqual(new TermEnd('session ended'));
    await expect(term.wait()).rejects.toMatchObject({ why: 'session ended' });
    lease.heard(performance.now());
    expect([term.writable(), events]).toEqual([false, ['pause', 'end']]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('without a lease is open until its end', async () => {
    const controller = new TermController(null);
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect(controller.term.writable()).toBe(true);
    controller.end('resigned');
    expect(controller.term.writable()).toBe(false);
  });
});
