import { describe, expect, it } from 'vitest';
import type { SourcePosition } from './position.ts';
import { expireSeconds, headroomSeconds, type RetentionFacts } from './retention.ts';

const DAY = 86_400;

describe('expiry', () => {
  it.each([
    [{ binlog_expire_logs_seconds: '2592000', binlog_expire_logs_auto_purge: 'ON' }, 2_592_000],
    [{ binlog_expire_logs_seconds: '3600', expire_logs_days: '0' }, 3600],
    [{ binlog_expire_logs_seconds: '0', expire_logs_days: '2' }, 2 * DAY],
    [{ expire_logs_days: '0.5' }, DAY / 2],
    [{ binlog_expire_logs_seconds: '0' }, null],
    [{ binlog_expire_logs_seconds: '3600', binlog_expire_logs_auto_purge: 'OFF' }, null],
    [{}, null],
  ])('of %j is %s s', (variables, seconds) => {
    expect(expireSeconds(new Map(Object.entries(variables)))).toBe(seconds);
  });
});

describe('headroom', () => {
  const begun: Record<string, number | null> = { 'b.1': 1000, 'b.2': 2000, 'b.3': 3000, 'b.4': null };
  const asked: string[] = [];
  const facts: RetentionFacts = {
    serverUuid: 'here',
    files: ['b.1', 'b.2', 'b.3'].map((journal) => ({ journal, size: 1 })),
    expireSeconds: 1500,
    now: 3200,
    begunAt: (journal) => {
      asked.push(journal);
      return Promise.resolve(begun[journal] ?? null);
    },
  };
  const at = (journal: string, more: Partial<SourcePosition> = {}): SourcePosition => ({
    flavor: 'mysql',
    serverUuid: 'here',
    gtid: null,
    journal,
    offset: 4,
    timestampMicros: 3_100e6,
    ...more,
  });

  it('counts from the begin of the next file', async () => {
    expect(await headroomSeconds(at('b.1'), facts)).toBe(300); // 1500 - (3200 - 2000)
    expect(await headroomSeconds(at('b.2'), facts)).toBe(1300);
    expect(asked).toEqual(['b.2', 'b.3']);
  });

  it('is full in the file that is being written, however old the position is', async () => {
    expect(await headroomSeconds(at('b.3', { timestampMicros: 1 }), facts)).toBe(1500);
  });

  it('is none where the file is due or gone', async () => {
    expect(await headroomSeconds(at('b.1'), { ...facts, now: 9000 })).toBe(0);
    expect(await headroomSeconds(at('b.0'), facts)).toBe(0);
  });

  it('goes by time where files do not tell: another server, no file yet, a file that does not say when it began', async () => {
    expect(await headroomSeconds(at('b.1', { serverUuid: 'there' }), facts)).toBe(1400);
    expect(await headroomSeconds(at(''), facts)).toBe(1400);
    expect(await headroomSeconds(at('', { timestampMicros: 0 }), facts)).toBeNull();
    const longer = { ...facts, files: [...facts.files, { journal: 'b.4', size: 1 }] };
    expect(await headroomSeconds(at('b.3'), longer)).toBe(1400);
  });

  it('is unlimited where the server deletes nothing by itself', async () => {
    expect(await headroomSeconds(at('b.1'), { ...facts, expireSeconds: null })).toBeNull();
  });
});
