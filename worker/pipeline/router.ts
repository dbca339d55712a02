import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import type { TableRoute } from '../source/table-map.ts';
import { TableFilter } from './table-filter.ts';
import { TableMapping } from './table-mapping.ts';

/** Where a pipeline's tables go: the instance's filter first, then the pipeline's own mapping. */
export class Router {
  readonly #filter: TableFilter;
  readonly #mapping: TableMapping;

  /** Throws LK1007 or LK1010 naming the field. */
  constructor(config: Pick<PipelineConfig, 'source' | 'pipeline'>, source: { readonly lowerCaseNames: boolean }) {
    this.#filter = new TableFilter(config.source.filter);
    this.#mapping = new TableMapping(config.pipeline.tables, { ignoreCase: source.lowerCaseNames });
  }

  /** The target of a source table, the same object each time; null when it does not travel. */
  readonly route = (schema: string, table: string): TableRoute | null =>
    this.#filter.passes(schema, table) ? this.#mapping.mapTable(schema, table) : null;

  /** The one target schema of a source schema, for statements on a whole database; null when there is none or several. */
  readonly routeSchema = (schema: string): string | null =>
    this.#filter.mayPassSchema(schema) ? this.#mapping.mapSchema(schema) : null;

  /** Every table of the schema, those to come included, travels: only then may the target's schema be dropped with it. */
  readonly coversSchema = (schema: string): boolean => this.#mapping.coversSchema(schema) && this.#filter.coversSchema(schema);
}
