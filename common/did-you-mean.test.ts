import { describe, expect, it } from 'vitest';
import { didYouMean, editDistance } from './did-you-mean.ts';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['abc', '', 3],
    ['', 'abc', 3],
    ['port', 'prot', 1],
    ['host', 'hots', 1],
    ['kitten', 'sitting', 3],
    ['master', 'masters', 1],
    ['a', 'b', 1],
  ])('%s, %s: %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe('didYouMean', () => {
  it.each([
    ['prot', ['host', 'port', 'tls'], 'port'],
    ['Region', ['region', 'replicas'], 'region'],
    ['canalInstance', ['canalInstanceRef', 'region'], 'canalInstanceRef'],
    ['xyz', ['host', 'port'], null],
    ['tables', [], null],
    ['x', ['host'], null],
  ])('%s among %j: %s', (word, candidates, expected) => {
    expect(didYouMean(word, candidates)).toBe(expected);
  });
});
