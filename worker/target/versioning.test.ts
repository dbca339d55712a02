import { expect, it } from 'vitest';
import { ColumnType } from '../source/column-type.ts';
import type { Flavor } from '../source/position.ts';
import type { TableMap } from '../source/table-map.ts';
import { tableFindings } from './table-findings.ts';
import type { TableMetadata } from './table-metadata.ts';

/** Columns id INT, then two TIMESTAMP(6), of which the target's table has only id. */
const target = {
  schema: 's',
  table: 't',
  engine: 'InnoDB',
  versioning: null,
  columns: [{ name: 'id', ordinal: 0, dataType: 'int', columnType: 'int' }],
  primaryKey: { name: 'PRIMARY', columns: [{ column: 'id', prefix: 0 }] },
  uniqueKeys: [],
  triggers: [],
} as unknown as TableMetadata;

const map = (flavor: Flavor) =>
  ({
    flavor,
    schema: 's',
    table: 't',
    route: { schema: 's', table: 't' },
    columnCount: 3,
    types: Uint8Array.of(ColumnType.LONG, ColumnType.TIMESTAMP2, ColumnType.TIMESTAMP2),
    meta: Uint16Array.of(0, 6, 6),
    nullable: Uint8Array.of(0, 0, 0),
    metadata: { columnNames: null, unsigned: null, collations: null, members: null, geometryTypes: null, visible: null },
  }) as unknown as TableMap;

it('tells a versioned table of MariaDB from two columns that the target lacks, where the source logs no names', () => {
  const codes = (flavor: Flavor) => tableFindings(map(flavor), target).map(({ code }) => code);
  expect(codes('mariadb')).toEqual(['LK1315']);
  expect(codes('mysql')).toEqual(['LK1308']);
});
