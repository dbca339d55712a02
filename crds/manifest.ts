import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { didYouMean } from '../common/did-you-mean.ts';
import { formatError, LockkeeperError, messageOf } from '../common/errors.ts';
import { canalInstanceSchema, type CanalInstance } from './canal-instance.ts';
import { apiVersion, metadata } from './common-fields.ts';
import { locate, textOf } from './located-error.ts';
import { checkReferences, type Placed } from './manifest-checks.ts';
import { faultsOf, pathText } from './schema-issues.ts';
import { Secret } from './secret.ts';
import { syncPipelineSchema, type SyncPipeline } from './sync-pipeline.ts';
import { findOverlaps } from './target-overlap.ts';
import { refuseUnavailable } from './unavailable.ts';
import { readDocuments, type FoundObject, type SourceText } from './yaml-documents.ts';
import { zkEnsembleSchema, type ZkEnsemble } from './zk-ensemble.ts';

export interface Manifests {
  readonly ensembles: readonly ZkEnsemble[];
  readonly instances: readonly CanalInstance[];
  readonly pipelines: readonly SyncPipeline[];
  readonly secrets: readonly Secret[];
}

/** Everything that is wrong with a set of manifests, at once. */
export class ManifestError extends Error {
  readonly errors: readonly LockkeeperError[];

  constructor(errors: readonly LockkeeperError[]) {
    super(errors.map(formatError).join('\n'));
    this.name = 'ManifestError';
    this.errors = errors;
  }
}

const schemas = { ZkEnsemble: zkEnsembleSchema, CanalInstance: canalInstanceSchema, SyncPipeline: syncPipelineSchema } as const;
const kinds = [...Object.keys(schemas), 'Secret'];

/**
 * Reads manifests as kubectl would: files, directories (their *.yaml, *.yml and *.json) and `-` for standard input; several
 * documents in one file, and `kind: List`. Checks each object and what they say about each other.
 * @throws ManifestError with all that is wrong; each error names file, line, object, field, what was found and the remedy
 */
export function loadManifests(files: readonly string[]): Manifests {
  const errors: LockkeeperError[] = [];
  const texts = files.flatMap((file) => readSources(file, errors));
  return parseManifests(texts, errors);
}

/** The same for texts already read. `before` are errors found while reading them. */
export function parseManifests(texts: readonly SourceText[], before: readonly LockkeeperError[] = []): Manifests {
  const errors = [...before];
  const report = (error: LockkeeperError) => errors.push(error);
  const placed: Placed = { ZkEnsemble: [], CanalInstance: [], SyncPipeline: [], Secret: [], declared: new Map() };
  for (const text of texts) {
    for (const object of readDocuments(text, report)) readObject(object, placed, report);
  }
  checkReferences(placed, report);
  const pipelines = placed.SyncPipeline.map(({ value }) => value);
  const instances = placed.CanalInstance.map(({ value }) => value);
  for (const { pipeline, error } of findOverlaps(pipelines, instances)) {
    const object = placed.SyncPipeline.find(({ value }) => value === pipeline)?.object;
    report(object === undefined ? error : locate(object, error));
  }
  if (errors.length > 0) throw new ManifestError(errors);
  return {
    ensembles: placed.ZkEnsemble.map(({ value }) => value),
    instances,
    pipelines,
    secrets: placed.Secret.map(({ value }) => value),
  };
}

function readSources(file: string, errors: LockkeeperError[]): SourceText[] {
  try {
    if (file === '-') return [{ file: 'standard input', text: readFileSync(0, 'utf8') }];
    if (!statSync(file).isDirectory()) return [{ file, text: readFileSync(file, 'utf8') }];
    const names = readdirSync(file)
      .filter((name) => /\.(?:ya?ml|json)$/.test(name))
      .sort();
    if (names.length === 0) throw new Error('the directory holds no *.yaml, *.yml or *.json');
    return names.map((name) => ({ file: join(file, name), text: readFileSync(join(file, name), 'utf8') }));
  } catch (cause) {
    errors.push(
      new LockkeeperError('LK1001', `${file}: cannot be read: ${messageOf(cause)}`, {
        remedy: 'Check the path given with -f and its permissions.',
        details: { file },
        cause,
      }),
    );
    return [];
  }
}

function readObject(object: FoundObject, placed: Placed, report: (error: LockkeeperError) => void): void {
  const { value } = object;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report(
      unknownKind(object, Array.isArray(value) ? 'a list' : JSON.stringify(value), 'Write an object with apiVersion and kind.'),
    );
    return;
  }
  const { apiVersion: version, kind } = value as { apiVersion?: unknown; kind?: unknown };
  // kubectl needs it, and here namespaces are only names.
  if (version === 'v1' && kind === 'Namespace') return;
  if (version === 'v1' && kind === 'Secret') readSecret(object, placed, report);
  else if (version === apiVersion && typeof kind === 'string' && kind in schemas) {
    readResource(object, kind as keyof typeof schemas, placed, report);
  } else report(unknownKind(object, `apiVersion ${textOf(version)}, kind ${textOf(kind)}`, kindRemedy(kind)));
}

function readResource(
  object: FoundObject,
  kind: keyof typeof schemas,
  placed: Placed,
  report: (error: LockkeeperError) => void,
): void {
  // status is the operator's; it is not an input.
  const { status: _, ...value } = object.value as Record<string, unknown>;
  const fresh = declare(object, kind, value, placed, report);
  const parsed = schemas[kind].safeParse(value);
  if (!parsed.success) {
    for (const fault of faultsOf(parsed.error, schemas[kind], value)) {
      const field = pathText(fault.path, fault.key) || kind;
      const error = new LockkeeperError(fault.code, `${field}: ${fault.message}`, {
        found: fault.found,
        remedy: fault.remedy,
        details: { field, path: fault.path, key: fault.key },
      });
      report(locate(object, error));
    }
  }
  if (kind === 'SyncPipeline') for (const error of refuseUnavailable(value)) report(locate(object, error));
  if (!parsed.success || !fresh) return;
  (placed[kind] as { object: FoundObject; value: unknown }[]).push({ object, value: parsed.data });
}

const secretSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Secret'),
  metadata: metadata(253, z.string().min(1).max(253)),
  type: z.string().optional(),
  immutable: z.boolean().optional(),
  data: z.record(z.string(), z.string()).default({}),
  stringData: z.record(z.string(), z.string()).default({}),
});

function readSecret(object: FoundObject, placed: Placed, report: (error: LockkeeperError) => void): void {
  const value = object.value as Record<string, unknown>;
  const fresh = declare(object, 'Secret', value, placed, report);
  const refuse = (code: 'LK1003' | 'LK1004', field: string, message: string, remedy: string) =>
    report(locate(object, new LockkeeperError(code, `${field}: ${message}`, { remedy, details: { field } })));
  const parsed = secretSchema.safeParse(value);
  if (!parsed.success) {
    for (const { code, path, key, message, remedy, found } of faultsOf(parsed.error, secretSchema, value)) {
      // What was found may be a password, so it is not shown; a number without quotes is the usual fault.
      const quoted = path[0] === 'stringData' && path.length === 2 && /^[\d.-]|^true$|^false$/.test(found ?? '');
      refuse(
        code === 'LK1004' ? code : 'LK1003',
        pathText(path, key),
        message,
        quoted ? 'Put the value in quotes, so that it is a text.' : remedy.replace(/ Put it in quotes: .*?'\./, ''),
      );
    }
    return;
  }
  const { data, stringData } = parsed.data;
  const values = new Map<string, string>();
  let broken = false;
  for (const [key, encoded] of Object.entries(data)) {
    const decoded = decodeBase64(encoded);
    if (decoded === null) {
      broken = true;
      refuse(
        'LK1003',
        `data.${key}`,
        'is not base64 of UTF-8 text',
        'Encode the value (printf %s VALUE | base64 -w0), or write it as plain text under stringData.',
      );
    } else values.set(key, decoded);
  }
  for (const [key, plain] of Object.entries(stringData)) values.set(key, plain);
  const { namespace, name } = parsed.data.metadata;
  if (fresh && !broken) placed.Secret.push({ object, value: new Secret(namespace, name, values) });
}

function decodeBase64(text: string): string | null {
  const compact = text.replaceAll(/\s/g, '');
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(compact, 'base64'));
  } catch {
    return null;
  }
}

/** Notes that an object of this name exists, even if it is invalid, so that references to it are not also reported. False for a second one. */
function declare(
  object: FoundObject,
  kind: string,
  value: Record<string, unknown>,
  placed: Placed,
  report: (error: LockkeeperError) => void,
): boolean {
  const { name, namespace = 'default' } = (value.metadata ?? {}) as { name?: unknown; namespace?: unknown };
  if (typeof name !== 'string' || typeof namespace !== 'string') return true;
  const key = `${kind} ${namespace}/${name}`;
  const first = placed.declared.get(key);
  if (first === undefined) {
    placed.declared.set(key, object);
    return true;
  }
  const error = new LockkeeperError('LK1006', `metadata.name: ${key} is defined twice`, {
    found: `first in ${first.file}:${first.lineOf([])}`,
    details: { field: 'metadata.name', path: ['metadata', 'name'] },
  });
  report(locate(object, error));
  return false;
}

function unknownKind(object: FoundObject, found: string, remedy: string | undefined): LockkeeperError {
  const line = object.lineOf(['kind']);
  return new LockkeeperError('LK1002', `${object.file}:${line}: unknown kind or apiVersion`, {
    found,
    remedy,
    details: { file: object.file, line, field: 'kind' },
  });
}

function kindRemedy(kind: unknown): string | undefined {
  if (typeof kind !== 'string') return undefined;
  if (kind === 'Secret') return 'Write apiVersion: v1 for a Secret.';
  const guess = didYouMean(kind, kinds);
  if (guess === null) return undefined;
  return guess === kind
    ? `Write apiVersion: ${apiVersion} for a ${kind}.`
    : `Did you mean kind ${guess}, apiVersion ${guess === 'Secret' ? 'v1' : apiVersion}?`;
}
