import { describe, expect, it } from 'vitest';
import { isoMicros, isoSeconds, sleep, systemClock } from './clock.ts';
import { ManualClock } from './manual-clock.ts';

describe('times', () => {
  it('have whole seconds, or six digits for MicroTime', () => {
    const time = Date.UTC(2026, 1, 3, 4, 5, 6, 7);
    expect(isoSeconds(time)).toBe('2026-02-03T04:05:06Z');
    expect(isoMicros(time)).toBe('2026-02-03T04:05:06.007000Z');
  });
});

describe('sleep', () => {
  it('ends in time or with its signal, and leaves no timer', async () => {
    const clock = new ManualClock();
    let done = 0;
    void sleep(clock, 100).then(() => done++);
    const abort = new AbortController();
    void sleep(clock, 100_000, abort.signal).then(() => done++);
    await clock.advance(100);
    expect(done).toBe(1);
    abort.abort();
    await clock.advance(0);
    expect([done, clock.nextIn]).toEqual([2, undefined]);
    await sleep(clock, 1000, abort.signal);
  });

  it('runs on real time, too', async () => {
    const before = systemClock.monotonic();
    await sleep(systemClock, 20);
    expect(systemClock.monotonic() - before).toBeGreaterThan(15);
  });
});

describe('ManualClock', () => {
  it('runs timers in order, each with what it sets off', async () => {
    const clock = new ManualClock(0);
    const seen: string[] = [];
    clock.after(20, () => seen.push(`b@${clock.now()}`));
    clock.after(10, () => {
      seen.push(`a@${clock.now()}`);
      void Promise.resolve().then(() => clock.after(5, () => seen.push(`c@${clock.now()}`)));
    });
    const cancel = clock.after(15, () => seen.push('never'));
    cancel();
    await clock.advance(30);
    expect(seen).toEqual(['a@10', 'c@15', 'b@20']);
    expect(clock.now()).toBe(30);
  });
});
