import { u16, u32 } from '../../source/bytes.ts';
import { LockkeeperError } from '../../../common/errors.ts';
import { ColumnType, columnTypeName } from '../../source/column-type.ts';
import {
  LARGE_ARRAY,
  LITERAL,
  INT16,
  UINT16,
  INT32,
  UINT32,
  INT64,
  UINT64,
  DOUBLE,
  STRING,
  OPAQUE,
  layoutOf,
  typeAt,
  undecodable,
  valueAt,
  varLength,
  varLengthBytes,
} from './json-layout.ts';
import { decimalWriter, writeDoubleValue, writeInt64, writeUint64 } from './number-literals.ts';
import type { SqlBuffer } from './sql-buffer.ts';
import { unpackTemporal, unpackTime, writePacked } from './temporal-literals.ts';

const LITERALS = ['null', 'true', 'false'];

/** SQL around a hex or decimal literal that makes a JSON scalar of one opaque type: see probeOpaque. */
export type OpaqueForms = ReadonlyMap<number, (out: SqlBuffer, image: Buffer, start: number, end: number) => void>;

/**
 * A JSON document as SQL for a MySQL JSON column: a string where the server reads the same document from it, else an
 * expression. To be used as the whole value of a column.
 */
export function writeJsonValue(out: SqlBuffer, image: Buffer, start: number, end: number, opaque: OpaqueForms): void {
  if (end === start) out.ascii("_utf8mb4'null'");
  else if (isText(image, image[start]!, start + 1)) {
    out.ascii("_utf8mb4'");
    writeText(out, image, image[start]!, start + 1);
    out.byte(QUOTE);
  } else writeTyped(out, image, image[start]!, start + 1, opaque);
}

/** As writeJsonValue, as an expression whose type is JSON: for use inside functions. */
export function writeJsonExpression(out: SqlBuffer, image: Buffer, start: number, end: number, opaque: OpaqueForms): void {
  const text = end === start || isText(image, image[start]!, start + 1);
  if (text) out.ascii('CAST(');
  writeJsonValue(out, image, start, end, opaque);
  if (text) out.ascii(' AS JSON)');
}

/** A JSON document as MySQL prints it, in quotes: for columns that hold text. Typed scalars become what MySQL shows of them. */
export function writeJsonText(out: SqlBuffer, image: Buffer, start: number, end: number): void {
  out.byte(QUOTE);
  if (end === start) out.ascii('null');
  else writeText(out, image, image[start]!, start + 1);
  out.byte(QUOTE);
}

function writeTyped(out: SqlBuffer, image: Buffer, type: number, at: number, opaque: OpaqueForms): void {
  if (type <= LARGE_ARRAY) {
    writeConstructor(out, image, type, at, opaque);
    return;
  }
  // A scalar alone: the one way from SQL to JSON that keeps every type is through an array.
  out.ascii('JSON_EXTRACT(JSON_ARRAY(');
  writeElement(out, image, type, at, opaque);
  out.ascii("),_utf8mb4'$[0]')");
}

/** Whether MySQL's JSON parser makes the very same document out of the text: same types, same bits. */
function isText(image: Buffer, type: number, at: number): boolean {
  switch (type) {
    case LITERAL:
    case INT16:
    case INT32:
    case STRING:
      return true;
    case INT64: {
      // From 2^32 on the parser makes positive numbers unsigned.
      const high = u32(image, at + 4) | 0;
      return high <= 0;
    }
    case UINT16:
    case UINT32:
      return false;
    case UINT64:
      return u32(image, at + 4) !== 0;
    case DOUBLE:
      return isExactText(image.readDoubleLE(at));
    case OPAQUE:
      return false;
    default: {
      if (type > LARGE_ARRAY) throw undecodable(`value type ${type}`);
      const layout = layoutOf(image, type, at);
      for (let i = 0; i < layout.count; i++) {
        if (!isText(image, typeAt(image, layout, i), valueAt(image, layout, at, i))) return false;
      }
      return true;
    }
  }
}

/**
 * Whether every version of the parser reads the text of a double exactly: with up to 15 digits and a power of ten up to 22, one
 * correctly rounded operation makes the number.
 */
function isExactText(value: number): boolean {
  const { digits, exponent } = decimalOf(value);
  return digits.length <= 14 && Math.abs(exponent - digits.length + 1) <= 21;
}

/** The fewest digits that make the double, with the point behind the first one, times a power of ten. */
function decimalOf(value: number): { digits: string; exponent: number } {
  const [mantissa = '', exponent = '0'] = Math.abs(value).toExponential().split('e');
  return { digits: mantissa.replace('.', ''), exponent: Number(exponent) };
}

/**
 * A double as MySQL prints it within JSON, so that a target that keeps JSON as text has the source's very text.
 * Source: my_gcvt of MySQL's strings/dtoa.cc: without an exponent where 15 places before or behind the point are enough.
 */
export function jsonDoubleText(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const { digits, exponent } = decimalOf(value);
  const places = exponent + 1;
  if (places <= 0 && places > -15) return `${sign}0.${'0'.repeat(-places)}${digits}`;
  if (places > 0 && digits.length > places && places <= 16) return `${sign}${digits.slice(0, places)}.${digits.slice(places)}`;
  if (places > 0 && places <= 15) return `${sign}${digits.padEnd(places, '0')}.0`;
  return `${sign}${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ''}e${exponent}`;
}

function writeText(out: SqlBuffer, image: Buffer, type: number, at: number): void {
  switch (type) {
    case STRING: {
      const length = varLength(image, at);
      const start = at + varLengthBytes(image, at);
      writeStringText(out, image, start, start + length);
      return;
    }
    case DOUBLE:
      out.ascii(jsonDoubleText(image.readDoubleLE(at)));
      return;
    case OPAQUE:
      writeOpaqueText(out, image, at);
      return;
    default:
      if (type > LARGE_ARRAY) {
        writeScalarDigits(out, image, type, at);
        return;
      }
  }
  const layout = layoutOf(image, type, at);
  out.byte(layout.object ? 0x7b : 0x5b);
  for (let i = 0; i < layout.count; i++) {
    if (i > 0) out.ascii(', ');
    if (layout.object) {
      const key = layout.keys + i * (layout.large ? 6 : 4);
      const start = at + (layout.large ? u32(image, key) : u16(image, key));
      writeStringText(out, image, start, start + u16(image, key + (layout.large ? 4 : 2)));
      out.ascii(': ');
    }
    writeText(out, image, typeAt(image, layout, i), valueAt(image, layout, at, i));
  }
  out.byte(layout.object ? 0x7d : 0x5d);
}

/** JSON_OBJECT(...) or JSON_ARRAY(...) with a typed SQL expression for every element. */
function writeConstructor(out: SqlBuffer, image: Buffer, type: number, at: number, opaque: OpaqueForms): void {
  const layout = layoutOf(image, type, at);
  out.ascii(layout.object ? 'JSON_OBJECT(' : 'JSON_ARRAY(');
  for (let i = 0; i < layout.count; i++) {
    if (i > 0) out.byte(0x2c);
    if (layout.object) {
      const key = layout.keys + i * (layout.large ? 6 : 4);
      const start = at + (layout.large ? u32(image, key) : u16(image, key));
      out.ascii('_utf8mb4');
      out.quoted(image, start, start + u16(image, key + (layout.large ? 4 : 2)));
      out.byte(0x2c);
    }
    writeElement(out, image, typeAt(image, layout, i), valueAt(image, layout, at, i), opaque);
  }
  out.byte(0x29);
}

function writeElement(out: SqlBuffer, image: Buffer, type: number, at: number, opaque: OpaqueForms): void {
  switch (type) {
    case STRING: {
      const length = varLength(image, at);
      const start = at + varLengthBytes(image, at);
      out.ascii('_utf8mb4');
      out.quoted(image, start, start + length);
      return;
    }
    case DOUBLE:
      writeDoubleValue(out, image.readDoubleLE(at));
      return;
    case UINT16:
    case UINT32:
    case UINT64:
      out.ascii('CAST(');
      writeScalarDigits(out, image, type, at);
      out.ascii(' AS UNSIGNED)');
      return;
    case OPAQUE:
      writeOpaque(out, image, at, opaque);
      return;
    default:
      if (type <= LARGE_ARRAY) writeConstructor(out, image, type, at, opaque);
      else writeScalarDigits(out, image, type, at);
  }
}

/** Literals and integers, which look the same in JSON and SQL. */
function writeScalarDigits(out: SqlBuffer, image: Buffer, type: number, at: number): void {
  switch (type) {
    case LITERAL: {
      const literal = LITERALS[image[at]!];
      if (literal === undefined) throw undecodable(`literal ${image[at]}`);
      out.ascii(literal);
      return;
    }
    case INT16:
      out.int((u16(image, at) << 16) >> 16);
      return;
    case UINT16:
      out.int(u16(image, at));
      return;
    case INT32:
      out.int(u32(image, at) | 0);
      return;
    case UINT32:
      out.int(u32(image, at));
      return;
    case INT64:
      writeInt64(out, image, at, at + 8);
      return;
    case UINT64:
      writeUint64(out, image, at, at + 8);
      return;
    default:
      throw undecodable(`value type ${type}`);
  }
}

/** Opaque value: the column type it came from, a length, and the bytes of that type. */
function writeOpaque(out: SqlBuffer, image: Buffer, at: number, opaque: OpaqueForms): void {
  const type = image[at]!;
  const length = varLength(image, at + 1);
  const start = at + 1 + varLengthBytes(image, at + 1);
  switch (type) {
    case ColumnType.NEWDECIMAL:
      writeDecimal(out, image, start, start + length);
      return;
    case ColumnType.DATE:
      out.ascii("CAST('");
      writePacked(out, unpackTemporal(image, start), 'date');
      out.ascii("' AS DATE)");
      return;
    case ColumnType.TIME:
      out.ascii("CAST('");
      writePacked(out, unpackTime(image, start), 'time');
      out.ascii("' AS TIME(6))");
      return;
    case ColumnType.DATETIME:
      out.ascii("CAST('");
      writePacked(out, unpackTemporal(image, start), 'datetime');
      out.ascii("' AS DATETIME(6))");
      return;
    case ColumnType.TIMESTAMP:
      // No SQL expression has the type TIMESTAMP but a column; JSON_TABLE makes one of a constant.
      out.ascii("(SELECT a FROM JSON_TABLE(JSON_ARRAY(_utf8mb4'");
      writePacked(out, unpackTemporal(image, start), 'datetime');
      out.ascii("'),_utf8mb4'$[*]' COLUMNS(a TIMESTAMP(6) PATH _utf8mb4'$')) t)");
      return;
    default: {
      const form = opaque.get(type);
      if (form === undefined) {
        throw new LockkeeperError('LK1406', `a JSON value of ${columnTypeName(type)} cannot be written by SQL statements`, {
          found: `opaque type ${type}, ${length} bytes`,
          remedy: 'Let the table go through raw apply (apply.mode Auto or Raw), or change the value at the source.',
        });
      }
      form(out, image, start, start + length);
    }
  }
}

/**
 * JSON keeps a DECIMAL's precision: of a literal its digits, of a value that came out of a column or a CAST whole groups of nine
 * before the point.
 */
function writeDecimal(out: SqlBuffer, image: Buffer, start: number, end: number): void {
  const precision = image[start]!;
  const scale = image[start + 1]!;
  const write = decimalWriter(precision, scale);
  const from = out.length;
  write(out, image, start + 2, end);
  const sign = out.bytes[from] === 0x2d ? 1 : 0;
  const whole = out.length - from - sign - (scale === 0 ? 0 : scale + 1);
  if (whole + scale === precision) return;
  out.length = from;
  out.ascii('CAST(');
  write(out, image, start + 2, end);
  out.ascii(` AS DECIMAL(${whole + scale},${scale}))`);
}

function writeOpaqueText(out: SqlBuffer, image: Buffer, at: number): void {
  const type = image[at]!;
  const length = varLength(image, at + 1);
  const start = at + 1 + varLengthBytes(image, at + 1);
  if (type === ColumnType.NEWDECIMAL) {
    decimalWriter(image[start]!, image[start + 1]!)(out, image, start + 2, start + length);
    return;
  }
  out.byte(0x22);
  const part = TEMPORAL_PARTS.get(type);
  if (part !== undefined) writePacked(out, part === 'time' ? unpackTime(image, start) : unpackTemporal(image, start), part);
  else {
    out.ascii(`base64:type${type}:`);
    // MySQL breaks base64 into lines of 76, and a line feed within JSON is \n, whose backslash SQL doubles.
    const base64 = image.toString('base64', start, start + length);
    for (let from = 0; from < base64.length; from += 76) {
      if (from > 0) out.ascii('\\\\n');
      out.ascii(base64.slice(from, from + 76));
    }
  }
  out.byte(0x22);
}

const TEMPORAL_PARTS: ReadonlyMap<number, 'date' | 'time' | 'datetime'> = new Map([
  [ColumnType.DATE, 'date'],
  [ColumnType.TIME, 'time'],
  [ColumnType.DATETIME, 'datetime'],
  [ColumnType.TIMESTAMP, 'datetime'],
] as const);

const QUOTE = 0x27;
const BACKSLASH = 0x5c;
const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x08, 'b'],
  [0x09, 't'],
  [0x0a, 'n'],
  [0x0c, 'f'],
  [0x0d, 'r'],
]);

/** A JSON string inside an SQL string: escaped for JSON, and that again for SQL. */
function writeStringText(out: SqlBuffer, image: Buffer, start: number, end: number): void {
  out.reserve((end - start) * 8 + 2);
  const { bytes } = out;
  let at = out.length;
  bytes[at++] = 0x22;
  for (let i = start; i < end; i++) {
    const value = image[i]!;
    if (value === QUOTE) bytes[at++] = BACKSLASH;
    else if (value === 0x22 || value === BACKSLASH) {
      bytes[at++] = BACKSLASH;
      bytes[at++] = BACKSLASH;
      if (value === BACKSLASH) bytes[at++] = BACKSLASH;
    } else if (value < 0x20) {
      const escape = SHORT_ESCAPES.get(value) ?? `u00${value < 16 ? '0' : '1'}${(value & 15).toString(16)}`;
      bytes[at++] = BACKSLASH;
      bytes[at++] = BACKSLASH;
      at += bytes.write(escape, at, 'latin1');
      continue;
    }
    bytes[at++] = value;
  }
  bytes[at++] = 0x22;
  out.length = at;
}
