import { ColumnType, columnTypeName } from '../../source/column-type.ts';
import type { ColumnMetadata } from '../table-metadata.ts';
import { sameBytes } from './charset.ts';
import type { ColumnPair } from './source-column.ts';

const INTEGER_BITS: Readonly<Record<string, number>> = { tinyint: 8, smallint: 16, mediumint: 24, int: 32, bigint: 64 };
const SOURCE_BITS: ReadonlyMap<number, number> = new Map([
  [ColumnType.TINY, 8],
  [ColumnType.SHORT, 16],
  [ColumnType.INT24, 24],
  [ColumnType.LONG, 32],
  [ColumnType.LONGLONG, 64],
]);
/** Digits of the largest number of so many bits. */
const DIGITS: Readonly<Record<number, number>> = { 8: 3, 16: 5, 24: 8, 32: 10, 64: 20 };
const TEXT_TYPES: ReadonlySet<string> = new Set(['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext']);
const BYTE_TYPES: ReadonlySet<string> = new Set(['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob']);
const BLOB_CAPACITY = [0, 255, 65_535, 16_777_215, 4_294_967_295];
const FULL_UNICODE: ReadonlySet<string> = new Set(['utf8mb4', 'utf16', 'utf16le', 'utf32', 'gb18030']);
const SMALL_UNICODE: ReadonlySet<string> = new Set(['utf8mb3', 'ucs2']);

/** Bytes of the longest character. */
const WIDEST: Readonly<Record<string, number>> = {
  utf8mb4: 4,
  utf16: 4,
  utf16le: 4,
  utf32: 4,
  gb18030: 4,
  utf8mb3: 3,
  ujis: 3,
  eucjpms: 3,
  ucs2: 2,
  big5: 2,
  sjis: 2,
  cp932: 2,
  gbk: 2,
  gb2312: 2,
  euckr: 2,
};

/** Why the target column cannot hold every value of the source column exactly, or null when it can. */
export function columnFault(pair: ColumnPair): string | null {
  if (pair.nullable && !pair.target.nullable) return 'the source allows NULL, the target does not';
  const bits = SOURCE_BITS.get(pair.type);
  if (bits !== undefined) return integerFault(pair, bits);
  const { target, meta } = pair;
  const { dataType } = target;
  const differs = `the source has ${columnTypeName(pair.type)}, the target ${target.columnType}`;
  const unless = (fits: boolean) => (fits ? null : differs);
  switch (pair.type) {
    case ColumnType.FLOAT:
      return unless(dataType === 'float' || dataType === 'double');
    case ColumnType.DOUBLE:
      return unless(dataType === 'double');
    case ColumnType.NEWDECIMAL: {
      const scale = meta & 0xff;
      const whole = (meta >> 8) - scale;
      const targetScale = target.scale ?? 0;
      return unless(dataType === 'decimal' && targetScale >= scale && (target.precision ?? 0) - targetScale >= whole);
    }
    case ColumnType.BIT:
      return unless(dataType === 'bit' && (target.length ?? 0) >= (meta >> 8) * 8 + (meta & 0xff));
    case ColumnType.YEAR:
      return unless(dataType === 'year' || (INTEGER_BITS[dataType] ?? 0) > 8);
    case ColumnType.DATE:
    case ColumnType.NEWDATE:
      return unless(dataType === 'date' || dataType === 'datetime');
    case ColumnType.TIME:
      return unless(dataType === 'time');
    case ColumnType.TIME2:
      return unless(dataType === 'time' && (target.fsp ?? 0) >= meta);
    case ColumnType.DATETIME:
      return unless(dataType === 'datetime');
    case ColumnType.DATETIME2:
      return unless(dataType === 'datetime' && (target.fsp ?? 0) >= meta);
    case ColumnType.TIMESTAMP:
      return unless(dataType === 'timestamp');
    case ColumnType.TIMESTAMP2:
      return unless(dataType === 'timestamp' && (target.fsp ?? 0) >= meta);
    case ColumnType.ENUM:
    case ColumnType.SET:
      return membersFault(pair, pair.type === ColumnType.ENUM ? 'enum' : 'set') ? differs : null;
    case ColumnType.JSON:
      return unless(dataType === 'json' || (dataType === 'longtext' && FULL_UNICODE.has(target.charset ?? '')));
    case ColumnType.GEOMETRY:
      return unless(/geom|point|linestring|polygon/.test(dataType));
    case ColumnType.VECTOR:
      return unless(dataType === 'vector');
    default:
      return pair.charset === 'binary' ? bytesFault(pair, differs) : textFault(pair, differs);
  }
}

function integerFault(pair: ColumnPair, bits: number): string | null {
  const { target } = pair;
  const differs = `the source has ${pair.unsigned ? 'an unsigned' : 'a signed'} ${columnTypeName(pair.type)}, the target ${target.columnType}`;
  if (target.dataType === 'decimal') {
    const fits = (target.precision ?? 0) - (target.scale ?? 0) >= DIGITS[bits]! && (pair.unsigned || !target.unsigned);
    return fits ? null : differs;
  }
  const own = INTEGER_BITS[target.dataType];
  if (own === undefined) return differs;
  const fits = pair.unsigned === target.unsigned ? own >= bits : pair.unsigned && own > bits;
  return fits ? null : differs;
}

/** Members that are missing at the target by their names are found when such a row arrives; here only the shape is judged. */
function membersFault({ members, target }: ColumnPair, dataType: 'enum' | 'set'): boolean {
  if (target.dataType === dataType) return members !== null && members.length > (target.members?.length ?? 0);
  return members === null || !TEXT_TYPES.has(target.dataType);
}

function capacity(pair: ColumnPair): number {
  switch (pair.type) {
    case ColumnType.TINY_BLOB:
    case ColumnType.BLOB:
    case ColumnType.MEDIUM_BLOB:
    case ColumnType.LONG_BLOB:
    case ColumnType.MARIADB_BLOB_COMPRESSED:
      return BLOB_CAPACITY[pair.meta] ?? 0;
    case ColumnType.MARIADB_VARCHAR_COMPRESSED:
      return pair.meta - 1;
    default:
      return pair.meta;
  }
}

function bytesFault(pair: ColumnPair, differs: string): string | null {
  const { target } = pair;
  if (target.dataType === 'uuid' || target.dataType === 'inet6') return capacity(pair) === 16 ? null : differs;
  if (target.dataType === 'inet4') return capacity(pair) === 4 ? null : differs;
  // MariaDB 11.7 logs its VECTOR as bytes.
  if (target.dataType === 'vector') return null;
  if (!BYTE_TYPES.has(target.dataType)) return differs;
  const needed = capacity(pair);
  if ((target.octetLength ?? 0) < needed) return `${differs}, which is shorter`;
  return target.dataType === 'binary' && (pair.type !== ColumnType.STRING || target.octetLength !== needed) ? differs : null;
}

function textFault(pair: ColumnPair, differs: string): string | null {
  const { target } = pair;
  if (target.dataType === 'json') return null;
  if (target.dataType === 'enum' || target.dataType === 'set') return differs;
  const charset = pair.charset ?? target.charset ?? 'binary';
  if (BYTE_TYPES.has(target.dataType))
    return (target.octetLength ?? 0) >= capacity(pair) && target.dataType !== 'binary' ? null : differs;
  if (!TEXT_TYPES.has(target.dataType)) return differs;
  if (!holdsCharacters(charset, target))
    return `the source has character set ${charset}, the target ${target.charset}, which lacks characters`;
  const bytes = capacity(pair);
  if (sameBytes(charset, target.charset ?? charset) && (target.octetLength ?? 0) >= bytes) return null;
  const characters = Math.floor(bytes / (WIDEST[charset] ?? 1));
  const fits =
    target.dataType === 'char' || target.dataType === 'varchar'
      ? (target.length ?? 0) >= characters
      : (target.octetLength ?? 0) >= bytes;
  return fits ? null : `${differs}, which is shorter`;
}

function holdsCharacters(charset: string, target: ColumnMetadata): boolean {
  const own = target.charset ?? charset;
  if (own === charset || charset === 'ascii' || FULL_UNICODE.has(own)) return true;
  return SMALL_UNICODE.has(own) && !FULL_UNICODE.has(charset);
}
