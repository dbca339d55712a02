import { NameCache } from './name-cache.ts';
import {
  applyRule,
  coversSchema,
  parseMappingRule,
  targetSchemaOf,
  type MappingRule,
  type TableName,
} from '../../crds/table-name.ts';

export interface TableMappingOptions {
  /** Whether the source folds the case of names (lower_case_table_names 1 or 2); names and patterns then ignore it too. */
  readonly ignoreCase?: boolean;
}

/**
 * Where tables of the source go, compiled from spec.tables: the first entry that matches counts, a table that none matches
 * does not travel, and without entries every table keeps its name. The instance's filter is judged elsewhere, and before.
 */
export class TableMapping {
  readonly #rules: readonly MappingRule[];
  readonly #ignoreCase: boolean;
  readonly #targets = new NameCache((schema, table) => this.#map(schema, table));

  /** @throws LockkeeperError LK1007 or LK1010 naming the field */
  constructor(
    tables: readonly { readonly source: string; readonly target?: string | null }[],
    options: TableMappingOptions = {},
  ) {
    this.#ignoreCase = options.ignoreCase ?? false;
    this.#rules = tables.map(({ source, target }, index) =>
      parseMappingRule({ source, target: target ?? null }, `spec.tables[${index}]`, this.#ignoreCase),
    );
  }

  /**
   * The target of a table, the same object each time, or null if it does not travel.
   * @throws LockkeeperError LK1010 if a pattern's groups make an empty or too long name
   */
  mapTable(schema: string, table: string): TableName | null {
    return this.#targets.get(schema, table);
  }

  /**
   * For statements on a whole database: the one target schema that all tables of a source schema go to, or null if there is
   * none, several, or that depends on the table.
   */
  mapSchema(schema: string): string | null {
    if (this.#rules.length === 0) return schema;
    const targets = new Set<string>();
    for (const rule of this.#rules) {
      const target = targetSchemaOf(rule, schema, this.#ignoreCase);
      if (target === undefined) return null;
      if (target !== null) targets.add(target);
      if (coversSchema(rule, schema)) break; // later entries get nothing of it
    }
    const [only] = targets;
    return targets.size === 1 && only !== undefined ? only : null;
  }

  /** False only if no table of the schema, those to come included, can travel. */
  mayMatchSchema(schema: string): boolean {
    return this.#rules.length === 0 || this.#rules.some((rule) => targetSchemaOf(rule, schema, this.#ignoreCase) !== null);
  }

  /** Whether every table of the schema, those to come included, travels: only then does dropping it at the source mean dropping it at the target. */
  coversSchema(schema: string): boolean {
    return this.#rules.length === 0 || this.#rules.some((rule) => coversSchema(rule, schema));
  }

  #map(schema: string, table: string): TableName | null {
    if (this.#rules.length === 0) return { schema, table };
    for (const rule of this.#rules) {
      const target = applyRule(rule, schema, table, this.#ignoreCase);
      if (target !== null) return target;
    }
    return null;
  }
}
