import { describe, expect, it } from 'vitest';
import type { TransactionHead } from '../source/stream-item.ts';
import { DependencySum, dependsOnAll, mayRunBeside } from './dependencies.ts';

const mysql = (lastCommitted: number, sequenceNumber: number): TransactionHead => ({
  gtid: null,
  lastCommitted,
  sequenceNumber,
  commitGroup: 0,
  commitMicros: 0,
  serverId: 1,
});
const mariadb = (commitGroup: number): TransactionHead => ({ ...mysql(0, 0), commitGroup });

function sum(heads: readonly TransactionHead[], journals: readonly string[] = heads.map(() => 'b.1')) {
  const total = new DependencySum();
  heads.forEach((head, i) => total.add(head, journals[i]!));
  return total.take();
}

describe('dependencies', () => {
  const earlier = sum([mysql(3, 10), mysql(10, 11)]);

  it('lets transactions run beside others that they need not follow', () => {
    expect(mayRunBeside(sum([mysql(9, 12), mysql(4, 13)]), earlier)).toBe(true);
  });

  it('holds back what depends on the first of them or on a later one', () => {
    expect(mayRunBeside(sum([mysql(9, 12), mysql(10, 13)]), earlier)).toBe(false);
    expect(mayRunBeside(sum([mysql(11, 12)]), earlier)).toBe(false);
  });

  it('allows dependencies inside one batch only against batches before it', () => {
    expect(mayRunBeside(sum([mysql(9, 12), mysql(12, 13)]), earlier)).toBe(false);
  });

  it('trusts no numbers across binlog files', () => {
    expect(mayRunBeside(sum([mysql(0, 1)], ['b.2']), earlier)).toBe(false);
    expect(sum([mysql(9, 12), mysql(0, 1)], ['b.1', 'b.2'])).toEqual(dependsOnAll);
  });

  it('takes MariaDB transactions of one group commit as independent', () => {
    expect(mayRunBeside(sum([mariadb(7), mariadb(7)]), sum([mariadb(7)]))).toBe(true);
    expect(mayRunBeside(sum([mariadb(8)]), sum([mariadb(7)]))).toBe(false);
    expect(sum([mariadb(7), mariadb(8)])).toEqual(dependsOnAll);
  });

  it('knows nothing of transactions without numbers', () => {
    expect(sum([mysql(0, 0)]).journal).toBe('');
    expect(mayRunBeside(sum([mysql(0, 0)]), sum([mysql(0, 0)]))).toBe(false);
    expect(mayRunBeside(dependsOnAll, dependsOnAll)).toBe(false);
  });
});
