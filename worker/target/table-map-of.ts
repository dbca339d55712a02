import type { TableMap, TableRoute } from '../source/table-map.ts';
import { binlogType } from './raw-compatible.ts';
import { collationOf } from './sql/charset.ts';
import type { TableMetadata } from './table-metadata.ts';

/**
 * The table map that a server of this definition would log for the table, with all metadata, so that what is judged when rows
 * come can be judged before. Null where a type has no known form in the binlog.
 */
export function tableMapOf(source: TableMetadata, route: TableRoute): TableMap | null {
  const { schema, table, columns } = source;
  const forms = columns.map(binlogType);
  if (forms.includes(null)) return null;
  return {
    id: 0,
    schema,
    table,
    route,
    raw: Buffer.alloc(0),
    columnCount: columns.length,
    types: Uint8Array.from(forms, (form) => form!.type),
    meta: Uint16Array.from(forms, (form) => form!.meta),
    nullable: Uint8Array.from(columns, (column) => (column.nullable ? 1 : 0)),
    metadata: {
      columnNames: columns.map((column) => column.name),
      unsigned: Uint8Array.from(columns, (column) => (column.unsigned ? 1 : 0)),
      collations: Uint16Array.from(columns, ({ charset }) => (charset === null ? 0 : collationOf(charset))),
      primaryKey: null,
      members: columns.map(({ members }) => members?.map((member) => Buffer.from(member)) ?? null),
      geometryTypes: null,
      visible: null,
    },
  };
}
