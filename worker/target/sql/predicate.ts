import { ColumnType } from '../../source/column-type.ts';
import type { Flavor } from '../../source/position.ts';
import { needsIntroducer, padded, paddedLength, textIntroducer } from './literal.ts';
import type { LiteralWriter } from './number-literals.ts';
import type { ColumnPair } from './source-column.ts';

/** SQL names are written as UTF-8 bytes in backticks. */
export function identifier(name: string): Buffer {
  return Buffer.from(`\`${name.replaceAll('`', '``')}\``, 'utf8');
}

/**
 * `column = value` for a column of a unique key. It need not tell apart what the key itself holds to be equal, and it must be
 * able to use the key's index.
 */
export function keyPredicate(column: ColumnPair, literal: LiteralWriter): LiteralWriter {
  const name = identifier(column.target.name);
  switch (column.type) {
    case ColumnType.YEAR:
      // Compared with a YEAR, 0 means 2000; only year 0000 pays with a scan.
      return (out, image, start, end) => {
        if (image[start] === 0) around('CAST(', name, ' AS UNSIGNED)=0')(out, image, start, end);
        else equals(name, literal)(out, image, start, end);
      };
    case ColumnType.SET:
      return equals(setBits(name), literal);
    default:
      return equals(name, comparedLiteral(column, literal));
  }
}

/** Whether values of the key column may stand in `IN (...)`, where all are compared in one way. */
export function listable(column: ColumnPair): boolean {
  switch (column.type) {
    case ColumnType.TINY:
    case ColumnType.SHORT:
    case ColumnType.INT24:
    case ColumnType.LONG:
    case ColumnType.LONGLONG:
      return true;
    case ColumnType.VARCHAR:
    case ColumnType.STRING:
    case ColumnType.VAR_STRING:
      return ['char', 'varchar', 'binary', 'varbinary'].includes(column.target.dataType);
    default:
      return false;
  }
}

/**
 * `column` holds exactly this value, byte for byte: for tables without a key, where a row that is only equal by collation
 * (or as 0 and -0 are) would be the wrong one.
 */
export function exactPredicate(column: ColumnPair, literal: LiteralWriter, flavor: Flavor): LiteralWriter {
  const name = identifier(column.target.name);
  const { dataType, charset } = column.target;
  if (dataType === 'json') {
    // Equal as documents, and printed alike: 1 and 1.0 are equal documents.
    return (out, image, start, end) => {
      out.raw(name);
      out.ascii('=CAST(');
      literal(out, image, start, end);
      out.ascii(' AS JSON) AND CAST(');
      out.raw(name);
      out.ascii(' AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin=CAST(CAST(');
      literal(out, image, start, end);
      out.ascii(' AS JSON) AS CHAR CHARACTER SET utf8mb4)');
    };
  }
  if (charset !== null && dataType !== 'enum' && dataType !== 'set') return exactText(column, name, literal);
  switch (column.type) {
    case ColumnType.FLOAT:
    case ColumnType.DOUBLE:
      return (out, image, start, end) => {
        equals(name, literal)(out, image, start, end);
        const value = column.type === ColumnType.FLOAT ? image.readFloatLE(start) : image.readDoubleLE(start);
        // MariaDB does not keep the sign of zero.
        if (value !== 0 || flavor === 'mariadb') return;
        out.ascii(' AND CAST(');
        out.raw(name);
        out.ascii(Object.is(value, -0) ? " AS CHAR) LIKE '-%'" : " AS CHAR) NOT LIKE '-%'");
      };
    case ColumnType.YEAR:
    case ColumnType.ENUM:
      return equals(cast(name, 'UNSIGNED'), literal);
    case ColumnType.SET:
      return equals(setBits(name), literal);
    case ColumnType.GEOMETRY:
    case ColumnType.VECTOR:
      return (out, image, start, end) => {
        out.ascii('HEX(');
        out.raw(name);
        out.ascii(')=HEX(');
        literal(out, image, start, end);
        out.byte(0x29);
      };
    default:
      return equals(name, comparedLiteral(column, literal));
  }
}

function exactText(column: ColumnPair, name: Buffer, literal: LiteralWriter): LiteralWriter {
  const asBytes: LiteralWriter = needsIntroducer(column)
    ? (out, image, start, end) => {
        out.ascii('CAST(CONVERT(');
        literal(out, image, start, end);
        out.ascii(` USING ${column.target.charset}) AS BINARY)`);
      }
    : literal;
  const exact = equals(cast(name, 'BINARY'), asBytes);
  const indexable = column.target.dataType === 'char' || column.target.dataType === 'varchar';
  if (!indexable || needsIntroducer(column) || needsComparedCharset(column)) return exact;
  // The plain comparison is implied by the exact one, but it can use an index.
  const plain = equals(name, literal);
  return (out, image, start, end) => {
    plain(out, image, start, end);
    out.ascii(' AND ');
    exact(out, image, start, end);
  };
}

/** Character sets in which every byte sequence that a column can hold is a character to the server, too. */
const WHOLLY_MAPPED: ReadonlySet<string> = new Set(['utf8mb4', 'utf8mb3', 'latin1', 'ascii']);

/**
 * The value for comparisons: BINARY(n) with all its bytes, since there the server does not pad; text with its character set,
 * since for a comparison the server converts a literal without one, and refuses bytes that are no character.
 */
export function comparedLiteral(column: ColumnPair, literal: LiteralWriter): LiteralWriter {
  const length = column.target.dataType === 'binary' ? paddedLength(column) : null;
  if (length !== null) return padded(length, literal);
  return needsComparedCharset(column) ? textIntroducer(column.target.charset!) : literal;
}

/** Whether comparisons name the text's character set although the column's is the same. */
export function needsComparedCharset(column: ColumnPair): boolean {
  const { charset, dataType } = column.target;
  if (charset === null || WHOLLY_MAPPED.has(charset) || needsIntroducer(column)) return false;
  return dataType !== 'enum' && dataType !== 'set';
}

/** All bits of a SET as a number: compared as it is, it would be taken for a double. */
function setBits(name: Buffer): Buffer {
  return Buffer.concat([Buffer.from('('), name, Buffer.from(' & 18446744073709551615)')]);
}

function cast(name: Buffer, type: string): Buffer {
  return Buffer.concat([Buffer.from('CAST('), name, Buffer.from(` AS ${type})`)]);
}

function around(before: string, name: Buffer, after: string): LiteralWriter {
  return (out) => {
    out.ascii(before);
    out.raw(name);
    out.ascii(after);
  };
}

function equals(left: Buffer, right: LiteralWriter): LiteralWriter {
  const start = Buffer.concat([left, Buffer.from('=')]);
  return (out, image, from, to) => {
    out.raw(start);
    right(out, image, from, to);
  };
}
