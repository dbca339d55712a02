import { expect, test } from 'vitest';
import type { RowRun } from '../row-run.ts';
import { ALL_CHECKED, checksOff, switchChecks } from './session-checks.ts';

const run = (flags: number) => ({ flags }) as RowRun;

test('checks are off as they were at the source, where the target can do without them', () => {
  expect(checksOff(run(0x4), 'mariadb')).toEqual([]);
  expect(checksOff(run(0x2), 'mysql')).toEqual(['foreign_key_checks']);
  expect(checksOff(run(0x10), 'mysql')).toEqual(['foreign_key_checks']);
  expect(checksOff(run(0x80), 'mariadb')).toEqual(['check_constraint_checks']);
  expect(checksOff(run(0x82), 'mariadb')).toEqual(['foreign_key_checks', 'check_constraint_checks']);
  expect(checksOff(run(0x82), 'mysql')).toEqual(['foreign_key_checks']);
});

test('only what differs is switched', () => {
  const [foreignKeys, both] = [checksOff(run(0x2), 'mariadb'), checksOff(run(0x82), 'mariadb')];
  expect(switchChecks(ALL_CHECKED, checksOff(run(0), 'mariadb'))).toBeNull();
  expect(switchChecks(foreignKeys, checksOff(run(0x12), 'mariadb'))).toBeNull();
  expect(switchChecks(ALL_CHECKED, foreignKeys)).toBe('SET foreign_key_checks=0');
  expect(switchChecks(foreignKeys, both)).toBe('SET check_constraint_checks=0');
  expect(switchChecks(foreignKeys, checksOff(run(0x80), 'mariadb'))).toBe('SET foreign_key_checks=1,check_constraint_checks=0');
  expect(switchChecks(both, ALL_CHECKED)).toBe('SET foreign_key_checks=1,check_constraint_checks=1');
});
