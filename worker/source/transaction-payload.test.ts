import { describe, expect, it } from 'vitest';
import { EventCutter } from './transaction-payload.ts';

function event(length: number, fill: number): Buffer {
  const bytes = Buffer.alloc(length, fill);
  bytes.writeUInt32LE(length, 9);
  return bytes;
}

describe('EventCutter', () => {
  const events = [event(19, 1), event(100, 2), event(20, 3), event(5000, 4), event(19, 5)];
  const whole = Buffer.concat(events);

  it.each([1, 2, 7, 18, 19, 20, 50, 119, 1000, 5158])('finds the events in chunks of %d bytes', (size) => {
    const found: Buffer[] = [];
    const cutter = new EventCutter((one) => found.push(one));
    for (let at = 0; at < whole.length; at += size) cutter.take(whole.subarray(at, at + size));
    cutter.end();
    expect(found.length).toBe(events.length);
    found.forEach((one, i) => expect(one.equals(events[i]!)).toBe(true));
  });

  it('notices a last event that is cut off', () => {
    const cutter = new EventCutter(() => undefined);
    cutter.take(whole.subarray(0, -1));
    expect(() => cutter.end()).toThrow('cut off');
  });
});
