import { describe, expect, test } from 'vitest';
import { RecordReader, RecordSplitter, RecordWriter } from './jute.ts';

describe('records', () => {
  test('are read as they were written', () => {
    const framed = new RecordWriter()
      .int(-4)
      .long(-(2n ** 62n))
      .bool(true)
      .string('schlüssel')
      .string(null)
      .bytes(Buffer.from([1, 2]))
      .list(['a', 'b'], (name) => void name)
      .framed();
    expect(framed.readInt32BE()).toBe(framed.length - 4);
    const reader = new RecordReader(framed.subarray(4));
    expect([reader.int(), reader.long()]).toEqual([-4, -(2n ** 62n)]);
    const rest = framed.subarray(4 + 4 + 8);
    expect(rest[0]).toBe(1);
    const tail = new RecordReader(rest.subarray(1));
    expect([tail.string(), tail.bytes(), tail.bytes(), tail.list(() => 0)]).toEqual([
      'schlüssel',
      null,
      Buffer.from([1, 2]),
      [0, 0],
    ]);
  });

  test('that end too early are an error', () => {
    expect(() => new RecordReader(Buffer.alloc(3)).int()).toThrow(RangeError);
    expect(() => new RecordReader(new RecordWriter().int(9).framed().subarray(4)).bytes()).toThrow(RangeError);
  });
});

describe('RecordSplitter', () => {
  const stream = Buffer.concat(['one', '', 'three'.repeat(1000)].map((text) => new RecordWriter().string(text).framed()));

  test.each([1, 2, 3, 5, 7, 4096, 1e6])('finds the records in pieces of %i bytes', (size) => {
    const splitter = new RecordSplitter();
    const found: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      for (const record of splitter.push(stream.subarray(at, at + size), 10_000)) found.push(new RecordReader(record).string());
    }
    expect(found).toEqual(['one', '', 'three'.repeat(1000)]);
  });

  test('refuses a length out of all proportion', () => {
    expect(() => new RecordSplitter().push(Buffer.from('HTTP/1.1 400'), 10_000)).toThrow(RangeError);
  });
});
