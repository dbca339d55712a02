import { NameCache } from './name-cache.ts';
import { parseNamePatterns, type NamePattern } from '../../crds/name-pattern.ts';
import { isSystemSchema } from '../../crds/system-schemas.ts';

/**
 * Which tables of a source are read: canal's filter.regex and filter.black.regex.
 *
 * A table passes if an include pattern matches `schema.table` as a whole and no exclude pattern does; case is ignored, as
 * canal does by lower-casing names. canal tries longer patterns first, since its engine takes the first alternative that
 * matches a beginning; here each pattern must match the whole name, so their order cannot matter. System schemas never pass.
 */
export class TableFilter {
  readonly #include: readonly NamePattern[];
  readonly #exclude: readonly NamePattern[];
  readonly #passes = new NameCache((schema, table) => this.#decide(schema, table));

  /** @throws LockkeeperError LK1007 naming field, pattern and reason */
  constructor(filter: { readonly include: readonly string[]; readonly exclude: readonly string[] }) {
    this.#include = parseNamePatterns(filter.include, 'spec.filter.include');
    this.#exclude = parseNamePatterns(filter.exclude, 'spec.filter.exclude');
  }

  passes(schema: string, table: string): boolean {
    return this.#passes.get(schema, table);
  }

  /** False only if no table of the schema, those to come included, can pass; for statements on a whole database. */
  mayPassSchema(schema: string): boolean {
    return (
      !isSystemSchema(schema) &&
      this.#include.some((pattern) => pattern.mayMatchSchema(schema)) &&
      !this.#exclude.some((pattern) => pattern.coversSchema(schema))
    );
  }

  /** Whether every table of the schema, those to come included, passes. */
  coversSchema(schema: string): boolean {
    return (
      !isSystemSchema(schema) &&
      this.#include.some((pattern) => pattern.coversSchema(schema)) &&
      !this.#exclude.some((pattern) => pattern.mayMatchSchema(schema))
    );
  }

  #decide(schema: string, table: string): boolean {
    const name = `${schema}.${table}`;
    return (
      !isSystemSchema(schema) &&
      this.#include.some((pattern) => pattern.test(name)) &&
      !this.#exclude.some((pattern) => pattern.test(name))
    );
  }
}
