import { describe, expect, it } from 'vitest';
import {
  KubeError,
  errorFromAnswer,
  isAlreadyExists,
  isConflict,
  isExpired,
  isForbidden,
  isInvalid,
  isNotFound,
  isUnknownOutcome,
} from './errors.ts';

const status = (code: number, reason: string, message: string, details = {}) => ({
  kind: 'Status',
  status: 'Failure',
  code,
  reason,
  message,
  details,
});

describe('errorFromAnswer', () => {
  it('says what was attempted and why it was refused', () => {
    const details = { causes: [{ reason: 'FieldValueInvalid', message: 'Invalid value: -1', field: 'spec.replicas' }] };
    const body = status(422, 'Invalid', 'StatefulSet.apps "main" is invalid: spec.replicas: Invalid value: -1', details);
    const error = errorFromAnswer('apply StatefulSet shop/main', 422, body);
    expect(error.message).toBe(
      'apply StatefulSet shop/main: StatefulSet.apps "main" is invalid: spec.replicas: Invalid value: -1',
    );
    expect(error.details.causes?.[0]?.field).toBe('spec.replicas');
    expect([error.status, error.reason]).toEqual([422, 'Invalid']);
  });

  it('reads an answer that is no Status', () => {
    expect(errorFromAnswer('list pods', 502, '<html>bad gateway</html>').message).toBe('list pods: <html>bad gateway</html>');
    expect(errorFromAnswer('list pods', 503, '').message).toBe('list pods: HTTP status 503');
    expect(errorFromAnswer('list pods', 404, null).reason).toBe('NotFound');
    expect(errorFromAnswer('list pods', 500, { kind: 'List' }).reason).toBe('InternalError');
  });

  it('stays short', () => {
    expect(errorFromAnswer('get Pod a/b', 500, 'x'.repeat(10_000)).message).toHaveLength(600);
  });

  it('takes the pause from the header, else from the body', () => {
    const body = status(429, 'TooManyRequests', 'slowly', { retryAfterSeconds: 7 });
    expect(errorFromAnswer('get', 429, body).retryAfterMs).toBe(7000);
    expect(errorFromAnswer('get', 429, body, 1000).retryAfterMs).toBe(1000);
  });
});

describe('the tests for kinds of errors', () => {
  const of = (code: number, reason: string) => errorFromAnswer('get', code, status(code, reason, 'no'));

  it('tell one from the other', () => {
    expect(isNotFound(of(404, 'NotFound'))).toBe(true);
    expect(isConflict(of(409, 'Conflict'))).toBe(true);
    expect(isConflict(of(409, 'AlreadyExists'))).toBe(false);
    expect(isAlreadyExists(of(409, 'AlreadyExists'))).toBe(true);
    expect(isAlreadyExists(of(409, 'Conflict'))).toBe(false);
    expect(isInvalid(of(422, 'Invalid'))).toBe(true);
    expect(isForbidden(of(403, 'Forbidden'))).toBe(true);
    expect(isExpired(of(410, 'Expired'))).toBe(true);
    expect(isExpired(of(410, 'Gone'))).toBe(true);
    expect(isUnknownOutcome(new KubeError('put', 0, 'Timeout', 'late'))).toBe(true);
    expect(isUnknownOutcome(new KubeError('put', 0, 'NotLeading', 'not sent'))).toBe(false);
  });

  it('answer no for anything else', () => {
    for (const test of [isNotFound, isConflict, isAlreadyExists, isInvalid, isForbidden, isExpired, isUnknownOutcome]) {
      for (const thrown of [new Error('no'), undefined, null, 'text', { status: 404 }]) expect(test(thrown)).toBe(false);
    }
  });
});
