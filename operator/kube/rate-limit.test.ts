import { describe, expect, it } from 'vitest';
import { ManualClock } from './manual-clock.ts';
import { TokenBucket } from './rate-limit.ts';

describe('TokenBucket', () => {
  it('lets a burst through and then the rate, in order', async () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket(10, 3, clock);
    const taken: string[] = [];
    for (let turn = 0; turn < 8; turn++) void bucket.take().then(() => taken.push(`${turn}@${clock.monotonic()}`));
    await clock.advance(0);
    expect(taken).toEqual(['0@0', '1@0', '2@0']);
    await clock.advance(1000);
    expect(taken.slice(3)).toEqual(['3@100', '4@200', '5@300', '6@400', '7@500']);
  });

  it('saves up to the burst while nobody asks', async () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket(10, 3, clock);
    for (let turn = 0; turn < 3; turn++) await bucket.take();
    await clock.advance(60_000);
    let taken = 0;
    for (let turn = 0; turn < 5; turn++) void bucket.take().then(() => taken++);
    await clock.advance(0);
    expect(taken).toBe(3);
  });

  it('does not hold up a caller that gives up', async () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket(0.001, 1, clock);
    await bucket.take();
    const abort = new AbortController();
    const waiting = bucket.take(abort.signal);
    abort.abort();
    await expect(waiting).resolves.toBeUndefined();
    expect(clock.nextIn).toBeUndefined();
  });
});
