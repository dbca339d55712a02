import { z } from 'zod';

/**
 * Which myid belongs to which server, for the ensemble's life: a server that comes back finds its own data, and no other server ever
 * takes its place. Kept in an annotation of the ensemble.
 */
export interface IdRecord {
  /** Of each group of servers, the id of each ordinal; also of groups that are gone. */
  readonly groups: Readonly<Record<string, readonly number[]>>;
  /** Ids of external members that the spec has named at some time. */
  readonly externals: readonly number[];
}

export const emptyIdRecord: IdRecord = { groups: {}, externals: [] };

export interface IdRequest {
  /** In the order in which they are served; the first is the voters'. */
  readonly groups: readonly { readonly name: string; readonly size: number }[];
  readonly externals: readonly number[];
}

export interface IdProblem {
  readonly reason: 'MemberIdTaken' | 'NoMemberIdLeft';
  readonly message: string;
}

const MAX_ID = 255;
/** A new group begins where this many ids are free, so that ids can be told apart by eye: voters 1 to 9, observers 11, 12, 21... */
const BLOCK = 10;

const recordSchema = z.object({
  groups: z.record(z.string(), z.array(z.int().min(1).max(MAX_ID))),
  externals: z.array(z.int().min(1).max(MAX_ID)),
});

/** Reads an annotation; null where it is none of ours. */
export function parseIdRecord(text: string): IdRecord | null {
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The record, with what volumes say of groups that it does not know: after the annotation, or the whole ensemble, was lost. */
export function recoverIds(record: IdRecord, volumes: readonly { group: string; ordinal: number; id: number }[]): IdRecord {
  const taken = new Set(Object.values(record.groups).flat());
  const groups: Record<string, readonly number[]> = { ...record.groups };
  const lost = volumes.filter(({ group, id }) => record.groups[group] === undefined && !taken.has(id));
  for (const [group, found] of Map.groupBy(lost, (volume) => volume.group)) {
    const byOrdinal = new Map(found.map(({ ordinal, id }) => [ordinal, id]));
    const used = new Set([...Object.values(groups).flat(), ...record.externals, ...lost.map(({ id }) => id)]);
    const ids: number[] = [];
    for (let ordinal = 0; ordinal <= Math.max(...byOrdinal.keys()); ordinal++) {
      const id = byOrdinal.get(ordinal) ?? nextId(ids, used);
      if (id === null) break;
      ids.push(id);
      used.add(id);
    }
    groups[group] = ids;
  }
  return { ...record, groups };
}

/** The record with an id for each server asked for. What is recorded never changes; the same request gets the same answer. */
export function assignIds(record: IdRecord, request: IdRequest): { record: IdRecord; problems: IdProblem[] } {
  const problems: IdProblem[] = [];
  const owners = new Map<number, string>();
  for (const [group, ids] of Object.entries(record.groups)) {
    for (const [ordinal, id] of ids.entries()) owners.set(id, `${group}-${ordinal}`);
  }
  for (const id of request.externals) {
    const owner = owners.get(id);
    if (owner === undefined) continue;
    problems.push({
      reason: 'MemberIdTaken',
      message: `spec.externalMembers has id ${id}, which belongs to this ensemble's own server ${owner} for life; start the external server with another myid`,
    });
  }
  const externals = [...new Set([...record.externals, ...request.externals])].sort((a, b) => a - b);
  const used = new Set([...owners.keys(), ...externals]);
  const groups: Record<string, readonly number[]> = { ...record.groups };
  for (const { name, size } of request.groups) {
    const ids = [...(groups[name] ?? [])];
    while (ids.length < size) {
      const id = nextId(ids, used);
      if (id === null) {
        problems.push({
          reason: 'NoMemberIdLeft',
          message: `spec asks for more servers than the ${MAX_ID} ids that ZooKeeper has, those of removed servers included; lower observers[].replicas`,
        });
        break;
      }
      ids.push(id);
      used.add(id);
    }
    groups[name] = ids;
  }
  return { record: { groups, externals }, problems };
}

function nextId(ids: readonly number[], used: ReadonlySet<number>): number | null {
  const last = ids.at(-1);
  if (last === undefined) {
    for (let first = 1; first + BLOCK - 1 <= MAX_ID; first += BLOCK) {
      if (range(first, BLOCK).every((id) => !used.has(id))) return first;
    }
  } else if (last < MAX_ID && !used.has(last + 1)) return last + 1;
  return range(1, MAX_ID).find((id) => !used.has(id)) ?? null;
}

function range(first: number, length: number): number[] {
  return Array.from({ length }, (_, i) => first + i);
}
