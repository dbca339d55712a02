import { z } from 'zod';
import { formKey } from '../common-fields.ts';

/** A rule in CEL, as Kubernetes writes it. */
export interface Validation {
  readonly rule: string;
  readonly message: string;
  /** The field that the message is about, from the schema on which the rule stands, such as `.voters.replicas`. */
  readonly fieldPath?: string;
}

/** What apiextensions.k8s.io/v1 calls a structural schema: the part of it that is used here. */
export interface StructuralSchema {
  description?: string;
  type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  format?: 'date-time' | 'int64';
  default?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  items?: StructuralSchema;
  properties?: Record<string, StructuralSchema>;
  required?: string[];
  additionalProperties?: StructuralSchema;
  'x-kubernetes-preserve-unknown-fields'?: true;
  'x-kubernetes-list-type'?: 'map' | 'set';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-validations'?: Validation[];
}

type Json = Readonly<Record<string, unknown>>;

/** Copied as they are, in this order. */
const plainKeywords = [
  'description',
  'type',
  'format',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'required',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
] as const;

const otherKeywords = [
  '$schema',
  'default',
  'enum',
  'const',
  'pattern',
  'anyOf',
  'items',
  'properties',
  'propertyNames',
  'additionalProperties',
  'x-kubernetes-validations',
  formKey,
];

/**
 * The structural schema that says what a zod schema says of its input. Where the two differ:
 * - "or null" goes, since Kubernetes takes null for "not set"; so does a default of null;
 * - unknown keys need no word, since Kubernetes always refuses (strict validation) or drops them;
 * - limits on a map's keys, limits that are no whole numbers, and forms with a name (`formed`) become rules;
 * - the default of an object has the defaults of its fields in it, since the API server judges it before those are set.
 * @throws Error where zod says something for which there is no equivalent
 */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  return convert(z.toJSONSchema(schema, { io: 'input' }), '');
}

function convert(written: Json, path: string): StructuralSchema {
  const json = withoutNullChoice(written, path);
  for (const keyword of Object.keys(json)) {
    if (!(plainKeywords as readonly string[]).includes(keyword) && !otherKeywords.includes(keyword))
      throw new Error(`${path}: a structural schema cannot say ${keyword}`);
  }
  const result: Record<string, unknown> = {};
  for (const keyword of plainKeywords) {
    if (json[keyword] !== undefined && !isSafeBound(json[keyword])) result[keyword] = json[keyword];
  }
  if (json.type === undefined) throw new Error(`${path}: no type`);
  if (json.type === 'integer') result.format = 'int64';
  if (json.const !== undefined) result.enum = [json.const];
  if (json.enum !== undefined) result.enum = json.enum;
  if (json.pattern !== undefined && json[formKey] === undefined) result.pattern = json.pattern;
  if (json.items !== undefined) result.items = convert(json.items as Json, `${path}[]`);
  const properties = Object.entries((json.properties ?? {}) as Record<string, Json>);
  if (properties.length > 0 && json.additionalProperties !== false) throw new Error(`${path}: not strict`);
  if (properties.length > 0)
    result.properties = Object.fromEntries(properties.map(([name, child]) => [name, convert(child, `${path}.${name}`)]));
  const values = json.additionalProperties as Json | false | undefined;
  // An object of any content has {} here and is said otherwise.
  if (values && Object.keys(values).length > 0) result.additionalProperties = convert(values, `${path}{}`);
  if (json.default !== undefined && json.default !== null)
    result.default = withDefaults(json.default, result as unknown as StructuralSchema);
  const rules = [
    ...formRule(json),
    ...boundRules(json),
    ...keyRules(json, path),
    ...((json['x-kubernetes-validations'] ?? []) as Validation[]),
  ];
  if (rules.length > 0) result['x-kubernetes-validations'] = rules;
  return result as unknown as StructuralSchema;
}

/** zod writes "nullable" as a list of two types, or as a choice between null and the schema, which then has the keywords. */
function withoutNullChoice(json: Json, path: string): Json {
  const { anyOf, type, ...rest } = json;
  const choices = ((anyOf ?? [type].flat().map((one) => ({ type: one }))) as Json[]).filter((choice) => choice.type !== 'null');
  if (choices.length !== 1) throw new Error(`${path}: a structural schema has no choice of types`);
  return { ...choices[0], ...rest };
}

/** zod's bounds of every integer, which say only what a JavaScript number can hold. */
function isSafeBound(value: unknown): boolean {
  return value === Number.MAX_SAFE_INTEGER || value === Number.MIN_SAFE_INTEGER;
}

function formRule(json: Json): Validation[] {
  if (json[formKey] === undefined) return [];
  return [{ rule: `self.matches(${JSON.stringify(json.pattern)})`, message: `expected ${json[formKey] as string}` }];
}

/** Where a value is whole, the API server takes only the whole part of a limit: 0 would pass for at least 0.1. */
function boundRules({ minimum, maximum }: Json): Validation[] {
  const rule = (bound: unknown, operator: string, words: string): Validation[] =>
    typeof bound !== 'number' || Number.isInteger(bound)
      ? []
      : [{ rule: `self ${operator} ${bound}`, message: `expected a number of ${words} ${bound}` }];
  return [...rule(minimum, '>=', 'at least'), ...rule(maximum, '<=', 'at most')];
}

function keyRules(json: Json, path: string): Validation[] {
  const { type, minLength = 0, maxLength, ...others } = (json.propertyNames ?? { type: 'string' }) as Record<string, unknown>;
  if (type !== 'string' || Object.keys(others).length > 0)
    throw new Error(`${path}: of a map's keys only the length can be limited`);
  if (maxLength === undefined) return [];
  const bounds = `k.size() >= ${minLength as number} && k.size() <= ${maxLength as number}`;
  return [
    { rule: `self.all(k, ${bounds})`, message: `each key has ${minLength as number} to ${maxLength as number} characters` },
  ];
}

/** A default value with the defaults of its fields. */
function withDefaults(value: unknown, schema: StructuralSchema): unknown {
  if (Array.isArray(value)) return value.map((item) => (schema.items ? withDefaults(item, schema.items) : (item as unknown)));
  if (typeof value !== 'object' || value === null) return value;
  const full: Record<string, unknown> = { ...value };
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    const own = full[name] ?? child.default;
    if (own !== undefined) full[name] = withDefaults(own, child);
  }
  return full;
}
