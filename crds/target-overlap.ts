import { LockkeeperError } from '../common/errors.ts';
import type { CanalInstance } from './canal-instance.ts';
import { splitAtCommas, unescapeCanal } from './name-pattern.ts';
import type { SyncPipeline } from './sync-pipeline.ts';
import { isSystemSchema } from './system-schemas.ts';
import { knownTables, passes, sureWrites, tableFlow, tryRoute, type Subject, type TableFlow, type Writes } from './table-flow.ts';
import { namesOf, type TableName } from './table-name.ts';

export interface PipelineProblem {
  readonly pipeline: SyncPipeline;
  readonly error: LockkeeperError;
}

/** Pipelines that are sure to disturb themselves, or one that comes before them in the list. See `Disturbances`. */
export function findOverlaps(pipelines: readonly SyncPipeline[], instances: readonly CanalInstance[]): PipelineProblem[] {
  const subjects = pipelines.flatMap((pipeline): (Subject & { readonly pipeline: SyncPipeline })[] => {
    const { namespace } = pipeline.metadata;
    const { name } = pipeline.spec.canalInstanceRef;
    const instance = instances.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
    return instance === undefined ? [] : [{ pipeline, instance }];
  });
  const disturbances = new Disturbances(subjects);
  return subjects.flatMap((subject, index) => {
    const others = subjects.slice(0, index).flatMap((other) => disturbances.between(subject, other) ?? []);
    return [...disturbances.within(subject), ...others].map((error) => ({ pipeline: subject.pipeline, error }));
  });
}

/**
 * How pipelines are sure to disturb each other, or themselves: two that write one target table (LK1009), tables that lead
 * back to where they came from, and entries of spec.tables that can never match (LK1010).
 *
 * Judged from the manifests alone. Names and shards are exact. Of a pattern the tables are not known, so it counts where its
 * target is one fixed table, where another manifest names a table that it takes, or where the same pattern or no mapping at
 * all is applied twice to one source. Servers are the same when host and port are spelt the same.
 */
export class Disturbances {
  readonly #known: ReadonlyMap<string, readonly TableName[]>;
  readonly #judged: ReadonlyMap<Subject, Judged>;

  /** `subjects`: all that there are, since what one names tells of the tables of others. */
  constructor(subjects: readonly Subject[]) {
    const flows = subjects.map((subject) => [subject, tableFlow(subject)] as const);
    this.#known = knownTables(flows.map(([, flow]) => flow));
    this.#judged = new Map(
      flows.map(([subject, flow]) => {
        const errors = unmatchedRules(flow);
        const known = this.#known.get(flow.source) ?? [];
        const writes = sureWrites(flow, known, (error) => errors.push(error));
        const loop = selfLoop(flow, known);
        return [subject, { flow, writes, errors: loop === null ? errors : [...errors, loop] }];
      }),
    );
  }

  /** What is wrong with one of the subjects by itself. */
  within(subject: Subject): readonly LockkeeperError[] {
    return this.#judged.get(subject)!.errors;
  }

  /** What two of the subjects do to each other, as the first one is told of it; null: nothing. */
  between(subject: Subject, other: Subject): LockkeeperError | null {
    const [mine, theirs] = [this.#judged.get(subject)!, this.#judged.get(other)!];
    return (
      (mine.flow.target === theirs.flow.target ? commonTable(mine, theirs) : null) ??
      circle(mine.flow, theirs.flow, this.#known.get(theirs.flow.source) ?? [])
    );
  }
}

interface Judged {
  readonly flow: TableFlow;
  readonly writes: Writes;
  readonly errors: readonly LockkeeperError[];
}

function commonTable({ flow, writes }: Judged, { flow: other, writes: theirs }: Judged): LockkeeperError | null {
  for (const [key, mine] of writes) {
    const same = theirs.get(key);
    if (same !== undefined) {
      return overlap(
        flow,
        other,
        `${mine.target} of ${flow.target} is written from ${mine.source} and, by ${other.label}, from ${same.source}`,
      );
    }
  }
  if (
    flow.rules.length === 0 &&
    other.rules.length === 0 &&
    (flow.source === other.source || sameFilter(flow.instance, other.instance))
  ) {
    return overlap(
      flow,
      other,
      `both write every table of ${flow.source === other.source ? 'the same instance' : 'instances with the same filter'} to ${flow.target} under its own name`,
    );
  }
  if (flow.source !== other.source) return null;
  const keepsNames = ({ rules }: TableFlow) => rules.find((rule) => rule.source.kind === 'pattern' && rule.targetText === null);
  const own = keepsNames(flow) ?? keepsNames(other);
  if (own !== undefined && (flow.rules.length === 0 || other.rules.length === 0)) {
    return overlap(flow, other, `both write the tables that ${own.sourceText} takes to ${flow.target} under their own names`);
  }
  const twice = flow.rules.find(
    (rule) =>
      rule.source.kind === 'pattern' &&
      other.rules.some(({ sourceText, targetText }) => sourceText === rule.sourceText && targetText === rule.targetText),
  );
  return twice === undefined
    ? null
    : overlap(
        flow,
        other,
        `both have the entry ${twice.sourceText} to ${twice.targetText ?? 'the same name'} for ${flow.target}`,
      );
}

function sameFilter(a: Subject['instance'], b: Subject['instance']): boolean {
  const canonical = (list: readonly string[]) =>
    list
      .flatMap(splitAtCommas)
      .map((text) => unescapeCanal(text).toLowerCase())
      .sort()
      .join();
  return (
    canonical(a.spec.filter.include) === canonical(b.spec.filter.include) &&
    canonical(a.spec.filter.exclude) === canonical(b.spec.filter.exclude)
  );
}

/** A pipeline within one server whose output is its own input. */
function selfLoop(flow: TableFlow, known: readonly TableName[]): LockkeeperError | null {
  if (!flow.sources.includes(flow.target)) return null;
  if (flow.rules.length === 0) {
    return contradiction(
      flow,
      'spec.target',
      `source and target are the same server ${flow.target} and no table is renamed, so each change would be copied to itself for ever`,
    );
  }
  for (const name of known) {
    const target = tryRoute(flow, name);
    if (target !== null && tryRoute(flow, target) !== null) {
      const [from, to] = [name, target].map(({ schema, table }) => `${schema}.${table}`);
      return contradiction(
        flow,
        'spec.tables',
        `source and target are the same server ${flow.target}, and ${to ?? ''}, the target of ${from ?? ''}, is itself a source, so changes would be copied for ever`,
      );
    }
  }
  return null;
}

/** Two pipelines that copy one table back and forth, without the means to tell a copied change from a new one. */
function circle(flow: TableFlow, other: TableFlow, known: readonly TableName[]): LockkeeperError | null {
  if (!flow.sources.includes(other.target) || !other.sources.includes(flow.target)) return null;
  if (flow.pipeline.spec.twoWay !== null && other.pipeline.spec.twoWay !== null) return null;
  const unmapped = flow.rules.length === 0 && other.rules.length === 0;
  const table = known.find((name) => {
    const there = tryRoute(other, name);
    const back = there && tryRoute(flow, there);
    return back?.schema === name.schema && back.table === name.table;
  });
  if (table === undefined && !(unmapped && sameFilter(flow.instance, other.instance))) return null;
  const what = table === undefined ? 'every table' : `${table.schema}.${table.table}`;
  return contradiction(
    flow,
    'spec.twoWay',
    `it copies ${what} back to where ${other.label} takes it from, so each change would go round for ever; only pipelines with twoWay may do that`,
  );
}

/** Entries of spec.tables none of whose tables the instance's filter lets through: they would silently copy nothing. */
function unmatchedRules(flow: TableFlow): LockkeeperError[] {
  return flow.rules.flatMap((rule) => {
    const names = namesOf(rule.source);
    if (names === null || names.some((name) => passes(flow, name))) return [];
    const why = names.every(({ schema }) => isSystemSchema(schema))
      ? 'system schemas never travel'
      : `spec.filter of CanalInstance ${flow.source} does not let it through`;
    return [contradiction(flow, `${rule.field}.source`, `${rule.sourceText} can never match: ${why}`)];
  });
}

function overlap(flow: TableFlow, other: TableFlow, what: string): LockkeeperError {
  return new LockkeeperError('LK1009', `spec.tables: pipeline ${flow.label} and ${other.label} write one target table: ${what}`, {
    found: what,
    details: { field: 'spec.tables', pipeline: flow.label, other: other.label, target: flow.target },
  });
}

function contradiction(flow: TableFlow, field: string, reason: string): LockkeeperError {
  return new LockkeeperError('LK1010', `${field}: ${reason}`, {
    found: reason,
    details: { field, pipeline: flow.label, reason },
  });
}
