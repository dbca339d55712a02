import { LockkeeperError } from '../common/errors.ts';
import type { FoundObject } from './yaml-documents.ts';

/** The error with the object's name in its message, and file and line of the field. */
export function locate(object: FoundObject, error: LockkeeperError): LockkeeperError {
  const { kind, metadata: meta } = object.value as { kind?: unknown; metadata?: { name?: unknown; namespace?: unknown } };
  const { path, key, ...details } = (error.details ?? {}) as { path?: readonly PropertyKey[]; key?: string; field?: string };
  const line = object.lineOf(path ?? parsePath(details.field ?? ''), key);
  const name = `${textOf(kind)} ${textOf(meta?.namespace ?? 'default')}/${textOf(meta?.name)}`;
  return new LockkeeperError(error.code, `${object.file}:${line}: ${name}: ${error.message}`, {
    found: error.found,
    remedy: error.remedy,
    retryable: error.retryable,
    details: { file: object.file, line, object: name, ...details },
    cause: error.cause,
  });
}

function parsePath(field: string): PropertyKey[] {
  return [...field.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, name, index]) => name ?? Number(index));
}

/** A value of unknown type in one line. */
export function textOf(value: unknown): string {
  return value === undefined ? '(none)' : typeof value === 'string' ? value : JSON.stringify(value);
}
