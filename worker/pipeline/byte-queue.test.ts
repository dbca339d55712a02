import { describe, expect, it } from 'vitest';
import { ByteQueue } from './byte-queue.ts';

const item = (bytes: number) => ({ bytes });

describe('ByteQueue', () => {
  it('hands out everything queued, in order', async () => {
    const queue = new ByteQueue<{ bytes: number }>(100);
    queue.push(item(1));
    queue.push(item(2));
    expect((await queue.take()).map((i) => i.bytes)).toEqual([1, 2]);
    expect(queue.poll()).toEqual([]);
  });

  it('counts what small items take beside their bytes', () => {
    const queue = new ByteQueue<{ bytes: number }>(10 * 1024 + 10);
    for (let i = 0; i < 10; i++) expect(queue.push(item(1))).toBe(true);
    expect(queue.push(item(1))).toBe(false);
    expect(queue.bytes).toBe(11);
  });

  it('tells the producer when it is full and when there is room again', () => {
    const queue = new ByteQueue<{ bytes: number }>(2 * 1024 + 10);
    let drained = 0;
    queue.onDrain = () => drained++;
    expect(queue.push(item(10))).toBe(true);
    expect(queue.push(item(1))).toBe(false);
    expect(queue.push(item(1))).toBe(false);
    queue.poll();
    expect(drained).toBe(1);
    expect(queue.bytes).toBe(0);
    expect(queue.push(item(1))).toBe(true);
  });

  it('wakes a waiting consumer', async () => {
    const queue = new ByteQueue<{ bytes: number }>(10);
    const taken = queue.take();
    queue.push(item(3));
    expect(await taken).toEqual([{ bytes: 3 }]);
  });

  it('delivers what came before an error, then the error', async () => {
    const queue = new ByteQueue<{ bytes: number }>(10);
    queue.push(item(1));
    queue.fail(new Error('lost'));
    queue.push(item(2));
    expect(await queue.take()).toEqual([{ bytes: 1 }]);
    await expect(queue.take()).rejects.toThrow('lost');
  });

  it('ends quietly after close', async () => {
    const queue = new ByteQueue<{ bytes: number }>(10);
    const taken = queue.take();
    queue.close();
    expect(await taken).toEqual([]);
    expect(queue.ended).toBe(true);
  });
});
