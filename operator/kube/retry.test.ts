import { describe, expect, it } from 'vitest';
import { KubeError } from './errors.ts';
import { DEFAULT_RETRY, backoffDelay, retryDelay } from './retry.ts';

const failed = (status: number, retryAfterMs?: number) => new KubeError('get Pod a/b', status, 'Reason', 'no', { retryAfterMs });

describe('retryDelay', () => {
  it.each([0, 429, 500, 502, 503, 504])('repeats what is repeatable after %d', (status) => {
    expect(retryDelay(DEFAULT_RETRY, 1, failed(status), true, 0)).toBe(50);
    expect(retryDelay(DEFAULT_RETRY, 1, failed(status), false, 0)).toBeNull();
  });

  it.each([400, 401, 403, 404, 409, 410, 415, 422])('never repeats after %d', (status) => {
    expect(retryDelay(DEFAULT_RETRY, 1, failed(status), true, 0)).toBeNull();
  });

  it('gives up after the last attempt', () => {
    expect(retryDelay(DEFAULT_RETRY, DEFAULT_RETRY.attempts - 1, failed(500), true, 0)).not.toBeNull();
    expect(retryDelay(DEFAULT_RETRY, DEFAULT_RETRY.attempts, failed(500), true, 0)).toBeNull();
  });

  it('waits at least as long as the server asks, if that is not too long', () => {
    expect(retryDelay(DEFAULT_RETRY, 1, failed(429, 3000), true, 0)).toBeGreaterThanOrEqual(3000);
    expect(retryDelay(DEFAULT_RETRY, 1, failed(429, 31_000), true, 0)).toBeNull();
  });
});

describe('backoffDelay', () => {
  it('doubles up to its limit, with jitter within the upper half', () => {
    expect([1, 2, 3, 4, 5, 99].map((attempt) => backoffDelay(100, 1000, attempt, 0))).toEqual([50, 100, 200, 400, 500, 500]);
    expect([1, 2, 3, 4, 5, 99].map((attempt) => backoffDelay(100, 1000, attempt, 1))).toEqual([100, 200, 400, 800, 1000, 1000]);
  });
});
