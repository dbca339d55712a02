import { expect, it } from 'vitest';
import { compareRevisions } from './revision.ts';

it('compares revisions as numbers of any length', () => {
  const ordered = ['1', '9', '10', '11', '99', '100', '18446744073709551615', '18446744073709551616'];
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries()) expect(Math.sign(compareRevisions(a, b))).toBe(Math.sign(i - j));
  }
});

it('takes what is no number for newer', () => {
  expect(compareRevisions('abc', '5')).toBeGreaterThan(0);
  expect(compareRevisions('abc', 'abc')).toBe(0);
});
