import { expect, test } from 'vitest';
import { serverIdFor } from './server-ids.ts';

test.each([
  ['the first pipeline gets the first id', 1000, null, [], 1000],
  ['a new one the smallest that is free', 1000, null, [1000, 1001, 1003], 1002],
  ['one that has an id keeps it', 1000, 1007, [1000], 1007],
  ['also when those before it are gone', 1000, 1007, [], 1007],
  ['but not when another has it, too', 1000, 1000, [1000], 1001],
  ['nor when the instance begins above it', 2000, 1007, [1000], 2000],
  ['nor when the instance has moved far below it', 10, 50_000, [], 10],
  ['the greatest id is the last', 4_294_967_295, null, [], 4_294_967_295],
  ['and then there is none', 4_294_967_295, null, [4_294_967_295], null],
])('%s', (_what, base, own, taken, expected) => {
  expect(serverIdFor(base, own, new Set(taken))).toBe(expected);
});
