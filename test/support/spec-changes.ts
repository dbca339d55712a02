import { brokenTransitions } from '../../crds/index.ts';
import { objectSchema } from '../../crds/definition/custom-resource-definition.ts';
import { resourceKinds, type ResourceKind } from '../../crds/definition/resource-kinds.ts';
import { fieldsOf } from '../../crds/definition/schema-fields.ts';
import type { StructuralSchema } from '../../crds/definition/structural-schema.ts';
import { pathText } from '../../crds/schema-issues.ts';
import { bases, type Kind } from '../../crds/schema-cases.ts';
import { withoutNulls } from '../../crds/yaml-documents.ts';
import { seededRandom } from '../integration/random-workload.ts';
import { arbitrary, variantsOf, type Variant } from './schema-values.ts';

type Json = Record<string, unknown>;

/** Objects with much in them, so that a change of one of their fields can be right where it depends on others. */
export const richBases: Readonly<Record<Kind, Json>> = {
  ZkEnsemble: {
    ...bases.ZkEnsemble,
    spec: {
      voters: { region: 'home', replicas: 2 },
      observers: [{ region: 'east' }, { region: 'west', replicas: 1 }],
      externalMembers: [
        { id: 201, host: 'zk-a.example', role: 'voter' },
        { id: 202, host: 'zk-b.example' },
      ],
      config: { extra: { 'metricsProvider.httpPort': '7000' } },
      storage: { data: { size: '1Gi' }, dataLog: { size: '1Gi', storageClassName: 'fast' } },
      pod: {
        resources: { requests: { cpu: '100m' }, limits: { memory: '1Gi' } },
        nodeSelector: { disk: 'ssd' },
        tolerations: [{ key: 'a', operator: 'Exists' }],
        annotations: { a: 'b' },
      },
    },
  },
  CanalInstance: {
    ...bases.CanalInstance,
    spec: {
      ...bases.CanalInstance.spec,
      standby: { host: 'mysql-standby.home' },
      tls: { mode: 'VerifyIdentity', caSecretRef: { name: 'ca' } },
      start: { journal: { name: 'binlog.000001' } },
      filter: { include: ['shop\\..*'], exclude: ['shop\\.tmp_.*'] },
      workers: [{ region: 'home' }, { region: 'east', replicas: 1 }],
      pod: {
        resources: { requests: { cpu: '1' }, limits: { memory: '2Gi' } },
        nodeSelector: { disk: 'ssd' },
        tolerations: [{ key: 'a', operator: 'Exists' }],
        annotations: { a: 'b' },
      },
    },
  },
  SyncPipeline: {
    ...bases.SyncPipeline,
    spec: {
      ...bases.SyncPipeline.spec,
      target: { ...bases.SyncPipeline.spec.target, tls: { mode: 'Required', caSecretRef: { name: 'ca' } } },
      tables: [
        { source: 'shop.orders', target: 'dr.orders', columns: { include: ['id', 'a'], rename: { a: 'b' } } },
        { source: 'shop.items', columns: { exclude: ['a'] }, rowFilter: 'id > 5', weight: 3 },
      ],
      twoWay: { group: 'shop', conflicts: { policy: 'LatestBy', column: 'changed_at', deltaColumns: ['stock'] } },
    },
  },
};

/** A change of one field of an object's spec. */
export interface SpecChange {
  readonly kind: Kind;
  /** The field in the schema, such as `spec.tables[].weight`. */
  readonly field: string;
  /** The same in the object, such as `spec.tables[0].weight`. */
  readonly path: string;
  /** What the new value is, for the name of a test: `most`, `another type`, `a key that nobody knows`. */
  readonly what: string;
  readonly before: Json;
  readonly after: Json;
}

/** What is wrong with an object (or with the update to it); nothing means that it is accepted. */
export interface Fault {
  /** Place of the fault in the object, in Kubernetes' spelling. */
  readonly path: string;
  readonly message: string;
  /** Only the operator sees it, by reading a pattern or a table's name; the API server may or may not refuse the object. */
  readonly beyondApiServer: boolean;
}

export interface SpecChangeOptions {
  readonly seed: number;
  /** The object that is changed; default: the least that the kind needs. It must be right. */
  readonly base?: Json;
}

/**
 * For every field of the kind's spec some changes that are right and some that are wrong, in an order that the seed decides.
 * Each is a change of the same base. Whether it is right in its place, `faultsOf` tells.
 */
export function specChanges(kind: Kind, { seed, base = bases[kind] }: SpecChangeOptions): SpecChange[] {
  const random = seededRandom(seed);
  const spec = resourceOf(kind).spec;
  const changes: SpecChange[] = [];
  for (const { path: field, schema, required } of fieldsOf(spec, 'spec')) {
    for (const variant of variantsOf(schema, field, required, random)) {
      const after = structuredClone(base);
      after.spec ??= {};
      const path = set(after, spec, field, variant, random);
      changes.push({ kind, field, path, what: variant.what, before: base, after });
    }
  }
  return changes
    .map((change) => ({ change, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ change }) => change);
}

/** What the schemas say of an object, and of the update from `before` to it if that is given. */
export function faultsOf(kind: Kind, object: Json, before?: Json): Fault[] {
  const { schema, transitions } = resourceOf(kind).resource;
  const parsed = schema.safeParse(withoutNulls(object));
  if (!parsed.success) {
    return parsed.error.issues.flatMap((issue) => {
      const beyondApiServer = issue.code === 'custom' && issue.params?.code !== undefined;
      const keys = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
      return keys.map((key) => ({ path: pathText(issue.path, key), message: issue.message, beyondApiServer }));
    });
  }
  if (before === undefined) return [];
  return brokenTransitions(transitions, schema.parse(withoutNulls(before)), parsed.data).map(({ path, message }) => ({
    path,
    message,
    beyondApiServer: false,
  }));
}

const resources = new Map<string, { readonly resource: ResourceKind; readonly spec: StructuralSchema }>();

function resourceOf(kind: Kind): { readonly resource: ResourceKind; readonly spec: StructuralSchema } {
  let found = resources.get(kind);
  if (found === undefined) {
    const resource = resourceKinds.find((one) => one.kind === kind);
    const spec = resource && objectSchema(resource).properties?.spec;
    if (!resource || !spec) throw new Error(`there is no kind ${kind}`);
    found = { resource, spec };
    resources.set(kind, found);
  }
  return found;
}

/** Puts the variant in the field's place, makes what is missing on the way, and returns where it went. */
function set(object: Json, spec: StructuralSchema, field: string, variant: Variant, random: () => number): string {
  const steps = field.match(/[^.[\]{}]+|\[\]|\{\}/g) ?? [];
  let at: unknown = object;
  let schema: StructuralSchema = { type: 'object', properties: { spec } };
  const path: (string | number)[] = [];
  let reached = '';
  for (const [index, step] of steps.entries()) {
    const last = index === steps.length - 1;
    const inner = step === '[]' ? schema.items : step === '{}' ? schema.additionalProperties : schema.properties?.[step];
    if (inner === undefined) throw new Error(`there is no ${field}`);
    const key = keyAt(at, step, random);
    path.push(key);
    reached += /\w/.test(step) ? `.${step}` : step;
    const here = at as Record<string | number, unknown>;
    if (!last) {
      here[key] ??= arbitrary(inner, reached, random, 'least');
      at = here[key];
      schema = inner;
    } else if (variant.value === undefined) delete here[key];
    else here[key] = variant.value;
  }
  return pathText(path);
}

/** A field's name, or any entry of a list or map; of an empty one, its first to be. */
function keyAt(at: unknown, step: string, random: () => number): string | number {
  if (step === '[]') return Math.floor(random() * Math.max(1, (at as unknown[]).length));
  if (step !== '{}') return step;
  const keys = Object.keys(at as Json);
  return keys[Math.floor(random() * keys.length)] ?? 'key';
}
