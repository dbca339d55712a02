import { inflateRawSync, inflateSync } from 'node:zlib';
import { LockkeeperError } from '../../../common/errors.ts';
import { ColumnType, columnTypeName } from '../../source/column-type.ts';
import { sameBytes } from './charset.ts';
import { writeJsonText, writeJsonValue, type OpaqueForms } from './json-literal.ts';
import {
  decimalWriter,
  intWriters,
  writeBit,
  writeDouble,
  writeFloat,
  writeInt64,
  writeUint64,
  writeYear,
  type LiteralWriter,
} from './number-literals.ts';
import type { ColumnPair } from './source-column.ts';
import {
  datetime2Writer,
  time2Writer,
  timestamp2Writer,
  writeDate,
  writeOldDatetime,
  writeOldTime,
  writeOldTimestamp,
} from './temporal-literals.ts';

export interface LiteralContext {
  /** How this server makes opaque JSON scalars; only needed for JSON columns. */
  readonly opaque: OpaqueForms;
  /** Members of ENUM and SET columns that hold others at the target: source index (from 1) to target index, 0 = not there. */
  readonly memberMap?: readonly number[] | undefined;
}

/**
 * The writer of one column's values as SQL literals that the target stores as the very bytes that the source has. Needs the
 * session state of TargetSession: binary character set, UTC, lenient SQL mode.
 */
export function literalWriter(column: ColumnPair, context: LiteralContext): LiteralWriter {
  const { type, meta, unsigned } = column;
  switch (type) {
    case ColumnType.TINY:
      return unsigned ? intWriters[1].unsigned : intWriters[1].signed;
    case ColumnType.SHORT:
      return unsigned ? intWriters[2].unsigned : intWriters[2].signed;
    case ColumnType.INT24:
      return unsigned ? intWriters[3].unsigned : intWriters[3].signed;
    case ColumnType.LONG:
      return unsigned ? intWriters[4].unsigned : intWriters[4].signed;
    case ColumnType.LONGLONG:
      return unsigned ? writeUint64 : writeInt64;
    case ColumnType.FLOAT:
      return writeFloat;
    case ColumnType.DOUBLE:
      return writeDouble;
    case ColumnType.NEWDECIMAL:
      return decimalWriter(meta >> 8, meta & 0xff);
    case ColumnType.BIT:
      return writeBit;
    case ColumnType.YEAR:
      return writeYear;
    case ColumnType.DATE:
    case ColumnType.NEWDATE:
      return writeDate;
    case ColumnType.TIME:
      return writeOldTime;
    case ColumnType.DATETIME:
      return writeOldDatetime;
    case ColumnType.TIMESTAMP:
      return writeOldTimestamp;
    case ColumnType.TIME2:
      return time2Writer(meta);
    case ColumnType.DATETIME2:
      return datetime2Writer(meta);
    case ColumnType.TIMESTAMP2:
      return timestamp2Writer(meta);
    case ColumnType.ENUM:
      return enumWriter(column, context.memberMap);
    case ColumnType.SET:
      return setWriter(column, context.memberMap);
    case ColumnType.JSON:
      if (column.target.dataType !== 'json') return writeJsonText;
      return (out, image, start, end) => writeJsonValue(out, image, start, end, context.opaque);
    case ColumnType.GEOMETRY:
    case ColumnType.VECTOR:
      return (out, image, start, end) => out.hex(image, start, end);
    case ColumnType.MARIADB_BLOB_COMPRESSED:
    case ColumnType.MARIADB_VARCHAR_COMPRESSED:
      return decompressed(bytesWriter(column));
    case ColumnType.STRING:
      return fixedTypeWriter(column) ?? bytesWriter(column);
    case ColumnType.VARCHAR:
    case ColumnType.VAR_STRING:
    case ColumnType.TINY_BLOB:
    case ColumnType.MEDIUM_BLOB:
    case ColumnType.LONG_BLOB:
    case ColumnType.BLOB:
      return bytesWriter(column);
    case ColumnType.NULL:
      return (out) => out.ascii('NULL');
    default:
      throw new LockkeeperError(
        'LK1308',
        `column ${column.target.name} arrives as ${columnTypeName(type)}, which SQL statements cannot write`,
      );
  }
}

/** Text and bytes: as they are where the target column has the same character set, else with a character set introducer. */
function bytesWriter(column: ColumnPair): LiteralWriter {
  if (needsIntroducer(column)) return textIntroducer(column.charset ?? 'binary');
  return (out, image, start, end) => out.quoted(image, start, end);
}

/** `_charset X'...'` */
export function textIntroducer(charset: string): LiteralWriter {
  const introducer = Buffer.from(`_${charset} `, 'latin1');
  return (out, image, start, end) => {
    out.raw(introducer);
    out.hex(image, start, end);
  };
}

/** Whether the server must be told the text's character set, so that it converts. */
export function needsIntroducer(column: ColumnPair): boolean {
  const charset = column.charset ?? 'binary';
  // A JSON column takes no string of unknown character set.
  if (column.target.dataType === 'json') return charset !== 'binary';
  return column.target.charset !== null && !sameBytes(charset, column.target.charset);
}

/** Bytes of BINARY(n) with the zeros at the end that the row image leaves out; null for other columns. */
export function paddedLength(column: ColumnPair): number | null {
  return column.type === ColumnType.STRING && column.charset === 'binary' ? column.meta : null;
}

/** BINARY(n) and MariaDB's types that are logged like it. */
function fixedTypeWriter(column: ColumnPair): LiteralWriter | null {
  const { dataType } = column.target;
  if (dataType === 'uuid' || dataType === 'inet6') return padded(16, (out, image, start, end) => out.hex(image, start, end));
  if (dataType === 'inet4') return padded(4, (out, image, start, end) => out.hex(image, start, end));
  // The server pads BINARY(n) itself; elsewhere the zeros are part of the value.
  const length = paddedLength(column);
  return length === null || dataType === 'binary' ? null : padded(length, bytesWriter(column));
}

/** Appends the zeros that the row image leaves out. */
export function padded(length: number, write: LiteralWriter): LiteralWriter {
  const whole = Buffer.alloc(length);
  return (out, image, start, end) => {
    if (end - start >= length) return write(out, image, start, end);
    whole.fill(0);
    image.copy(whole, 0, start, end);
    write(out, whole, 0, length);
  };
}

/** ENUM as its number: exact, and the only way to write the error value 0. */
function enumWriter(column: ColumnPair, memberMap: readonly number[] | undefined): LiteralWriter {
  const { members, target } = column;
  const read = (image: Buffer, start: number, end: number) => (end - start === 1 ? image[start]! : image.readUInt16LE(start));
  if (target.dataType !== 'enum' && members !== null)
    return memberTextWriter(column, (image, start, end) => members[read(image, start, end) - 1]);
  if (memberMap === undefined) return (out, image, start, end) => out.int(read(image, start, end));
  return (out, image, start, end) => {
    const index = read(image, start, end);
    const mapped = index === 0 ? 0 : memberMap[index - 1];
    if (index !== 0 && !mapped) throw missingMember(column, members?.[index - 1]);
    out.int(mapped!);
  };
}

/** SET as its bits. */
function setWriter(column: ColumnPair, memberMap: readonly number[] | undefined): LiteralWriter {
  const { members, target } = column;
  const chosen = (image: Buffer, start: number, end: number) => {
    const indexes: number[] = [];
    for (let bit = 0; bit < (end - start) * 8; bit++) if ((image[start + (bit >> 3)]! >> (bit & 7)) & 1) indexes.push(bit);
    return indexes;
  };
  if (target.dataType !== 'set' && members !== null) {
    const comma = Buffer.from(',');
    return memberTextWriter(column, (image, start, end) => {
      const parts = chosen(image, start, end).flatMap((bit) => [comma, members[bit]!]);
      return Buffer.concat(parts.slice(1));
    });
  }
  if (memberMap === undefined) {
    return (out, image, start, end) => {
      if (end - start <= 6) out.int(image.readUIntLE(start, end - start));
      else writeUint64(out, image, start, end);
    };
  }
  return (out, image, start, end) => {
    let bits = 0n;
    for (const bit of chosen(image, start, end)) {
      const mapped = memberMap[bit];
      if (!mapped) throw missingMember(column, members?.[bit]);
      bits |= 1n << BigInt(mapped - 1);
    }
    out.ascii(bits.toString());
  };
}

/** ENUM and SET into a text column: the names, in the source column's character set. */
function memberTextWriter(
  column: ColumnPair,
  text: (image: Buffer, start: number, end: number) => Buffer | undefined,
): LiteralWriter {
  const write = bytesWriter(column);
  const empty = Buffer.alloc(0);
  return (out, image, start, end) => {
    const bytes = text(image, start, end) ?? empty;
    write(out, bytes, 0, bytes.length);
  };
}

function missingMember(column: ColumnPair, member: Buffer | undefined): LockkeeperError {
  return new LockkeeperError('LK1406', `column ${column.target.name} has no member of that name at the target`, {
    found: member?.toString('utf8') ?? 'an unknown member',
  });
}

/**
 * MariaDB COMPRESSED columns: a header byte (high bit: zlib, bit 3: without zlib wrapper, low 3 bits: bytes of the length),
 * the length of the data, big-endian, and the data. Source: MariaDB sql/field_comp.cc.
 */
function decompressed(write: LiteralWriter): LiteralWriter {
  return (out, image, start, end) => {
    if (start === end) return write(out, image, start, end);
    const header = image[start]!;
    if ((header & 0x80) === 0) return write(out, image, start + 1, end);
    const from = start + 1 + (header & 7);
    const packed = image.subarray(from, end);
    const data = (header & 8) !== 0 ? inflateRawSync(packed) : inflateSync(packed);
    write(out, data, 0, data.length);
  };
}
