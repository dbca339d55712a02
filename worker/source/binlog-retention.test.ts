import { describe, expect, it } from 'vitest';
import { expireSeconds, headroomSeconds } from './binlog-retention.ts';

describe('expireSeconds', () => {
  it.each<[Record<string, string>, number | null]>([
    [{ binlog_expire_logs_seconds: '2592000', binlog_expire_logs_auto_purge: 'ON' }, 2_592_000],
    [{ binlog_expire_logs_seconds: '2592000', binlog_expire_logs_auto_purge: 'OFF' }, null],
    [{ binlog_expire_logs_seconds: '0', expire_logs_days: '1.5' }, 129_600],
    [{ binlog_expire_logs_seconds: '0', expire_logs_days: '0.000000' }, null],
    [{}, null],
  ])('of %o is %s', (variables, seconds) => {
    expect(expireSeconds(new Map(Object.entries(variables)))).toBe(seconds);
  });
});

describe('headroomSeconds', () => {
  const now = 1_000_000_000;
  const hours = (count: number) => count * 3_600_000;
  const retention = { oldestJournal: 'b.7', oldestBegunAt: now - hours(30), purged: true, expireSeconds: 24 * 3600 };

  it('is what the setting leaves over the lag', () => {
    expect(headroomSeconds(retention, now, now)).toBe(24 * 3600);
    expect(headroomSeconds(retention, now - hours(20), now)).toBe(4 * 3600);
    expect(headroomSeconds(retention, now - hours(25), now)).toBe(-3600);
  });

  it('is less where the source has deleted more than the setting says', () => {
    const byHand = { ...retention, oldestBegunAt: now - hours(2) };
    expect(headroomSeconds(byHand, now, now)).toBe(2 * 3600);
    expect(headroomSeconds({ ...byHand, expireSeconds: null }, now - hours(1), now)).toBe(3600);
  });

  it('does not take a young server’s short history for a deletion', () => {
    const young = { ...retention, oldestBegunAt: now - hours(1), purged: false };
    expect(headroomSeconds(young, now, now)).toBe(24 * 3600);
    expect(headroomSeconds({ ...young, expireSeconds: null }, now - hours(1), now)).toBeNull();
  });
});
