import { expect, it } from 'vitest';
import { KeyIndex } from './key-index.ts';

it('follows keys from value to value', () => {
  const index = new KeyIndex();
  index.move('a', [], ['red', 'round']);
  index.move('b', [], ['red']);
  expect(index.keys('red')).toEqual(['a', 'b']);
  index.move('a', ['red', 'round'], ['blue', 'round']);
  expect([index.keys('red'), index.keys('blue'), index.keys('round')]).toEqual([['b'], ['a'], ['a']]);
  index.move('a', ['blue', 'round'], []);
  expect([index.keys('blue'), index.keys('round'), index.keys('none')]).toEqual([[], [], []]);
});
