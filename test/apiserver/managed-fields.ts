import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Live, ManagedFields } from '../../operator/kube/objects.ts';
import {
  changedFields,
  difference,
  fieldsOf,
  isEmptySet,
  merge,
  pathsOf,
  removedFields,
  union,
  withoutFields,
  type FieldSet,
} from './field-set.ts';
import { Refusal } from './status.ts';

/** Who writes: a manager and how, on the object itself or on a subresource. */
export interface Writer {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource: string | undefined;
  readonly apiVersion: string;
  /** In whole seconds, RFC 3339. */
  readonly time: string;
}

/** Fields of metadata that nobody manages. */
const UNMANAGED = [
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'generateName',
  'generation',
  'managedFields',
  'name',
  'namespace',
  'resourceVersion',
  'selfLink',
  'uid',
] as const;

/** The part of an object whose fields are managed. */
function managed(object: KubeObject): object {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object;
  const kept = Object.fromEntries(Object.entries(metadata).filter(([key]) => !(UNMANAGED as readonly string[]).includes(key)));
  return Object.keys(kept).length === 0 ? rest : { metadata: kept, ...rest };
}

function isWriter(entry: ManagedFields, { manager, operation, subresource }: Writer): boolean {
  return entry.manager === manager && entry.operation === operation && (entry.subresource ?? undefined) === subresource;
}

function setOf(entry: ManagedFields | undefined): FieldSet {
  return (entry?.fieldsV1 ?? {}) as FieldSet;
}

/** The entries after this writer's set became `fields`; its time stays if nothing changed. */
function withEntry(entries: readonly ManagedFields[], writer: Writer, fields: FieldSet): ManagedFields[] {
  const index = entries.findIndex((entry) => isWriter(entry, writer));
  const others = entries.filter((_, at) => at !== index);
  if (isEmptySet(fields)) return others;
  const before = entries[index];
  const time = before !== undefined && isDeepStrictEqual(before.fieldsV1, fields) ? before.time! : writer.time;
  const { manager, operation, apiVersion, subresource } = writer;
  const entry: ManagedFields = {
    manager,
    operation,
    apiVersion,
    time,
    fieldsType: 'FieldsV1',
    fieldsV1: fields,
    ...(subresource === undefined ? {} : { subresource }),
  };
  return index < 0 ? [...entries, entry] : entries.map((each, at) => (at === index ? entry : each));
}

/**
 * Server-side apply: `wanted` put into `live` (undefined: there is none), without what this manager applied before and nobody else owns.
 * @throws Refusal Conflict when another manager owns a field that would change, unless `force`
 */
export function applied(live: Live | undefined, wanted: KubeObject, writer: Writer, force: boolean): KubeObject {
  const fields = fieldsOf(managed(wanted));
  const entries = live?.metadata.managedFields ?? [];
  const mine = setOf(entries.find((entry) => isWriter(entry, writer)));
  const taken = live === undefined ? {} : changedFields(managed(live), merge(managed(live), managed(wanted)));
  const conflicts = entries
    .filter((entry) => !isWriter(entry, writer))
    .map((entry) => ({ entry, paths: pathsOf(common(setOf(entry), taken)) }))
    .filter(({ paths }) => paths.length > 0);
  if (conflicts.length > 0 && !force) throw managerConflict(conflicts);

  const others = entries.filter((entry) => !isWriter(entry, writer));
  const left = others
    .map((entry) => ({ ...entry, fieldsV1: difference(setOf(entry), taken) }))
    .filter((entry) => !isEmptySet(entry.fieldsV1));
  const keep = left.map(setOf).reduce(union, fields);
  const base = live === undefined ? {} : (withoutFields(managed(live), difference(mine, fields), keep) ?? {});
  const merged = merge(base, managed(wanted)) as { metadata?: object };
  const identity = live ?? wanted;
  return {
    ...merged,
    apiVersion: identity.apiVersion,
    kind: identity.kind,
    metadata: {
      ...unmanaged(identity),
      ...merged.metadata,
      managedFields: withEntry(orderAsBefore(left, entries, writer), writer, fields),
    },
  } as KubeObject;
}

/** The managers after an update turned `before` (undefined: create) into `after`. */
export function updated(before: Live | undefined, after: KubeObject, writer: Writer): ManagedFields[] {
  const entries = before?.metadata.managedFields ?? [];
  const [old, now] = [before === undefined ? {} : managed(before), managed(after)];
  const changed = changedFields(old, now);
  const gone = removedFields(old, now);
  const lost = union(changed, gone);
  const others = entries
    .map((entry) => (isWriter(entry, writer) ? entry : { ...entry, fieldsV1: difference(setOf(entry), lost) }))
    .filter((entry) => isWriter(entry, writer) || !isEmptySet(setOf(entry)));
  const mine = setOf(entries.find((entry) => isWriter(entry, writer)));
  return withEntry(others, writer, union(difference(mine, gone), changed));
}

/** Paths in both sets. */
function common(a: FieldSet, b: FieldSet): FieldSet {
  return difference(a, difference(a, b));
}

/** Keeps this writer's own entry among the others, where it was. */
function orderAsBefore(left: readonly ManagedFields[], entries: readonly ManagedFields[], writer: Writer): ManagedFields[] {
  return entries.flatMap((entry) => {
    if (isWriter(entry, writer)) return [entry];
    const kept = left.find(
      (each) => each.manager === entry.manager && each.operation === entry.operation && each.subresource === entry.subresource,
    );
    return kept === undefined ? [] : [kept];
  });
}

function unmanaged({ metadata }: KubeObject): Partial<KubeObject['metadata']> {
  return Object.fromEntries(
    Object.entries(metadata).filter(([key]) => key !== 'managedFields' && (UNMANAGED as readonly string[]).includes(key)),
  );
}

function managerConflict(conflicts: readonly { readonly entry: ManagedFields; readonly paths: readonly string[] }[]): Refusal {
  const causes = conflicts.flatMap(({ entry, paths }) =>
    paths.map((field) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with "${entry.manager}"${entry.operation === 'Update' ? ` using ${entry.apiVersion}` : ''}`,
      field,
    })),
  );
  const list =
    causes.length === 1
      ? `: ${causes[0]!.message}: ${causes[0]!.field}`
      : 's: ' + causes.map(({ message, field }) => `${message}: ${field}`).join(', ');
  const count = `Apply failed with ${causes.length} conflict`;
  return new Refusal(409, 'Conflict', `${count}${list}`, { causes });
}

/** Equal but for the times of managers: then nothing is written. */
export function sameObject(a: KubeObject, b: KubeObject): boolean {
  return isDeepStrictEqual(timeless(a), timeless(b));
}

function timeless(object: KubeObject): object {
  const { resourceVersion: _resourceVersion, managedFields, ...metadata } = object.metadata;
  const entries = (managedFields ?? []).map(({ time: _time, ...entry }) => entry);
  return { ...object, metadata: { ...metadata, managedFields: entries } };
}
