import { isDeepStrictEqual } from 'node:util';
import { isAtomicMap, isObject, isSet, itemKey, itemKeys } from '../../operator/kube/merge-schema.ts';

/** A set of field paths in Kubernetes' FieldsV1: `f:name` a field, `k:{…}` an item by its keys, `v:…` by its value, `.` the thing itself. */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

const SELF = '.';

/** The elements that a value is made of; undefined for one that is replaced as a whole. */
function childrenOf(
  value: unknown,
  field: string,
): readonly (readonly [element: string, child: unknown, field: string])[] | undefined {
  if (Array.isArray(value)) {
    if (isSet(field)) return value.map((item) => [`v:${JSON.stringify(item)}`, item, ''] as const);
    const keys = itemKeys(field, value);
    return keys === undefined ? undefined : value.map((item) => [`k:${itemKey(item, keys)}`, item as unknown, ''] as const);
  }
  if (!isObject(value) || isAtomicMap(field)) return undefined;
  return Object.entries(value).map(([key, child]) => [`f:${key}`, child, key] as const);
}

/** All paths of a value. */
export function fieldsOf(value: unknown, field = ''): FieldSet {
  const set: Record<string, FieldSet> = {};
  for (const [element, child, childField] of childrenOf(value, field) ?? []) {
    const fields = fieldsOf(child, childField);
    set[element] = element.startsWith('k:') ? { [SELF]: {}, ...fields } : fields;
  }
  return set;
}

/** All paths of a value that is there as a whole: what holds others is a member itself. */
function wholeOf(value: unknown, field: string): FieldSet {
  const children = childrenOf(value, field) ?? [];
  if (children.length === 0) return {};
  return {
    [SELF]: {},
    ...Object.fromEntries(children.map(([element, child, childField]) => [element, wholeOf(child, childField)])),
  };
}

/** Paths in `after` that `before` does not have, or has with another value. */
export function changedFields(before: unknown, after: unknown, field = ''): FieldSet {
  const set: Record<string, FieldSet> = {};
  const old = new Map((childrenOf(before, field) ?? []).map(([element, child]) => [element, child]));
  for (const [element, child, childField] of childrenOf(after, field) ?? []) {
    if (!old.has(element)) {
      set[element] = wholeOf(child, childField);
    } else if (!isDeepStrictEqual(old.get(element), child)) {
      const fields = changedFields(old.get(element), child, childField);
      const whole = childrenOf(child, childField) === undefined || childrenOf(old.get(element), childField) === undefined;
      if (whole || Object.keys(fields).length > 0) set[element] = whole ? wholeOf(child, childField) : fields;
    }
  }
  return set;
}

/** Paths in `before` that `after` does not have. */
export function removedFields(before: unknown, after: unknown, field = ''): FieldSet {
  if (before === after) return {};
  const set: Record<string, FieldSet> = {};
  const now = new Map((childrenOf(after, field) ?? []).map(([element, child]) => [element, child]));
  for (const [element, child, childField] of childrenOf(before, field) ?? []) {
    if (!now.has(element)) {
      set[element] = wholeOf(child, childField);
    } else {
      const fields = removedFields(child, now.get(element), childField);
      if (Object.keys(fields).length > 0) set[element] = fields;
    }
  }
  return set;
}

export function isEmptySet(set: FieldSet): boolean {
  return Object.keys(set).length === 0;
}

/** A path that ends in a set: the field itself, and not only what lies under it. */
function isMember(set: FieldSet): boolean {
  return isEmptySet(set) || SELF in set;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = { ...a };
  for (const [element, fields] of Object.entries(b)) {
    const mine = result[element];
    if (mine === undefined) result[element] = fields;
    else {
      const joined = union(mine, fields);
      // A field that one has as a whole and the other in parts stays a member.
      const self = (isMember(mine) || isMember(fields)) && !isEmptySet(joined);
      result[element] = self ? { [SELF]: {}, ...joined } : joined;
    }
  }
  return result;
}

/** Paths of `a` that are not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const [element, fields] of Object.entries(a)) {
    const other = b[element];
    if (other === undefined) result[element] = fields;
    else {
      const rest = difference(fields, other);
      const self = isMember(fields) && !isMember(other);
      if (!isEmptySet(rest)) result[element] = rest;
      else if (self) result[element] = isEmptySet(fields) ? {} : { [SELF]: {} };
    }
  }
  return result;
}

/** Every path, as `.spec.containers[name="a"].image`. */
export function pathsOf(set: FieldSet, prefix = ''): string[] {
  return Object.entries(set).flatMap(([element, fields]) => {
    if (element === SELF) return [];
    const path = prefix + segment(element);
    return isEmptySet(fields) ? [path] : [...(SELF in fields ? [path] : []), ...pathsOf(fields, path)];
  });
}

function segment(element: string): string {
  const text = element.slice(2);
  if (element.startsWith('f:')) return `.${text}`;
  if (element.startsWith('v:')) return `[=${text}]`;
  const keys = JSON.parse(text) as Record<string, unknown>;
  return `[${Object.entries(keys)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join(',')}]`;
}

/**
 * The value without the fields of the set, but with those of `keep` and what holds them; undefined when nothing is left of it. What held
 * removed fields goes with all that is in it (defaults, which nobody owns) where nothing of it is kept.
 */
export function withoutFields(value: unknown, set: FieldSet, keep: FieldSet, field = ''): unknown {
  const children = childrenOf(value, field);
  if (children === undefined) return value;
  const kept = children.flatMap(([element, child, childField]) => {
    const fields = set[element];
    if (fields === undefined) return [[element, child] as const];
    const kept = keep[element];
    if (kept === undefined && (isMember(fields) || element.startsWith('f:'))) return [];
    if (kept !== undefined && isEmptySet(kept) && isEmptySet(fields)) return [[element, child] as const];
    const rest = withoutFields(child, fields, kept ?? {}, childField);
    if (rest !== undefined) return [[element, rest] as const];
    return kept === undefined ? [] : [[element, Array.isArray(child) ? [] : {}] as const];
  });
  if (kept.length === 0 && children.length > 0) return undefined;
  if (Array.isArray(value)) return kept.map(([, child]) => child);
  return Object.fromEntries(kept.map(([element, child]) => [element.slice(2), child]));
}

/** What `wanted` says put into `live`: lists item by item where they have keys, the rest as a whole. */
export function merge(live: unknown, wanted: unknown, field = ''): unknown {
  const [mine, theirs] = [childrenOf(wanted, field), childrenOf(live, field)];
  if (mine === undefined || theirs === undefined) return wanted;
  // Items with one key are refused; here by validation, which must see them for that.
  if (new Set(mine.map(([element]) => element)).size < mine.length) return wanted;
  const merged = new Map<string, unknown>(theirs.map(([element, child]) => [element, child]));
  for (const [element, child, childField] of mine) {
    merged.set(element, merged.has(element) ? merge(merged.get(element), child, childField) : child);
  }
  if (Array.isArray(wanted)) return [...merged.values()];
  return Object.fromEntries([...merged].map(([element, child]) => [element.slice(2), child]));
}
