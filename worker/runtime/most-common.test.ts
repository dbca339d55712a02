import { expect, it } from 'vitest';
import { mostCommon } from './most-common.ts';

it.each([
  [[], null],
  [['a'], 'a'],
  [['a', 'b', 'b'], 'b'],
  [['a', 'b', 'b', 'a'], 'a'],
])('finds the most common of %j', (values, expected) => expect(mostCommon(values)).toBe(expected));
