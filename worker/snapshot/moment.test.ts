import { expect, it } from 'vitest';
import type { TableMetadata } from '../target/table-metadata.ts';
import { forbidRange } from './moment.ts';
import type { RoundTable } from './target-group.ts';

type Keys = Pick<TableMetadata, 'primaryKey' | 'uniqueKeys'>;

const unique = (nullable: boolean, functional = false) => ({
  primaryKey: null,
  uniqueKeys: [{ name: 'u', columns: [], nullable, functional }],
});
const primary: Keys = { primaryKey: [{ column: 'id', prefix: 0 }], uniqueKeys: [] };

function refusal(keys: Keys, tied: readonly string[] = []): unknown {
  const table = {
    table: { source: { schema: 's', table: 't' }, target: { schema: 's', table: 't' } },
    metadata: keys,
  } as unknown as RoundTable;
  try {
    forbidRange([table], new Map(tied.map((name) => [name, null])));
  } catch (error) {
    return error;
  }
  return null;
}

it('allows a moment that is known as a range only for tables with a key', () => {
  expect(refusal(primary)).toBeNull();
  expect(refusal(unique(false))).toBeNull();
  for (const keys of [unique(true), unique(false, true), { primaryKey: null, uniqueKeys: [] }])
    expect(refusal(keys)).toMatchObject({ code: 'LK1602', message: expect.stringContaining('s.t has no key') as string });
});

it('forbids it for tables whose foreign keys change rows by themselves', () => {
  expect(refusal(primary, ['s.other'])).toBeNull();
  expect(refusal(primary, ['s.t'])).toMatchObject({
    code: 'LK1602',
    message: expect.stringContaining('s.t is tied to others') as string,
  });
});
