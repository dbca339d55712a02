import { expect, test } from 'vitest';
import type { ColumnMetadata, TableMetadata, UniqueKey } from '../target/table-metadata.ts';
import { after, boundarySql, chooseChunkKey, lastKeySql, rangeCondition, upTo } from './chunk-key.ts';
import { ChunkQueue } from './chunk-queue.ts';
import type { StoredChunk } from './snapshot-store.ts';

function column(name: string, dataType: string, charset: string | null = null): ColumnMetadata {
  return {
    name,
    ordinal: 0,
    dataType,
    columnType: dataType,
    charset,
    collation: null,
    nullable: false,
    generated: null,
    invisible: false,
    autoIncrement: false,
    unsigned: false,
    length: null,
    octetLength: null,
    precision: null,
    scale: null,
    fsp: null,
    srid: null,
    members: null,
    onUpdateNow: false,
    hasDefault: false,
  };
}

function table(columns: ColumnMetadata[], primary: string[] | null, uniqueKeys: Partial<UniqueKey>[] = []): TableMetadata {
  const parts = (names: string[]) => names.map((name) => ({ column: name, prefix: 0 }));
  return {
    schema: 's',
    table: 't',
    engine: 'InnoDB',
    columns,
    primaryKey: primary === null ? null : parts(primary),
    uniqueKeys: uniqueKeys.map((key) => ({ name: 'u', columns: [], nullable: false, functional: false, ...key })),
    foreignKeys: [],
    referencedBy: [],
    versioning: null,
    triggers: [],
  };
}

const composite = chooseChunkKey(
  table([column('a', 'int'), column('b', 'varchar', 'utf8mb4'), column('c', 'varbinary')], ['a', 'b', 'c']),
)!;

test('a composite key is compared column by column', () => {
  const value = ['1', '_utf8mb4 0x61', '0x00'];
  expect(after(composite, value)).toBe(
    '`a`>=1 AND (`a`>1 OR (`a`=1 AND (`b`>_utf8mb4 0x61 OR (`b`=_utf8mb4 0x61 AND `c`>0x00))))',
  );
  expect(upTo(composite, value)).toBe(
    '`a`<=1 AND (`a`<1 OR (`a`=1 AND (`b`<_utf8mb4 0x61 OR (`b`=_utf8mb4 0x61 AND `c`<=0x00))))',
  );
});

test('a range is open where the table ends', () => {
  const key = chooseChunkKey(table([column('id', 'bigint')], ['id']))!;
  expect(rangeCondition(key, null, null)).toBe('');
  expect(rangeCondition(key, ['5'], null)).toBe('`id`>5');
  expect(rangeCondition(key, ['5'], ['9'])).toBe('`id`>5 AND `id`<=9');
  expect(rangeCondition(null, null, null)).toBe('');
  expect(boundarySql('`s`.`t`', key, ['5'], 100)).toBe(
    'SELECT `id` FROM `s`.`t` FORCE INDEX (`PRIMARY`) WHERE `id`>5 ORDER BY `id` LIMIT 1 OFFSET 99',
  );
  expect(lastKeySql('`s`.`t`', key)).toBe('SELECT `id` FROM `s`.`t` FORCE INDEX (`PRIMARY`) ORDER BY `id` DESC LIMIT 1');
});

test.each([
  ['int', null, '-5', '-5'],
  ['decimal', null, '1.50', '1.50'],
  ['float', null, '0.10000000149011612', '0.10000000149011612e0'],
  ['double', null, '1e300', '1e300'],
  ['datetime', null, '2024-01-01 00:00:00.5', "_latin1'2024-01-01 00:00:00.5'"],
  ['uuid', null, '0-0', "_latin1'0-0'"],
  ['varchar', 'latin1', "it's", '_latin1 0x69742773'],
  ['char', 'utf8mb4', '', "_utf8mb4 ''"],
  ['varbinary', null, '\0', '0x00'],
  ['enum', null, '3', '3'],
])('a %s key (%s) %j is written %s', (type, charset, text, literal) => {
  const key = chooseChunkKey(table([column('k', type, charset)], ['k']))!;
  expect(key.columns[0]!.literal(Buffer.from(text, 'latin1'))).toBe(literal);
});

test('unique keys serve where there is no primary key, but not with NULLs, prefixes or expressions', () => {
  const columns = [column('a', 'int'), column('b', 'int'), column('t', 'text', 'utf8mb4')];
  const on = (...names: string[]) => names.map((name) => ({ column: name, prefix: 0 }));
  expect(chooseChunkKey(table(columns, null))).toBeNull();
  expect(chooseChunkKey(table(columns, null, [{ columns: on('a'), nullable: true }]))).toBeNull();
  expect(chooseChunkKey(table(columns, null, [{ columns: on('a'), functional: true }]))).toBeNull();
  expect(chooseChunkKey(table(columns, null, [{ columns: [{ column: 't', prefix: 10 }] }]))).toBeNull();
  const found = chooseChunkKey(
    table(columns, null, [
      { name: 'two', columns: on('a', 'b') },
      { name: 'o`ne', columns: on('b') },
    ]),
  );
  expect(found!.index).toBe('`o``ne`');
});

const chunk = (n: number, lower: string | null, upper: string | null, point: number | null): StoredChunk => ({
  chunk: n,
  lower: lower === null ? null : [lower],
  upper: upper === null ? null : [upper],
  point,
  rows: 0,
  bytes: 0,
});

test('chunks that were never finished come first, then new ones behind the last', async () => {
  const queue = new ChunkQueue([chunk(0, null, '10', 1), chunk(1, '10', '20', null), chunk(2, '20', '30', 1)]);
  const ends: (string[] | null)[] = [['40'], null];
  const recorded: number[] = [];
  const take = () =>
    queue.take(
      async () => ends.shift()!,
      async (planned) => void recorded.push(planned.chunk),
    );
  expect(await take()).toMatchObject({ chunk: 1, lower: ['10'], upper: ['20'] });
  expect(await take()).toMatchObject({ chunk: 3, lower: ['30'], upper: ['40'] });
  expect(queue.empty).toBe(false);
  expect(await take()).toMatchObject({ chunk: 4, lower: ['40'], upper: null });
  expect(await take()).toBeNull();
  expect(queue.empty).toBe(true);
  expect(recorded).toEqual([3, 4]);
  expect([1, 3].map((n) => queue.isNew(chunk(n, null, null, null)))).toEqual([false, true]);
});

test('of two that ask at once each gets a chunk of its own', async () => {
  const queue = new ChunkQueue([]);
  let next = 0;
  const slow = () =>
    queue.take(
      async () => (await new Promise((resolve) => setTimeout(resolve, 5)), [String(++next)]),
      async () => undefined,
    );
  const [a, b] = await Promise.all([slow(), slow()]);
  expect([a, b]).toMatchObject([
    { lower: null, upper: ['1'] },
    { lower: ['1'], upper: ['2'] },
  ]);
});

test('a chunk whose cutting failed is cut by the next who asks', async () => {
  const queue = new ChunkQueue([]);
  await expect(
    queue.take(
      () => Promise.reject(new Error('lost')),
      async () => undefined,
    ),
  ).rejects.toThrow('lost');
  expect(
    await queue.take(
      async () => null,
      async () => undefined,
    ),
  ).toMatchObject({ chunk: 0, lower: null, upper: null });
  expect(queue.empty).toBe(true);
});
