import type { Flavor } from '../source/position.ts';
import type { TableMap, TableRoute } from '../source/table-map.ts';
import { binlogType } from './raw-compatible.ts';
import { collationOf } from './sql/charset.ts';
import type { ColumnMetadata, TableMetadata } from './table-metadata.ts';

/**
 * The table map that a server of this flavour would log for the table, with all metadata, so that what is judged when rows
 * come can be judged before. Null where a type has no known form in the binlog.
 */
export function tableMapOf(source: TableMetadata, route: TableRoute, flavor: Flavor): TableMap | null {
  const { schema, table } = source;
  const columns = [...source.columns, ...hiddenPeriod(source)];
  const forms = columns.map(binlogType);
  if (forms.includes(null)) return null;
  return {
    id: 0,
    flavor,
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

/** A versioned table logs the times of its rows behind all columns, also where its definition does not have them. */
function hiddenPeriod({ columns, versioning }: TableMetadata): ColumnMetadata[] {
  if (versioning === null || versioning.declared) return [];
  return [versioning.begin, versioning.end].map((name, i) => ({
    name,
    ordinal: columns.length + i,
    dataType: 'timestamp',
    columnType: 'timestamp(6)',
    charset: null,
    collation: null,
    nullable: false,
    generated: 'stored',
    invisible: true,
    autoIncrement: false,
    onUpdateNow: false,
    hasDefault: false,
    unsigned: false,
    length: null,
    octetLength: null,
    precision: null,
    scale: null,
    fsp: 6,
    srid: null,
    members: null,
  }));
}
