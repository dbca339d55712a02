import { LockkeeperError } from '../common/errors.ts';
import type { CanalInstance } from './canal-instance.ts';
import { literalName, parseNamePatterns, splitAtCommas, type NamePattern } from './name-pattern.ts';
import type { SyncPipeline } from './sync-pipeline.ts';
import { isSystemSchema } from './system-schemas.ts';
import { applyRule, fixedTarget, namesOf, parseMappingRule, type MappingRule, type TableName } from './table-name.ts';

type Named = Pick<SyncPipeline['metadata'], 'namespace' | 'name'>;
type Address = Pick<SyncPipeline['spec']['target'], 'host' | 'port'>;

/** A pipeline with the instance that it reads, as far as it tells which tables travel where. */
export interface Subject {
  readonly pipeline: {
    readonly metadata: Named;
    readonly spec: Pick<SyncPipeline['spec'], 'tables' | 'twoWay'> & { readonly target: Address };
  };
  readonly instance: {
    readonly metadata: Named;
    readonly spec: Pick<CanalInstance['spec'], 'master' | 'standby' | 'filter'>;
  };
  /** What people are told that it is; default: `NAMESPACE/NAME`. */
  readonly label?: string;
}

/** A pipeline with what can be told about its tables without asking a server. */
export interface TableFlow {
  readonly pipeline: Subject['pipeline'];
  readonly label: string;
  readonly instance: Subject['instance'];
  /** `NAMESPACE/NAME` of the instance. */
  readonly source: string;
  readonly rules: readonly MappingRule[];
  readonly include: readonly NamePattern[];
  readonly exclude: readonly NamePattern[];
  /** As `serverKey` tells. */
  readonly target: string;
  readonly sources: readonly string[];
}

export function tableFlow({ pipeline, instance, label }: Subject): TableFlow {
  const { target, tables } = pipeline.spec;
  const { master, standby, filter } = instance.spec;
  return {
    pipeline,
    label: label ?? `${pipeline.metadata.namespace}/${pipeline.metadata.name}`,
    instance,
    source: `${instance.metadata.namespace}/${instance.metadata.name}`,
    rules: tables.map((rule, index) => parseMappingRule(rule, `spec.tables[${index}]`)),
    include: parseNamePatterns(filter.include, 'spec.filter.include'),
    exclude: parseNamePatterns(filter.exclude, 'spec.filter.exclude'),
    target: serverKey(target),
    sources: [master, ...(standby === null ? [] : [standby])].map(serverKey),
  };
}

/** A server as `host:port`, the same however it is spelt. */
export function serverKey({ host, port }: { readonly host: string; readonly port: number }): string {
  const name = host.toLowerCase().replace(/\.$/, '');
  return `${name === 'localhost' || name === '::1' ? '127.0.0.1' : name}:${port}`;
}

export function passes(flow: TableFlow, { schema, table }: TableName): boolean {
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
function route(flow: TableFlow, name: TableName): TableName | null {
  if (!passes(flow, name)) return null;
  if (flow.rules.length === 0) return name;
  for (const rule of flow.rules) {
    const target = applyRule(rule, name.schema, name.table);
    if (target !== null) return target;
  }
  return null;
}

/** The same for questions about two steps, where an impossible name, which is reported elsewhere, leads nowhere. */
export function tryRoute(flow: TableFlow, name: TableName): TableName | null {
  try {
    return route(flow, name);
  } catch (thrown) {
    if (thrown instanceof LockkeeperError) return null;
    throw thrown;
  }
}

/** Tables that the manifests themselves name, by source (`NAMESPACE/NAME` of an instance). */
export function knownTables(flows: readonly TableFlow[]): Map<string, TableName[]> {
  const known = new Map<string, Map<string, TableName>>();
  for (const { instance, source, rules } of flows) {
    const tables = known.get(source) ?? new Map<string, TableName>();
    known.set(source, tables);
    for (const rule of rules) {
      for (const name of namesOf(rule.source) ?? []) tables.set(`${name.schema}.${name.table}`, name);
    }
    for (const text of instance.spec.filter.include.flatMap(splitAtCommas)) {
      const [schema, table] = literalName(text)?.split('.') ?? [];
      if (schema !== undefined && table !== undefined) tables.set(`${schema}.${table}`, { schema, table });
    }
  }
  return new Map([...known].map(([source, tables]) => [source, [...tables.values()]]));
}

export type Writes = ReadonlyMap<string, { readonly target: string; readonly source: string }>;

/** Target tables a pipeline is sure to write, each with the source's name for it; keyed without case, since a server may fold it. */
export function sureWrites(flow: TableFlow, known: readonly TableName[], report: (error: LockkeeperError) => void): Writes {
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
