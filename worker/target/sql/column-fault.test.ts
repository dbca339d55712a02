import { expect, test } from 'vitest';
import { ColumnType } from '../../source/column-type.ts';
import type { ColumnMetadata } from '../table-metadata.ts';
import { columnFault } from './column-fault.ts';
import type { ColumnPair } from './source-column.ts';

function target(dataType: string, more: Partial<ColumnMetadata> = {}): ColumnMetadata {
  return {
    name: 'v',
    ordinal: 0,
    dataType,
    columnType: dataType,
    charset: null,
    collation: null,
    nullable: true,
    generated: null,
    invisible: false,
    autoIncrement: false,
    onUpdateNow: false,
    hasDefault: false,
    unsigned: false,
    length: null,
    octetLength: null,
    precision: null,
    scale: null,
    fsp: null,
    srid: null,
    members: null,
    ...more,
  };
}

function pair(type: number, into: ColumnMetadata, more: Partial<ColumnPair> = {}): ColumnPair {
  return { index: 0, type, meta: 0, unsigned: false, charset: null, members: null, nullable: true, target: into, ...more };
}

const varchar = (charset: string, length: number, width: number) =>
  target('varchar', { charset, length, octetLength: length * width });

test.each<[string, ColumnPair]>([
  ['the same integer', pair(ColumnType.LONG, target('int'))],
  ['a wider integer', pair(ColumnType.TINY, target('bigint'))],
  ['an unsigned into a wider signed', pair(ColumnType.LONG, target('bigint'), { unsigned: true })],
  ['an integer into DECIMAL', pair(ColumnType.LONGLONG, target('decimal', { precision: 20, scale: 0 }))],
  ['FLOAT into DOUBLE', pair(ColumnType.FLOAT, target('double'))],
  ['a longer DECIMAL', pair(ColumnType.NEWDECIMAL, target('decimal', { precision: 14, scale: 4 }), { meta: (10 << 8) | 2 })],
  ['more fraction digits', pair(ColumnType.DATETIME2, target('datetime', { fsp: 6 }), { meta: 3 })],
  ['latin1 into utf8mb4', pair(ColumnType.VARCHAR, varchar('utf8mb4', 20, 4), { charset: 'latin1', meta: 20 })],
  ['ascii into ucs2', pair(ColumnType.VARCHAR, varchar('ucs2', 20, 2), { charset: 'ascii', meta: 20 })],
  ['JSON into a long text', pair(ColumnType.JSON, target('longtext', { charset: 'utf8mb4' }))],
  ['BINARY into a BLOB', pair(ColumnType.STRING, target('blob', { octetLength: 65_535 }), { charset: 'binary', meta: 16 })],
])('%s is held', (_name, column) => {
  expect(columnFault(column)).toBeNull();
});

test.each<[string, ColumnPair, RegExp]>([
  ['NULL', pair(ColumnType.LONG, target('int', { nullable: false })), /NULL/],
  ['a narrower integer', pair(ColumnType.LONG, target('smallint')), /LONG.*smallint/],
  ['signed into unsigned', pair(ColumnType.LONG, target('bigint', { unsigned: true })), /signed/],
  ['unsigned into signed of one width', pair(ColumnType.LONG, target('int'), { unsigned: true }), /unsigned/],
  ['DOUBLE into FLOAT', pair(ColumnType.DOUBLE, target('float')), /DOUBLE/],
  [
    'a lower scale',
    pair(ColumnType.NEWDECIMAL, target('decimal', { precision: 10, scale: 1 }), { meta: (10 << 8) | 2 }),
    /NEWDECIMAL/,
  ],
  ['fewer fraction digits', pair(ColumnType.TIME2, target('time', { fsp: 0 }), { meta: 3 }), /TIME2/],
  ['TIMESTAMP into DATETIME', pair(ColumnType.TIMESTAMP2, target('datetime', { fsp: 6 })), /TIMESTAMP2/],
  [
    'utf8mb4 into latin1',
    pair(ColumnType.VARCHAR, varchar('latin1', 20, 1), { charset: 'utf8mb4', meta: 20 }),
    /character set utf8mb4.*latin1/,
  ],
  ['a shorter VARCHAR', pair(ColumnType.VARCHAR, varchar('utf8mb4', 10, 4), { charset: 'utf8mb4', meta: 80 }), /shorter/],
  [
    'bytes into text',
    pair(ColumnType.BLOB, target('text', { charset: 'utf8mb4', octetLength: 65_535 }), { charset: 'binary', meta: 2 }),
    /BLOB/,
  ],
  ['another BINARY', pair(ColumnType.STRING, target('binary', { octetLength: 20 }), { charset: 'binary', meta: 16 }), /STRING/],
  [
    'more members',
    pair(ColumnType.ENUM, target('enum', { members: ['a'] }), { members: [Buffer.from('a'), Buffer.from('b')] }),
    /ENUM/,
  ],
])('%s is a fault', (_name, column, message) => {
  expect(columnFault(column)).toMatch(message);
});
