import { describe, expect, it } from 'vitest';
import { LockkeeperError } from './errors.ts';
import { accessError, serverErrno } from './mysql-errors.ts';

const driverError = (fields: Record<string, unknown>, message = 'text of the server') =>
  Object.assign(new Error(message), fields);

describe('accessError', () => {
  it.each([
    [{ errno: 1045, code: 'ER_ACCESS_DENIED_ERROR', sqlState: '28000' }, 'LK1101', 'LK1301', false],
    [{ errno: 1130, sqlState: 'HY000' }, 'LK1101', 'LK1301', false],
    [{ errno: 1227, sqlState: '42000' }, 'LK1103', 'LK1303', false],
    [{ errno: 1040, sqlState: '08004' }, 'LK1102', 'LK1302', true],
    [{ errno: -111, code: 'ECONNREFUSED' }, 'LK1102', 'LK1302', true],
    [{ code: 'ENOTFOUND' }, 'LK1102', 'LK1302', true],
    [{ code: 'PROTOCOL_CONNECTION_LOST' }, 'LK1102', 'LK1302', true],
    [{ code: 'HANDSHAKE_NO_SSL_SUPPORT' }, 'LK1111', 'LK1111', false],
    [{ code: 'HANDSHAKE_SSL_ERROR' }, 'LK1111', 'LK1111', false],
    [{ errno: 3159 }, 'LK1111', 'LK1111', false],
  ])('names %o on either side', (fields, source, target, retryable) => {
    const cause = driverError(fields);
    expect(accessError('source', 'db:3306', cause)).toMatchObject({
      code: source,
      retryable,
      cause,
      found: 'text of the server',
    });
    expect(accessError('target', 'db:3306', cause)).toMatchObject({ code: target, retryable });
  });

  it('tells a server that went away during the TLS handshake from a bad certificate', () => {
    const gone = driverError(
      { code: 'HANDSHAKE_SSL_ERROR' },
      'Client network socket disconnected before secure TLS connection was established',
    );
    expect(accessError('source', 'db:3306', gone)).toMatchObject({ code: 'LK1102', retryable: true });
  });

  it('asks for TLS where the server demands it', () => {
    expect(accessError('source', 'db:3306', driverError({ errno: 3159 }))?.remedy).toContain('tls.mode');
  });

  it('looks into the several addresses of a name', () => {
    const error = new AggregateError([driverError({ code: 'ECONNREFUSED' }, 'connect ECONNREFUSED ::1:3306')], '');
    expect(accessError('source', 'db:3306', error)).toMatchObject({ code: 'LK1102', found: 'connect ECONNREFUSED ::1:3306' });
  });

  it('leaves a failed statement to its caller and passes our own errors on', () => {
    expect(accessError('source', 'db:3306', driverError({ errno: 1146, sqlState: '42S02' }))).toBeUndefined();
    expect(accessError('source', 'db:3306', new Error('something else'))).toBeUndefined();
    const own = new LockkeeperError('LK1107');
    expect(accessError('source', 'db:3306', own)).toBe(own);
  });
});

describe('serverErrno', () => {
  it('knows server errors from errors of the operating system', () => {
    expect(serverErrno(driverError({ errno: 1045 }))).toBe(1045);
    expect(serverErrno(driverError({ errno: -111 }))).toBeUndefined();
    expect(serverErrno('text')).toBeUndefined();
  });
});
