import { expect, it } from 'vitest';
import { LockkeeperError } from '../../common/errors.ts';
import { dumpError } from './dump-errors.ts';

const fromServer = (message: string, errno = 1236) => Object.assign(new Error(message), { errno, sqlState: 'HY000' });

it.each([
  ['A replica with the same server_uuid/server_id as this replica has connected to the source; the first event', 'LK1108', true],
  ['A slave with the same server_uuid/server_id as this slave has connected to the master', 'LK1108', true],
  ['Could not find first log file name in binary log index file', 'LK1109', false],
  ['Cannot replicate because the source purged required binary logs. Replicate the missing transactions', 'LK1109', false],
  [
    'Could not find GTID state requested by slave in any binlog files. Probably the slave state is too old and required binlog files have been purged.',
    'LK1109',
    false,
  ],
  ['Client requested source to start replication from position > file size', 'LK1110', false],
  ["Replica has more GTIDs than the source has, using the source's SERVER_UUID. This may indicate that", 'LK1110', false],
  ["Error: connecting slave requested to start from GTID 0-1-99, which is not in the master's binlog", 'LK1110', false],
  ['Binary log is not open', 'LK1104', false],
  [
    'The replication sender thread cannot start in AUTO_POSITION mode: this server has GTID_MODE = OFF instead of ON.',
    'LK1113',
    false,
  ],
  ['log event entry exceeded max_allowed_packet; Increase max_allowed_packet on source', 'LK1306', false],
  ['bogus data in log event; the first event', 'LK1201', true],
  ['something that no server says today', 'LK1102', true],
])('%s', (text, code, retryable) => {
  expect(dumpError('db:3306', fromServer(text))).toMatchObject({ code, retryable, found: text });
});

it("knows MariaDB's own number for a second replica of one id", () => {
  const error = fromServer("A slave with the same server_uuid/server_id is already connected; the first event '.' at 4", 4052);
  expect(dumpError('db:3306', error)).toMatchObject({ code: 'LK1108', retryable: true });
});

it('sees access and connection errors for what they are', () => {
  expect(dumpError('db:3306', fromServer('Access denied; you need REPLICATION SLAVE', 1227))).toMatchObject({ code: 'LK1103' });
  expect(dumpError('db:3306', Object.assign(new Error('reset'), { code: 'ECONNRESET' }))).toMatchObject({ code: 'LK1102' });
  const own = new LockkeeperError('LK1201');
  expect(dumpError('db:3306', own)).toBe(own);
});
