import { expect, it } from 'vitest';
import { isSequence } from './sequence-map.ts';
import type { TableMap } from './table-map.ts';

const names = 'next_not_cached_value minimum_value maximum_value start_value increment cache_size cycle_option cycle_count'.split(
  ' ',
);
const map = (types: readonly number[], columnNames: readonly string[] | null, nullable = 0) =>
  ({
    columnCount: types.length,
    types: Uint8Array.from(types),
    nullable: Uint8Array.from(types, () => nullable),
    metadata: { columnNames },
  }) as unknown as TableMap;

it('is told by its columns', () => {
  const types = [8, 8, 8, 8, 8, 8, 1, 8];
  expect(isSequence(map(types, names))).toBe(true);
  expect(isSequence(map(types, null))).toBe(true);
  expect(isSequence(map(types, [...names.slice(1), 'x']))).toBe(false);
  expect(isSequence(map(types, null, 1))).toBe(false);
  expect(isSequence(map([...types, 8], null))).toBe(false);
  expect(isSequence(map([8, 8, 8, 8, 8, 8, 8, 8], null))).toBe(false);
});
