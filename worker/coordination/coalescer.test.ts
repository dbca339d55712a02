import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Coalescer } from './coalescer.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('a coalescer', () => {
  it('writes at once, then at most once per interval, always the newest', async () => {
    const written: [number, number][] = [];
    const start = performance.now();
    const coalescer = new Coalescer<number>(async (value) => void written.push([performance.now() - start, value]), 1_000);
    for (let i = 0; i < 250; i++) {
      coalescer.offer(i);
      await vi.advanceTimersByTimeAsync(10);
    }
    await vi.advanceTimersByTimeAsync(5_000);
    expect(written).toEqual([
      [0, 0],
      [1_000, 99],
      [2_000, 199],
      [3_000, 249],
    ]);
  });

  it('never has two writes under way', async () => {
    let open = 0;
    let most = 0;
    const slow = async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 3_500));
      open--;
    };
    const coalescer = new Coalescer<number>(slow, 1_000);
    for (let i = 0; i < 10; i++) {
      coalescer.offer(i);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(most).toBe(1);
  });

  it('tries a failed write again, with what is newest then', async () => {
    const tried: string[] = [];
    const coalescer = new Coalescer<string>(async (value) => {
      tried.push(value);
      if (tried.length < 3) throw new Error('no connection');
    }, 1_000);
    coalescer.offer('a');
    await vi.advanceTimersByTimeAsync(1_500);
    coalescer.offer('b');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(tried).toEqual(['a', 'a', 'b']);
  });

  it('writes nothing after its close', async () => {
    const written: number[] = [];
    const coalescer = new Coalescer<number>(async (value) => void written.push(value), 1_000);
    coalescer.offer(1);
    coalescer.offer(2);
    await coalescer.close();
    coalescer.offer(3);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(written).toEqual([1]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
