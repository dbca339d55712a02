import { describe, expect, it } from 'vitest';
import { ByteReader } from './bytes.ts';
import { readTaggedGtid } from './tagged-gtid.ts';

/** An unsigned number as the serialization library writes it: its width in low ones, then its bits. */
function unsigned(value: bigint): number[] {
  let width = 1;
  while (width < 9 && value >= 1n << BigInt(7 * width)) width++;
  let bits = width === 9 ? (value << 8n) | 0xffn : (value << BigInt(width)) | BigInt((1 << (width - 1)) - 1);
  return Array.from({ length: width }, () => {
    const byte = Number(bits & 0xffn);
    bits >>= 8n;
    return byte;
  });
}

const signed = (value: bigint): number[] => unsigned(value >= 0n ? value << 1n : (-(value + 1n) << 1n) | 1n);
const uuid = Array.from({ length: 16 }, (_, i) => i * 17);

function message(fields: number[][], lastRequired = 11n): ByteReader {
  const body = fields.flat();
  return new ByteReader(Buffer.from([...unsigned(1n), ...unsigned(BigInt(body.length)), ...unsigned(lastRequired), ...body]));
}

const required = [
  [...unsigned(0n), ...unsigned(1n)],
  [...unsigned(1n), ...uuid.flatMap((byte) => unsigned(BigInt(byte)))],
  [...unsigned(2n), ...signed(5n)],
  [...unsigned(3n), ...unsigned(3n), ...Buffer.from('tag')],
];

describe('readTaggedGtid', () => {
  it('reads all fields', () => {
    const gtid = readTaggedGtid(
      message([
        ...required,
        [...unsigned(4n), ...signed(-1n)],
        [...unsigned(5n), ...signed(300n)],
        [...unsigned(6n), ...unsigned(1_795_436_970_107_496n)],
        [...unsigned(7n), ...unsigned(1_795_436_970_000_001n)],
        [...unsigned(8n), ...unsigned(100n)],
        [...unsigned(9n), ...unsigned(90_704n)],
        [...unsigned(10n), ...unsigned(80_400n)],
        [...unsigned(11n), ...unsigned((1n << 64n) - 1n)],
      ]),
    );
    expect(gtid).toEqual({
      uuid: Buffer.from(uuid),
      tag: 'tag',
      gno: 5,
      lastCommitted: -1,
      sequenceNumber: 300,
      originalCommitMicros: 1_795_436_970_000_001,
    });
  });

  it('takes the immediate commit time where the original one is left out, and skips fields of later versions', () => {
    const later = [...unsigned(12n), 1, 2, 3];
    const gtid = readTaggedGtid(message([...required, [...unsigned(6n), ...unsigned(77n)], later]));
    expect(gtid.originalCommitMicros).toBe(77);
  });

  it.each([1n, 127n, 128n, 16383n, 16384n, (1n << 35n) - 1n, 1n << 42n, 1n << 49n, (1n << 52n) - 1n])(
    'reads transaction number %d',
    (gno) => {
      const gtid = readTaggedGtid(message([required[1]!, [...unsigned(2n), ...signed(gno)]]));
      expect(BigInt(gtid.gno)).toBe(gno);
    },
  );

  it.each([1n << 54n, 1n << 62n])('refuses transaction number %d, which a double cannot hold', (gno) => {
    expect(() => readTaggedGtid(message([required[1]!, [...unsigned(2n), ...signed(gno)]]))).toThrow(RangeError);
  });

  it('refuses a message with a required field that it does not know', () => {
    expect(() => readTaggedGtid(message(required, 12n))).toThrow('field 12');
  });
});
