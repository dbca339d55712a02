import { isDeepStrictEqual } from 'node:util';
import { LockkeeperError } from '../common/errors.ts';
import { syncPipelineSpec } from './sync-pipeline.ts';

interface Feature {
  /** Path in a SyncPipeline; `[]` is every entry of a list. */
  readonly path: string;
  /** Whether the value, which is there, asks for the feature. */
  readonly asks: (value: unknown) => boolean;
  readonly remedy: string;
}

/** What the API describes and this release does not do yet. Deleting a line makes the feature available. */
const unavailable: readonly Feature[] = [
  { path: 'spec.tables[].columns.include', asks: isFilled, remedy: 'Remove it: all columns travel.' },
  { path: 'spec.tables[].columns.exclude', asks: isFilled, remedy: 'Remove it: all columns travel.' },
  { path: 'spec.tables[].columns.rename', asks: isFilled, remedy: 'Remove it: columns keep their names.' },
  { path: 'spec.tables[].rowFilter', asks: () => true, remedy: 'Remove it: all rows travel.' },
  {
    path: 'spec.tables[].weight',
    asks: (value) => value !== 0,
    remedy: 'Remove it: source transactions stay whole and in order, so weights are not needed.',
  },
  { path: 'spec.twoWay', asks: () => true, remedy: 'Remove it, and write to one of the two sites only.' },
  { path: 'spec.ddl.mode', asks: (value) => value !== 'Apply', remedy: 'Remove it, or set it to Apply.' },
  {
    path: 'spec.verify',
    asks: asksToVerify,
    remedy: 'Remove it, or set verify: {intervalHours: 0}; compare the sides with another tool meanwhile.',
  },
  { path: 'spec.onError.then', asks: (value) => value !== 'Suspend', remedy: 'Remove it, or set it to Suspend.' },
  { path: 'spec.files', asks: () => true, remedy: 'Remove it: files do not travel.' },
];

/**
 * What a SyncPipeline asks for that this release does not do, as errors LK1008.
 * @param manifest the object as written, before defaults: a default asks for nothing, the same value written by a person does
 */
export function refuseUnavailable(manifest: unknown): LockkeeperError[] {
  return unavailable.flatMap(({ path, asks, remedy }) =>
    valuesAt(manifest, path.split('.'), '')
      .filter(({ value }) => value !== undefined && value !== null && asks(value))
      .map(({ field, value }) => {
        return new LockkeeperError('LK1008', `${field} is not available yet`, {
          found: shorten(JSON.stringify(value)),
          remedy,
          details: { field },
        });
      }),
  );
}

const name = { name: 'any' };
const defaults = syncPipelineSpec.parse({
  canalInstanceRef: name,
  target: { host: 'any', credentialsSecretRef: name },
  tables: [{ source: 'any.any' }],
});

/**
 * A SyncPipeline's spec as the API server has stored it, without what is as the default says: the server stores defaults, and who
 * reads them cannot tell them from what a person wrote.
 */
export function withoutDefaults(spec: unknown): unknown {
  const rest = without(spec, defaults);
  const tables: unknown = isObject(spec) ? spec['tables'] : undefined;
  if (!isObject(rest) || !Array.isArray(tables)) return rest;
  return { ...rest, tables: tables.map((table) => without(table, defaults.tables[0])) };
}

function without(value: unknown, byDefault: unknown): unknown {
  if (!isObject(value) || !isObject(byDefault)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, each]) => !isDeepStrictEqual(each, byDefault[key]))
      .map(([key, each]) => [key, without(each, byDefault[key])]),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valuesAt(value: unknown, path: readonly string[], field: string): { field: string; value: unknown }[] {
  const [step, ...rest] = path;
  if (step === undefined) return [{ field, value }];
  if (typeof value !== 'object' || value === null) return [];
  const key = step.replace('[]', '');
  const next = (value as Record<string, unknown>)[key];
  const name = field === '' ? key : `${field}.${key}`;
  if (!step.endsWith('[]')) return valuesAt(next, rest, name);
  return Array.isArray(next) ? next.flatMap((entry, index) => valuesAt(entry, rest, `${name}[${index}]`)) : [];
}

function isFilled(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function asksToVerify(value: unknown): boolean {
  const { intervalHours, repair } = value as { intervalHours?: unknown; repair?: unknown };
  return intervalHours !== 0 || repair === true;
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
