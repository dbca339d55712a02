import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../../operator/kube/merge-schema.ts';
import { Refusal, badRequest } from './status.ts';

/** RFC 7386. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** RFC 6902. @throws Refusal as the API server: 422 where a test fails or a path is missing */
export function jsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) throw badRequest('error decoding patch: json: cannot unmarshal object into Go value');
  return (operations as Operation[]).reduce((document, operation) => step(document, operation), structuredClone(target));
}

function step(document: unknown, { op, path, from, value }: Operation): unknown {
  switch (op) {
    case 'test':
      if (!isDeepStrictEqual(read(document, path), value)) throw unprocessable(`testing value ${path} failed`);
      return document;
    case 'add':
      return write(document, path, value, true);
    case 'replace':
      read(document, path);
      return write(document, path, value, false);
    case 'remove':
      return remove(document, path);
    case 'copy':
      return write(document, path, structuredClone(read(document, from ?? '')), true);
    case 'move': {
      const moved = read(document, from ?? '');
      return write(remove(document, from ?? ''), path, moved, true);
    }
    default:
      throw badRequest(`Unexpected kind: ${op}`);
  }
}

type Container = Record<string, unknown> | unknown[];

function read(document: unknown, path: string): unknown {
  if (path === '') return document;
  const [parent, key] = locate(document, path);
  const value = Array.isArray(parent) ? parent[Number(key)] : parent[key];
  if (value === undefined) throw missing(path);
  return value;
}

function write(document: unknown, path: string, value: unknown, insert: boolean): unknown {
  if (path === '') return value;
  const [parent, key] = locate(document, path);
  if (!Array.isArray(parent)) parent[key] = value;
  else if (!insert) parent[Number(key)] = value;
  else parent.splice(key === '-' ? parent.length : Number(key), 0, value);
  return document;
}

function remove(document: unknown, path: string): unknown {
  read(document, path);
  const [parent, key] = locate(document, path);
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
  return document;
}

function locate(document: unknown, path: string): [Container, string] {
  const keys = path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  let parent = document;
  for (const key of keys.slice(0, -1)) {
    if (Array.isArray(parent)) parent = parent[Number(key)];
    else parent = isObject(parent) ? parent[key] : undefined;
  }
  if (!isObject(parent) && !Array.isArray(parent)) throw missing(path);
  return [parent as Container, keys.at(-1)!];
}

function missing(path: string): Refusal {
  return unprocessable(`jsonpatch operation does not apply: doc is missing path: ${path}: missing value`);
}

function unprocessable(why: string): Refusal {
  return new Refusal(422, 'Invalid', `the server rejected our request due to an error in our request: ${why}`);
}
