import { describe, expect, it } from 'vitest';
import { LockkeeperError } from '../../common/errors.ts';
import { nextAttempt } from './retry.ts';

const policy = { retries: 3, maxBackoffSeconds: 60 };

describe('nextAttempt', () => {
  it('suspends at once where trying again cannot help', () => {
    const error = new LockkeeperError('LK1308', 'differs', { retryable: false });
    expect(nextAttempt(error, { attempts: 0 }, policy, () => 0.5)).toEqual({ kind: 'suspend' });
  });

  it('waits longer after each failure, with jitter, up to the limit', () => {
    const error = new LockkeeperError('LK1404', 'lock wait', { retryable: true });
    const delays = [0, 1, 2].map((attempts) => {
      const decision = nextAttempt(error, { attempts }, policy, () => 1);
      return decision.kind === 'retry' ? decision.delayMs : null;
    });
    expect(delays).toEqual([250, 500, 1000]);
    const half = nextAttempt(error, { attempts: 0 }, policy, () => 0);
    expect(half).toEqual({ kind: 'retry', delayMs: 125, state: { attempts: 1 } });
  });

  it('suspends when the retries are used up', () => {
    const error = new LockkeeperError('LK1404', 'lock wait', { retryable: true });
    expect(nextAttempt(error, { attempts: 3 }, policy, () => 0)).toEqual({ kind: 'suspend' });
  });

  it('waits without end for a server that cannot be reached or written', () => {
    for (const code of ['LK1102', 'LK1302', 'LK1304', 'LK1305'] as const) {
      const decision = nextAttempt(new LockkeeperError(code, 'away', { retryable: true }), { attempts: 1000 }, policy, () => 1);
      expect(decision).toEqual({ kind: 'retry', delayMs: 60_000, state: { attempts: 1001 } });
    }
  });
});
