import { expect, test } from 'vitest';
import { ResultReader } from './raw-rows.ts';
import { RowLines } from './row-lines.ts';

/** A row of the text protocol. */
function textRow(...values: (Buffer | string | null)[]): Buffer {
  const parts = values.map((value) => {
    if (value === null) return Buffer.from([0xfb]);
    const bytes = Buffer.from(value as string, 'latin1');
    return Buffer.concat([lengthOf(bytes.length), bytes]);
  });
  return Buffer.concat(parts);
}

function lengthOf(length: number): Buffer {
  if (length < 0xfb) return Buffer.from([length]);
  const buffer = Buffer.alloc(length < 0x10000 ? 3 : length < 0x1000000 ? 4 : 9);
  buffer[0] = length < 0x10000 ? 0xfc : length < 0x1000000 ? 0xfd : 0xfe;
  buffer.writeUIntLE(length, 1, Math.min(6, buffer.length - 1));
  return buffer;
}

function collect(columns: number): { lines: RowLines; text: () => string; blocks: number[] } {
  const parts: Buffer[] = [];
  const blocks: number[] = [];
  const lines = new RowLines(columns, (block) => {
    blocks.push(block.length);
    parts.push(Buffer.from(block));
  });
  return { lines, blocks, text: () => Buffer.concat(parts).toString('latin1') };
}

function write(lines: RowLines, row: Buffer): void {
  lines.row(Buffer.concat([Buffer.from('xx'), row, Buffer.from('yy')]), 2, 2 + row.length);
}

test('separates values, marks NULL, and escapes what separates', () => {
  const { lines, text } = collect(4);
  write(lines, textRow('1', null, '', 'a\tb\nc\\d\0e'));
  write(lines, textRow('\\N', 'N', '\n', '\r'));
  lines.flush();
  expect(text()).toBe('1\t\\N\t\ta\\\tb\\\nc\\\\d\0e\n\\\\N\tN\t\\\n\t\r\n');
  expect([lines.rows, lines.bytes]).toEqual([2, text().length]);
});

test.each([250, 251, 252, 65_535, 65_536, 300_000, 0x1000000 + 5])(
  'takes values of %d bytes in blocks of bounded size',
  (length) => {
    const { lines, text, blocks } = collect(2);
    const value = Buffer.alloc(length, 'ab\tc\\');
    write(lines, textRow(value, 'end'));
    lines.flush();
    expect(text() === `${value.toString('latin1').replace(/[\t\\]/g, '\\$&')}\tend\n`).toBe(true);
    expect(Math.max(...blocks)).toBeLessThanOrEqual(256 * 1024);
  },
);

test('many rows fill several blocks without a gap', () => {
  const { lines, text, blocks } = collect(2);
  for (let i = 0; i < 20_000; i++) write(lines, textRow(String(i), 'some value'.repeat(3)));
  lines.flush();
  const found = text().split('\n');
  expect(found).toHaveLength(20_001);
  expect(found.every((line, i) => i === 20_000 || line === `${i}\t${'some value'.repeat(3)}`)).toBe(true);
  expect(blocks.length).toBeGreaterThan(2);
});

test('refuses a row with more values than columns', () => {
  const { lines } = collect(1);
  expect(() => write(lines, textRow('1', '2'))).toThrow('after its 1 values');
});

function packet(sequence: number, body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let from = 0; ; from += 0xffffff) {
    const part = body.subarray(from, from + 0xffffff);
    const header = Buffer.alloc(4);
    header.writeUIntLE(part.length, 0, 3);
    header[3] = sequence++ & 0xff;
    parts.push(header, part);
    if (part.length < 0xffffff) return Buffer.concat(parts);
  }
}

const prelude = (columns: number) => [
  packet(1, Buffer.from([columns])),
  ...Array.from({ length: columns }, (_, i) => packet(2 + i, Buffer.from('column definition'))),
  packet(2 + columns, Buffer.from([0xfe, 0, 0, 0, 0])),
];

function readAll(answer: Buffer, pieces: number): { rows: string[]; rest: string; sequence: number } {
  const rows: string[] = [];
  let end = { rest: '', sequence: -1 };
  const reader = new ResultReader(
    { row: (bytes, from, to) => void rows.push(bytes.toString('latin1', from, to)) },
    (rest, sequence) => (end = { rest: rest.toString('hex'), sequence }),
  );
  for (let at = 0; at < answer.length && end.sequence < 0; at += pieces) reader.execute(answer.subarray(at, at + pieces));
  return { rows, ...end };
}

const eof = packet(9, Buffer.from([0xfe, 0, 0, 2, 0]));

test.each([1, 2, 3, 5, 7, 64, 10_000])('rows are cut the same from pieces of %d bytes', (pieces) => {
  const rows = ['first', '', 'x'.repeat(300), '\xfe is long enough'];
  const answer = Buffer.concat([...prelude(3), ...rows.map((row, i) => packet(6 + i, textRow(row))), eof]);
  const { rows: found, rest, sequence } = readAll(answer, pieces);
  expect(found).toEqual(rows.map((row) => textRow(row).toString('latin1')));
  expect(sequence).toBe(9);
  expect(eof.toString('hex').startsWith(rest.slice(0, eof.length * 2))).toBe(true);
});

test('an error amid the rows ends them and goes to the driver', () => {
  const error = packet(7, Buffer.from('\xff\x84\x05#HY000gone', 'latin1'));
  const { rows, rest } = readAll(Buffer.concat([...prelude(1), packet(4, textRow('1')), error]), 1000);
  expect(rows).toEqual([textRow('1').toString('latin1')]);
  expect(rest).toBe(error.toString('hex'));
});

test('an error instead of rows goes to the driver', () => {
  const error = packet(1, Buffer.from('\xff\x84\x05#HY000gone', 'latin1'));
  expect(readAll(error, 1000)).toEqual({ rows: [], rest: error.toString('hex'), sequence: 1 });
});

test('a row longer than a packet is joined', () => {
  const row = textRow('y'.repeat(0xffffff + 10));
  const { rows } = readAll(Buffer.concat([...prelude(1), packet(4, row), eof]), 1 << 20);
  expect(rows[0] === row.toString('latin1')).toBe(true);
});
