/**
 * Compares two resourceVersions of one kind: below zero when `a` is older. They are decimal numbers of any length (etcd's revision);
 * anything else counts as newer than what is known.
 */
export function compareRevisions(a: string, b: string): number {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return a === b ? 0 : 1;
  return a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length;
}
