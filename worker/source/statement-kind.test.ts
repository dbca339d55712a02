import { describe, expect, it } from 'vitest';
import { statementKind, withoutStartTransaction } from './statement-kind.ts';

describe('statementKind', () => {
  it.each([
    ['BEGIN', { kind: 'begin' }],
    ['START TRANSACTION', { kind: 'begin' }],
    ['COMMIT', { kind: 'commit' }],
    ['commit /* done */', { kind: 'commit' }],
    ['ROLLBACK', { kind: 'rollback' }],
    ['ROLLBACK WORK', { kind: 'rollback' }],
    ['SAVEPOINT `a``b c`', { kind: 'savepoint', name: 'A`B C' }],
    ['ROLLBACK TO `a``b c`', { kind: 'rollback-to', name: 'A`B C' }],
    ['ROLLBACK TO SAVEPOINT plain', { kind: 'rollback-to', name: 'PLAIN' }],
    ['ROLLBACK WORK TO savepoint', { kind: 'rollback-to', name: 'SAVEPOINT' }],
    [Buffer.from('ROLLBACK TO `Été `').toString('latin1'), { kind: 'rollback-to', name: 'ETE' }],
    ["XA START X'61',X'',1", { kind: 'xa-start', xid: "X'61',X'',1" }],
    ["XA END X'61',X'',1", { kind: 'xa-end' }],
    ["XA COMMIT X'6A',X'0B', 7", { kind: 'xa-commit', xid: "X'6a',X'0b',7" }],
    ["XA ROLLBACK X'61'", { kind: 'xa-rollback', xid: "X'61',X'',1" }],
    ['INSERT INTO t VALUES (1)', { kind: 'rows-as-text', word: 'INSERT' }],
    ['  /* a */ # b\n -- c\n(select 1)', { kind: 'rows-as-text', word: 'SELECT' }],
    ['/*!50100 REPLACE */ INTO t VALUES (1)', { kind: 'rows-as-text', word: 'REPLACE' }],
    ['/*M!100100 UPDATE t SET a=1 */', { kind: 'rows-as-text', word: 'UPDATE' }],
    ['WITH x AS (SELECT 1) DELETE FROM t', { kind: 'rows-as-text', word: 'WITH' }],
    ["SET STATEMENT sql_mode=' FOR x' FOR DELETE FROM t", { kind: 'rows-as-text', word: 'DELETE' }],
    ['SET STATEMENT max_statement_time=1 FOR ALTER TABLE t ADD a INT', { kind: 'other', word: 'ALTER' }],
    ["SET PASSWORD FOR 'u'@'%'='x'", { kind: 'other', word: 'SET' }],
    ['CREATE TEMPORARY TABLE t (a INT)', { kind: 'temporary-table' }],
    ['CREATE OR REPLACE TEMPORARY TABLE t (a INT)', { kind: 'temporary-table' }],
    ['DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `t`', { kind: 'temporary-table' }],
    ['CREATE TABLE `t` (\n  `a` int\n) START TRANSACTION', { kind: 'create-start-transaction' }],
    ["CREATE TABLE `t` (a int) COMMENT ' START TRANSACTION'", { kind: 'other', word: 'CREATE' }],
    ['CREATE OR REPLACE TABLE t (a INT)', { kind: 'other', word: 'CREATE' }],
    ['ALTER TABLE t ADD b INT', { kind: 'other', word: 'ALTER' }],
    ['# Dummy event replacing event type 160', { kind: 'other', word: '' }],
    ['', { kind: 'other', word: '' }],
  ])('%j', (sql, kind) => {
    expect(statementKind(sql)).toEqual(kind);
  });

  it('takes the end off a CREATE TABLE whose rows follow', () => {
    expect(withoutStartTransaction(Buffer.from('CREATE TABLE `t` (a int) START TRANSACTION')).toString()).toBe(
      'CREATE TABLE `t` (a int)',
    );
  });
});
