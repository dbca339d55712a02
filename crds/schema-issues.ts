import { z } from 'zod';
import { errorCatalog, type ErrorCode } from '../common/error-catalog.ts';
import { didYouMean } from '../common/did-you-mean.ts';

/** A fault of one field, still without the object's name and place. */
export interface FieldFault {
  readonly code: ErrorCode;
  readonly path: readonly PropertyKey[];
  /** Set where the fault is a key of the object at `path`. */
  readonly key?: string;
  readonly message: string;
  readonly found?: string;
  readonly remedy: string;
}

interface JsonSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
}

/** What zod found wrong, one fault for each unknown key and each other issue, in the words of a manifest. */
export function faultsOf(error: z.ZodError, schema: z.ZodType, value: unknown): FieldFault[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return error.issues.flatMap((issue) => {
    const { path } = issue;
    const found = shown(valueAt(value, path));
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(json, path, key));
    if (issue.code === 'custom') {
      const code = (issue.params?.code as ErrorCode | undefined) ?? 'LK1003';
      const remedy = code === 'LK1007' ? errorCatalog[code].remedy : `${upperFirst(issue.message)}.`;
      return [{ code, path, message: `${titleOf(code)}: ${issue.message}`, found, remedy }];
    }
    const wanted = wantedBy(issue);
    const description = descriptionAt(json, path);
    const missing = issue.code === 'invalid_type' && valueAt(value, path) === undefined;
    const guess =
      issue.code === 'invalid_value' && typeof valueAt(value, path) === 'string'
        ? didYouMean(found.slice(1, -1), issue.values.map(String))
        : null;
    const quotes =
      issue.code === 'invalid_type' && issue.expected === 'string' && /^(?:-?[\d.]+|true|false)$/.test(found)
        ? ` Put it in quotes: '${found}'.`
        : '';
    return [
      {
        code: 'LK1003' as const,
        path,
        message: missing ? 'is missing' : `expected ${wanted}`,
        ...(missing ? {} : { found }),
        remedy: `${guess === null ? '' : `Did you mean ${guess}? `}${missing ? 'Add it' : 'Change it'}: it takes ${wanted}.${quotes}${description === null ? '' : ` ${description}`}`,
      },
    ];
  });
}

function unknownKey(json: JsonSchema, path: readonly PropertyKey[], key: string): FieldFault {
  const known = Object.keys(schemaAt(json, path)?.properties ?? {});
  const guess = didYouMean(key, known);
  const elsewhere = guess === null ? placesOf(json, key) : [];
  const remedy =
    guess !== null
      ? `Did you mean ${guess}?`
      : elsewhere.length > 0
        ? `${key} belongs to ${elsewhere.join(' or ')}; move it there.`
        : `Remove it. Known here: ${known.filter((name) => !hidden(path, name)).join(', ')}.`;
  return { code: 'LK1004', path, key, message: 'unknown key', found: key, remedy };
}

/** In metadata only the keys that people write are worth naming. */
function hidden(path: readonly PropertyKey[], name: string): boolean {
  return path.at(-1) === 'metadata' && !['name', 'namespace', 'labels', 'annotations'].includes(name);
}

function wantedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeNames[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      if (issue.origin === 'array') return `at least ${issue.minimum} entr${Number(issue.minimum) === 1 ? 'y' : 'ies'}`;
      if (issue.origin === 'string')
        return issue.minimum === 1 ? 'a text that is not empty' : `at least ${issue.minimum} characters`;
      return `a number of at least ${issue.minimum}`;
    case 'too_big':
      if (issue.origin === 'array') return `at most ${issue.maximum} entries`;
      if (issue.origin === 'string') return `at most ${issue.maximum} characters`;
      return `a number of at most ${issue.maximum}`;
    case 'invalid_format':
      return issue.format === 'datetime' ? 'a moment with time zone (RFC 3339) such as 2026-01-31T08:00:00Z' : issue.message;
    case 'invalid_key':
      return `as key ${issue.issues[0] ? wantedBy(issue.issues[0]) : issue.message}`;
    default:
      return issue.message;
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object of keys and values',
  record: 'an object of keys and values',
  array: 'a list',
};

function titleOf(code: ErrorCode): string {
  return errorCatalog[code].title;
}

function schemaAt(json: JsonSchema, path: readonly PropertyKey[]): JsonSchema | null {
  let schema: JsonSchema | undefined = json;
  for (const step of path) {
    schema = withProperties(schema);
    const more: JsonSchema | undefined =
      typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    schema = typeof step === 'number' ? schema?.items : (schema?.properties?.[String(step)] ?? more);
  }
  return withProperties(schema) ?? null;
}

/** A nullable object is written as a choice between it and null. */
function withProperties(schema: JsonSchema | undefined): JsonSchema | undefined {
  return schema?.anyOf?.find((choice) => choice.properties !== undefined || choice.items !== undefined) ?? schema;
}

function descriptionAt(json: JsonSchema, path: readonly PropertyKey[]): string | null {
  const last = path.at(-1);
  if (last === undefined) return null;
  const parent = schemaAt(json, path.slice(0, -1));
  return (typeof last === 'number' ? parent?.items : parent?.properties?.[String(last)])?.description ?? null;
}

/** Where else in the object a key of this name is known. */
function placesOf(json: JsonSchema, key: string, prefix = ''): string[] {
  const schema = withProperties(json);
  const found: string[] = [];
  for (const [name, child] of Object.entries(schema?.properties ?? {})) {
    if (prefix === '' && name === 'status') continue;
    if (name === key && prefix !== '') found.push(prefix);
    found.push(...placesOf(child, key, prefix === '' ? name : `${prefix}.${name}`));
  }
  if (schema?.items) found.push(...placesOf(schema.items, key, `${prefix}[]`));
  return found;
}

export function pathText(path: readonly PropertyKey[], key?: string): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return `${text}${key === undefined ? '' : `.${key}`}`.replace(/^\./, '');
}

export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | null | undefined)?.[step], value);
}

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function upperFirst(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
