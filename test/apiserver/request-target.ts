import type { Kind } from './kinds.ts';
import { Refusal, notFound } from './status.ts';

export interface Target {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  /** Absent: the collection. */
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** `/apis/apps/v1/namespaces/shop/statefulsets/main/status` in its parts. @throws Refusal NotFound for what is not served */
export function targetOf(path: string, kinds: ReadonlyMap<string, Kind>): Target {
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  const core = parts[0] === 'api';
  const apiVersion = core ? (parts[1] ?? '') : `${parts[1]}/${parts[2]}`;
  let rest = parts.slice(core ? 2 : 3);
  let namespace: string | undefined;
  if (rest[0] === 'namespaces' && rest.length > 2) {
    namespace = rest[1];
    rest = rest.slice(2);
  }
  const [plural = '', name, subresource] = rest;
  const kind = kinds.get(`${apiVersion}/${plural}`);
  if (kind === undefined || rest.length > 3)
    throw new Refusal(404, 'NotFound', 'the server could not find the requested resource');
  if (subresource !== undefined && !(subresource === 'status' && kind.status)) {
    throw new Refusal(404, 'NotFound', 'the server could not find the requested resource');
  }
  if (kind.resource.namespaced && namespace === undefined && name !== undefined) throw notFound(kind.resource, name);
  return { kind, namespace, name, subresource };
}
