import { u32 } from '../../source/bytes.ts';
import { LockkeeperError } from '../../../common/errors.ts';
import { writeJsonExpression, type OpaqueForms } from './json-literal.ts';
import type { SqlBuffer } from './sql-buffer.ts';

/** Bytes of a buffer; `start` -1 is NULL. */
export interface Slice {
  readonly image: Buffer;
  readonly start: number;
  readonly end: number;
}

const REPLACE = 0;
const REMOVE = 2;

interface Diff {
  readonly operation: number;
  readonly path: Slice;
  readonly value: Slice | null;
}

/**
 * The document that a list of JSON diffs makes of `before`, as an SQL expression: JSON_REMOVE(JSON_REPLACE(...), ...).
 * Each diff is an operation byte, a path and (not for REMOVE) a binary JSON value, the latter two with their lengths before
 * them. Source: MySQL sql/json_diff.cc.
 */
export function writeJsonDiff(out: SqlBuffer, before: Slice, diffs: Slice, opaque: OpaqueForms): void {
  const list = readDiffs(diffs);
  for (let i = list.length - 1; i >= 0; i--) {
    const { operation, path } = list[i]!;
    const arrayElement = path.image[path.end - 1] === 0x5d;
    out.ascii(
      operation === REPLACE
        ? 'JSON_REPLACE('
        : operation === REMOVE
          ? 'JSON_REMOVE('
          : arrayElement
            ? 'JSON_ARRAY_INSERT('
            : 'JSON_INSERT(',
    );
  }
  writeJsonExpression(out, before.image, before.start, before.end, opaque);
  for (const { path, value } of list) {
    out.ascii(',_utf8mb4');
    out.quoted(path.image, path.start, path.end);
    if (value !== null) {
      out.byte(0x2c);
      writeJsonExpression(out, value.image, value.start, value.end, opaque);
    }
    out.byte(0x29);
  }
}

function readDiffs({ image, start, end }: Slice): Diff[] {
  const list: Diff[] = [];
  let at = start;
  const sized = (): Slice => {
    const first = image[at] ?? 0;
    const width = first < 0xfb ? 0 : first === 0xfc ? 2 : first === 0xfd ? 3 : 8;
    const length = width === 0 ? first : width === 8 ? u32(image, at + 1) : image.readUIntLE(at + 1, width);
    const from = at + 1 + width;
    at = from + length;
    if (at > end) throw new LockkeeperError('LK1203', 'a JSON difference reaches past the end of its value');
    return { image, start: from, end: at };
  };
  while (at < end) {
    const operation = image[at++]!;
    if (operation > REMOVE) throw new LockkeeperError('LK1203', `a JSON difference has the unknown operation ${operation}`);
    // The root is left out of the path.
    const path = sized();
    list.push({ operation, path: rooted(path), value: operation === REMOVE ? null : sized() });
  }
  return list;
}

function rooted(path: Slice): Slice {
  if (path.image[path.start] === 0x24) return path;
  const whole = Buffer.concat([Buffer.from('$'), path.image.subarray(path.start, path.end)]);
  return { image: whole, start: 0, end: whole.length };
}
