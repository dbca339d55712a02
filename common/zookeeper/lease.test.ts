import { describe, expect, it } from 'vitest';
import { Lease } from './lease.ts';

describe('a lease', () => {
  it('lasts two thirds of the timeout from when an answered request was sent', () => {
    let now = 0;
    const lease = new Lease(6_000, () => now);
    expect(lease.valid).toBe(false);
    now = 1_000;
    lease.heard(900);
    expect(lease.validUntil).toBe(4_900);
    now = 4_899;
    expect(lease.valid).toBe(true);
    now = 4_900;
    expect(lease.valid).toBe(false);
  });

  it('is not shortened by an answer that comes late', () => {
    const lease = new Lease(6_000, () => 0);
    lease.heard(500);
    lease.heard(100);
    expect(lease.validUntil).toBe(4_500);
  });

  it('takes over the timeout that the server grants', () => {
    const lease = new Lease(6_000, () => 0);
    lease.heard(0, 3_000);
    expect(lease.validUntil).toBe(2_000);
    lease.heard(100);
    expect(lease.validUntil).toBe(2_100);
  });

  it('never comes back after its end', () => {
    const lease = new Lease(6_000, () => 0);
    lease.heard(0);
    lease.end();
    lease.heard(100);
    expect(lease.valid).toBe(false);
  });

  it('tells of each renewal', () => {
    const lease = new Lease(6_000, () => 0);
    let renewals = 0;
    const unsubscribe = lease.onRenewed(() => renewals++);
    lease.heard(0);
    lease.heard(1);
    unsubscribe();
    lease.heard(2);
    expect(renewals).toBe(2);
  });
});
