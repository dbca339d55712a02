import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock, settle } from './manual-clock.ts';
import { WorkQueue } from './queue.ts';

describe('WorkQueue', () => {
  let clock: ManualClock;
  let queue: WorkQueue;
  let stop: AbortController;
  /** What was begun, and what ends it. */
  let begun: string[];
  let ends: Map<string, () => void>;
  let stopped: Promise<void>;

  const run = (workers: number) => {
    stopped = queue.run(
      workers,
      (key) =>
        new Promise((resolve) => {
          begun.push(key);
          ends.set(key, resolve);
        }),
      stop.signal,
    );
  };
  const end = async (key: string) => {
    ends.get(key)!();
    await settle();
  };

  beforeEach(() => {
    clock = new ManualClock();
    queue = new WorkQueue({ clock, random: () => 1, firstDelayMs: 100, longestDelayMs: 1000 });
    stop = new AbortController();
    begun = [];
    ends = new Map();
  });

  it('holds a key once, and hands out keys in the order they came', () => {
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect(queue.depth).toBe(3);
    run(9);
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('works on no more keys at a time than it has workers', async () => {
    for (const key of ['a', 'b', 'c']) queue.add(key);
    run(2);
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('works again, once and afterwards, on a key added meanwhile', async () => {
    queue.add('a');
    run(2);
    queue.add('a');
    queue.add('a');
    expect(begun).toEqual(['a']);
    await end('a');
    expect(begun).toEqual(['a', 'a']);
    await end('a');
    expect(begun).toEqual(['a', 'a']);
    expect(queue.active).toBe(0);
  });

  it('waits longer after each failure, up to a limit, and anew after a success', () => {
    const delays = Array.from({ length: 6 }, () => queue.retry('a'));
    expect(delays).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect([queue.failures('a'), queue.failing, queue.failures('b')]).toEqual([6, 1, 0]);
    expect(queue.retry('b')).toBe(100);
    queue.forget('a');
    expect([queue.retry('a'), queue.failing]).toEqual([100, 2]);
  });

  it('adds a key later, at the earlier of two times', async () => {
    run(1);
    queue.addAfter('a', 500);
    queue.addAfter('a', 200);
    queue.addAfter('a', 900);
    await clock.advance(199);
    expect(begun).toEqual([]);
    await clock.advance(1);
    expect(begun).toEqual(['a']);
    await end('a');
    await clock.advance(10_000);
    expect(begun).toEqual(['a']);
  });

  it('forgets a later turn when work on the key begins: that work knows best', async () => {
    run(1);
    queue.addAfter('a', 500);
    queue.add('a');
    await end('a');
    await clock.advance(10_000);
    expect(begun).toEqual(['a']);
  });

  it('takes no delay for now', () => {
    run(1);
    queue.addAfter('a', 0);
    expect(begun).toEqual(['a']);
  });

  it('stops handing out, and ends when the work under way has ended', async () => {
    for (const key of ['a', 'b']) queue.add(key);
    run(1);
    queue.addAfter('c', 10);
    let over = false;
    void stopped.then(() => (over = true));
    stop.abort();
    queue.add('d');
    await clock.advance(100);
    expect([begun, over]).toEqual([['a'], false]);
    await end('a');
    expect([begun, over]).toEqual([['a'], true]);
    expect(clock.nextIn).toBeUndefined();
  });

  it('ends at once when nothing is under way', async () => {
    run(1);
    stop.abort();
    await stopped;
    run(1);
    await stopped;
  });

  it('tells how many wait, and how long one has waited', async () => {
    const depths: number[] = [];
    const waits: number[] = [];
    queue = new WorkQueue({ clock, onDepth: (depth) => depths.push(depth), onTaken: (waited) => waits.push(waited) });
    queue.add('a');
    queue.add('b');
    await clock.advance(250);
    run(1);
    await end('a');
    expect([depths, waits]).toEqual([
      [1, 2, 1, 0],
      [250, 250],
    ]);
  });

  it('never works on a key twice at a time, whatever happens', async () => {
    let seed = 7;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const active = new Set<string>();
    let overlaps = 0;
    let runs = 0;
    const done = queue.run(
      3,
      async (key) => {
        if (active.has(key)) overlaps++;
        active.add(key);
        runs++;
        await new Promise<void>((resolve) => clock.after(random() * 50, resolve));
        active.delete(key);
        if (random() < 0.3) queue.retry(key);
        else queue.forget(key);
      },
      stop.signal,
    );
    for (let step = 0; step < 500; step++) {
      const key = 'abcde'[Math.floor(random() * 5)]!;
      if (random() < 0.5) queue.add(key);
      else queue.addAfter(key, random() * 100);
      await clock.advance(random() * 10);
    }
    stop.abort();
    await clock.advance(1000);
    await done;
    expect(overlaps).toBe(0);
    expect(runs).toBeGreaterThan(100);
  });
});
