import { expect, test } from 'vitest';
import { ManualClock } from '../kube/manual-clock.ts';
import { Postponed } from '../kube/index.ts';
import { inTime } from './in-time.ts';

const signal = new AbortController().signal;

test('what comes in time is passed on, and no timer is left', async () => {
  const clock = new ManualClock();
  await expect(inTime(() => Promise.resolve(7), clock, signal)).resolves.toBe(7);
  await expect(inTime(() => Promise.reject(new Error('no')), clock, signal)).rejects.toThrow('no');
  expect(clock.nextIn).toBeUndefined();
});

test('what does not come is given up after 15 seconds, or when the signal aborts', async () => {
  const clock = new ManualClock();
  let given: AbortSignal | undefined;
  const never = (until: AbortSignal) => {
    given = until;
    return new Promise<never>(() => undefined);
  };
  const late = inTime(never, clock, signal).catch((error: unknown) => error);
  await clock.advance(15_000);
  expect(await late).toBeInstanceOf(Postponed);
  expect(given?.aborted).toBe(true);
  await expect(inTime(never, clock, AbortSignal.abort())).rejects.toThrow();
});

test('what fails after it was given up troubles nobody', async () => {
  const clock = new ManualClock();
  const { promise, reject } = Promise.withResolvers<never>();
  const late = inTime(() => promise, clock, signal).catch((error: unknown) => error);
  await clock.advance(15_000);
  await late;
  reject(new Error('much later'));
  await new Promise((resolve) => setImmediate(resolve));
});
