import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import type { TableRoute } from '../source/table-map.ts';
import { TableFilter } from './table-filter.ts';
import { TableMapping } from './table-mapping.ts';

/** Where a pipeline's tables go: the instance's filter first, then the pipeline's own mapping. */
export class Router {
  readonly #filter: TableFilter;
  readonly #mapping: TableMapping;
  /** Source tables by the target table they flow into. */
  readonly #origins = new Map<string, Set<string>>();

  /** Throws LK1007 or LK1010 naming the field. */
  constructor(config: Pick<PipelineConfig, 'source' | 'pipeline'>, source: { readonly lowerCaseNames: boolean }) {
    this.#filter = new TableFilter(config.source.filter);
    this.#mapping = new TableMapping(config.pipeline.tables, { ignoreCase: source.lowerCaseNames });
  }

  /** The target of a source table, the same object each time; null when it does not travel. */
  readonly route = (schema: string, table: string): TableRoute | null => {
    const target = this.#filter.passes(schema, table) ? this.#mapping.mapTable(schema, table) : null;
    if (target !== null) this.#remember(`${schema}.${table}`, `${target.schema}.${target.table}`);
    return target;
  };

  /** Whether another table of the source, asked for before, flows into the same target table. */
  readonly isMerged = (schema: string, table: string): boolean => {
    const target = this.route(schema, table);
    return target !== null && (this.#origins.get(`${target.schema}.${target.table}`)?.size ?? 0) > 1;
  };

  /** The one target schema of a source schema, for statements on a whole database; null when there is none or several. */
  readonly routeSchema = (schema: string): string | null =>
    this.#filter.mayPassSchema(schema) ? this.#mapping.mapSchema(schema) : null;

  #remember(source: string, target: string): void {
    const origins = this.#origins.get(target);
    if (origins === undefined) this.#origins.set(target, new Set([source]));
    else origins.add(source);
  }

  /** Every table of the schema, those to come included, travels: only then may the target's schema be dropped with it. */
  readonly coversSchema = (schema: string): boolean => this.#mapping.coversSchema(schema) && this.#filter.coversSchema(schema);
}
