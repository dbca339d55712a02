import { LockkeeperError } from '../common/errors.ts';
import type { CanalInstance } from './canal-instance.ts';
import { literalName, parseNamePatterns, splitAtCommas, unescapeCanal, type NamePattern } from './name-pattern.ts';
import type { SyncPipeline } from './sync-pipeline.ts';
import { isSystemSchema } from './system-schemas.ts';
import { applyRule, fixedTarget, namesOf, parseMappingRule, type MappingRule, type TableName } from './table-name.ts';

export interface PipelineProblem {
  readonly pipeline: SyncPipeline;
  readonly error: LockkeeperError;
}

/** A pipeline with what can be told about its tables without asking a server. */
interface Flow {
  readonly pipeline: SyncPipeline;
  readonly name: string;
  readonly instance: CanalInstance;
  readonly rules: readonly MappingRule[];
  readonly include: readonly NamePattern[];
  readonly exclude: readonly NamePattern[];
  readonly target: string;
  readonly sources: readonly string[];
}

/**
 * Pipelines that are sure to disturb each other, or themselves: two that write one target table (LK1009), tables that lead
 * back to where they came from, and entries of spec.tables that can never match (LK1010).
 *
 * Judged from the manifests alone. Names and shards are exact. Of a pattern the tables are not known, so it counts where its
 * target is one fixed table, where another manifest names a table that it takes, or where the same pattern or no mapping at
 * all is applied twice to one source. Servers are the same when host and port are spelt the same.
 */
export function findOverlaps(pipelines: readonly SyncPipeline[], instances: readonly CanalInstance[]): PipelineProblem[] {
  const flows = pipelines.flatMap((pipeline) => {
    const instance = instances.find(
      ({ metadata }) =>
        metadata.namespace === pipeline.metadata.namespace && metadata.name === pipeline.spec.canalInstanceRef.name,
    );
    return instance === undefined ? [] : [flowOf(pipeline, instance)];
  });
  const problems: PipelineProblem[] = flows.flatMap(unmatchedRules);
  const known = knownTables(flows);
  const writes = new Map(
    flows.map((flow) => {
      const report = (error: LockkeeperError) => problems.push({ pipeline: flow.pipeline, error });
      return [flow, sureWrites(flow, known.get(flow.instance) ?? [], report)];
    }),
  );

  for (const [index, flow] of flows.entries()) {
    const loop = selfLoop(flow, known.get(flow.instance) ?? []);
    if (loop !== null) problems.push({ pipeline: flow.pipeline, error: loop });
    for (const other of flows.slice(0, index)) {
      const error =
        (flow.target === other.target ? commonTable(flow, other, writes) : null) ??
        circle(flow, other, known.get(other.instance) ?? []);
      if (error !== null) problems.push({ pipeline: flow.pipeline, error });
    }
  }
  return problems;
}

function flowOf(pipeline: SyncPipeline, instance: CanalInstance): Flow {
  const { target, tables } = pipeline.spec;
  const { master, standby, filter } = instance.spec;
  return {
    pipeline,
    name: `${pipeline.metadata.namespace}/${pipeline.metadata.name}`,
    instance,
    rules: tables.map((rule, index) => parseMappingRule(rule, `spec.tables[${index}]`)),
    include: parseNamePatterns(filter.include, 'spec.filter.include'),
    exclude: parseNamePatterns(filter.exclude, 'spec.filter.exclude'),
    target: serverKey(target),
    sources: [master, ...(standby === null ? [] : [standby])].map(serverKey),
  };
}

export function serverKey({ host, port }: { readonly host: string; readonly port: number }): string {
  const name = host.toLowerCase().replace(/\.$/, '');
  return `${name === 'localhost' || name === '::1' ? '127.0.0.1' : name}:${port}`;
}

function passes(flow: Flow, { schema, table }: TableName): boolean {
  const name = `${schema}.${table}`;
  return (
    !isSystemSchema(schema) &&
    flow.include.some((pattern) => pattern.test(name)) &&
    !flow.exclude.some((pattern) => pattern.test(name))
  );
}

/**
 * Where a pipeline sends a table of its source, or null.
 * @throws LockkeeperError LK1010 if that is no possible name
 */
function route(flow: Flow, name: TableName): TableName | null {
  if (!passes(flow, name)) return null;
  if (flow.rules.length === 0) return name;
  for (const rule of flow.rules) {
    const target = applyRule(rule, name.schema, name.table);
    if (target !== null) return target;
  }
  return null;
}

/** The same for questions about two steps, where an impossible name, which is reported elsewhere, leads nowhere. */
function tryRoute(flow: Flow, name: TableName): TableName | null {
  try {
    return route(flow, name);
  } catch (thrown) {
    if (thrown instanceof LockkeeperError) return null;
    throw thrown;
  }
}

/** Tables that the manifests themselves name at each source. */
function knownTables(flows: readonly Flow[]): Map<CanalInstance, TableName[]> {
  const known = new Map<CanalInstance, Map<string, TableName>>();
  for (const { instance, rules } of flows) {
    const tables = known.get(instance) ?? new Map<string, TableName>();
    known.set(instance, tables);
    for (const rule of rules) {
      for (const name of namesOf(rule.source) ?? []) tables.set(`${name.schema}.${name.table}`, name);
    }
    for (const text of instance.spec.filter.include.flatMap(splitAtCommas)) {
      const [schema, table] = literalName(text)?.split('.') ?? [];
      if (schema !== undefined && table !== undefined) tables.set(`${schema}.${table}`, { schema, table });
    }
  }
  return new Map([...known].map(([instance, tables]) => [instance, [...tables.values()]]));
}

type Writes = ReadonlyMap<string, { readonly target: string; readonly source: string }>;

/** Target tables a pipeline is sure to write, each with the source's name for it; keyed without case, since a server may fold it. */
function sureWrites(flow: Flow, known: readonly TableName[], report: (error: LockkeeperError) => void): Writes {
  const writes = new Map<string, { target: string; source: string }>();
  const add = (target: TableName, source: string) => {
    const text = `${target.schema}.${target.table}`;
    if (!writes.has(text.toLowerCase())) writes.set(text.toLowerCase(), { target: text, source });
  };
  const named = flow.rules.map((rule) => namesOf(rule.source));
  // Who only names tables takes no others, so that those of hundreds of pipelines need not be tried.
  const candidates = named.length > 0 && named.every((names) => names !== null) ? named.flat() : known;
  for (const name of candidates) {
    try {
      const target = route(flow, name);
      if (target !== null) add(target, `${name.schema}.${name.table}`);
    } catch (thrown) {
      if (!(thrown instanceof LockkeeperError)) throw thrown;
      report(thrown);
    }
  }
  for (const rule of flow.rules) {
    const target = rule.source.kind === 'pattern' ? fixedTarget(rule) : null;
    if (target !== null) add(target, rule.sourceText);
  }
  return writes;
}

function commonTable(flow: Flow, other: Flow, writes: ReadonlyMap<Flow, Writes>): LockkeeperError | null {
  const theirs = writes.get(other);
  for (const [key, mine] of writes.get(flow) ?? []) {
    const same = theirs?.get(key);
    if (same !== undefined) {
      return overlap(
        flow,
        other,
        `${mine.target} of ${flow.target} is written from ${mine.source} and, by ${other.name}, from ${same.source}`,
      );
    }
  }
  if (
    flow.rules.length === 0 &&
    other.rules.length === 0 &&
    (flow.instance === other.instance || sameFilter(flow.instance, other.instance))
  ) {
    return overlap(
      flow,
      other,
      `both write every table of ${flow.instance === other.instance ? 'the same instance' : 'instances with the same filter'} to ${flow.target} under its own name`,
    );
  }
  if (flow.instance !== other.instance) return null;
  const keepsNames = ({ rules }: Flow) => rules.find((rule) => rule.source.kind === 'pattern' && rule.targetText === null);
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

function sameFilter(a: CanalInstance, b: CanalInstance): boolean {
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
function selfLoop(flow: Flow, known: readonly TableName[]): LockkeeperError | null {
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
function circle(flow: Flow, other: Flow, known: readonly TableName[]): LockkeeperError | null {
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
    `it copies ${what} back to where ${other.name} takes it from, so each change would go round for ever; only pipelines with twoWay may do that`,
  );
}

/** Entries of spec.tables none of whose tables the instance's filter lets through: they would silently copy nothing. */
function unmatchedRules(flow: Flow): PipelineProblem[] {
  return flow.rules.flatMap((rule) => {
    const names = namesOf(rule.source);
    if (names === null || names.some((name) => passes(flow, name))) return [];
    const { namespace, name } = flow.instance.metadata;
    const why = names.every(({ schema }) => isSystemSchema(schema))
      ? 'system schemas never travel'
      : `spec.filter of CanalInstance ${namespace}/${name} does not let it through`;
    return [
      {
        pipeline: flow.pipeline,
        error: contradiction(flow, `${rule.field}.source`, `${rule.sourceText} can never match: ${why}`),
      },
    ];
  });
}

function overlap(flow: Flow, other: Flow, what: string): LockkeeperError {
  return new LockkeeperError('LK1009', `spec.tables: pipeline ${flow.name} and ${other.name} write one target table: ${what}`, {
    found: what,
    details: { field: 'spec.tables', pipeline: flow.name, other: other.name, target: flow.target },
  });
}

function contradiction(flow: Flow, field: string, reason: string): LockkeeperError {
  return new LockkeeperError('LK1010', `${field}: ${reason}`, { found: reason, details: { field, pipeline: flow.name, reason } });
}
