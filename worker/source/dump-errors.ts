import { LockkeeperError, messageOf, type ErrorCode } from '../../common/errors.ts';
import { accessError, serverErrno } from '../../common/mysql-errors.ts';

/** How servers word the end of a dump: one error number (1236) stands for many causes, told apart only by text. */
const texts: readonly (readonly [RegExp, ErrorCode, retryable?: boolean])[] = [
  [/same server_uuid\/server_id|same server_id/i, 'LK1108'], // MariaDB: error 4052
  [/purged|could not find first log file|could not open log file|no longer available/i, 'LK1109'],
  [
    /position > file size|more GTIDs than|not in the master's binlog|has diverged|newer than.*binlog|impossible position/i,
    'LK1110',
  ],
  [/binary log is not open|binary logging not possible/i, 'LK1104'],
  [/GTID_MODE|anonymous transaction/i, 'LK1113'],
  [/exceeded max_allowed_packet/i, 'LK1306'],
  [/checksum/i, 'LK1201'],
  [/bogus data|truncated in the middle|corrupt|read error|event read from|error reading/i, 'LK1201'],
];

/** The error of ours for what ended a dump: an error packet of the server, or a broken connection. */
export function dumpError(server: string, error: unknown): LockkeeperError {
  if (error instanceof LockkeeperError) return error;
  const text = messageOf(error);
  const errno = serverErrno(error);
  const details = { server, ...(errno === undefined ? {} : { errno }) };
  if (errno === 1236 || errno === 1789 || errno === 1885 || errno === 1376 || errno === 4052) {
    for (const [pattern, code] of texts) {
      if (pattern.test(text))
        return new LockkeeperError(code, `source ${server} ended the dump: ${text}`, { found: text, details, cause: error });
    }
  }
  return (
    accessError('source', server, error) ??
    new LockkeeperError('LK1102', `source ${server} ended the dump: ${text}`, { found: text, details, cause: error })
  );
}
