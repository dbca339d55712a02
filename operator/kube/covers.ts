import { bytesOf } from '../../crds/quantity.ts';
import { isObject, itemKey, itemKeys, isSet } from './merge-schema.ts';

/** Maps whose every key is ours when one is: another key in them was put there by replacing ours. */
const EXACT = new Set(['matchLabels', 'nodeSelector', 'selector']);
/** Maps of quantities, which the server writes in its own way: 1000m becomes 1. */
const QUANTITIES = new Set(['capacity', 'limits', 'requests']);
const QUANTITY_FIELDS = new Set(['sizeLimit', 'divisor']);

/**
 * Whether the live value has everything that is wanted, so that applying it would change nothing. What only the live one has are the
 * server's defaults and other managers' fields. Empty, zero and absent are one: the server drops empty values.
 */
export function covers(live: unknown, wanted: unknown, field = ''): boolean {
  if (isEmpty(wanted)) return isEmpty(live) || (typeof wanted === 'object' && !EXACT.has(field) && !Array.isArray(wanted));
  if (Array.isArray(wanted)) return Array.isArray(live) && coversList(live, wanted, field);
  if (isObject(wanted)) {
    if (!isObject(live)) return false;
    if (EXACT.has(field) && Object.keys(live).some((key) => !isEmpty(live[key]) && isEmpty(wanted[key]))) return false;
    return Object.entries(wanted).every(([key, value]) => covers(live[key], value, QUANTITIES.has(field) ? 'divisor' : key));
  }
  return live === wanted || (QUANTITY_FIELDS.has(field) && sameQuantity(live, wanted));
}

function coversList(live: readonly unknown[], wanted: readonly unknown[], field: string): boolean {
  if (isSet(field)) return wanted.every((item) => live.includes(item));
  const keys = itemKeys(field, wanted);
  if (keys === undefined) return live.length === wanted.length && wanted.every((item, index) => covers(live[index], item));
  const byKey = new Map(live.map((item) => [itemKey(item, keys), item]));
  return wanted.every((item) => covers(byKey.get(itemKey(item, keys)), item));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && Object.values(value).every((each) => each === undefined);
}

function sameQuantity(a: unknown, b: unknown): boolean {
  if (!isQuantity(a) || !isQuantity(b)) return false;
  return Math.abs(bytesOf(String(a)) - bytesOf(String(b))) < 1e-9 * Math.abs(bytesOf(String(a)));
}

function isQuantity(value: unknown): boolean {
  return /^\d+(\.\d+)?([EPTGMK]i|[EPTGMkm])?$/.test(String(value));
}

/** The live values at the places that `wanted` names: what the server made of it. */
export function imageOf(live: unknown, wanted: unknown, field = ''): unknown {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(live)) return live;
    const keys = itemKeys(field, wanted);
    if (keys === undefined) return live;
    const byKey = new Map(live.map((item) => [itemKey(item, keys), item as unknown]));
    return wanted.map((item) => imageOf(byKey.get(itemKey(item, keys)), item));
  }
  if (!isObject(wanted) || !isObject(live)) return live;
  return Object.fromEntries(Object.entries(wanted).map(([key, value]) => [key, imageOf(live[key], value, key)]));
}
