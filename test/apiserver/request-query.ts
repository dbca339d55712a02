import type { KubeObject, Live } from '../../operator/kube/objects.ts';
import type { TransportRequest } from '../../operator/kube/transport.ts';
import type { Kind } from './kinds.ts';
import { fieldSelector, labelSelector, type Selects } from './selectors.ts';
import { badRequest, expired } from './status.ts';
import type { WriteContext } from './writes.ts';

/** The field manager of who gives none. */
const NOBODY = 'unknown';

export type Query = Readonly<Record<string, string | undefined>>;

export function queryOf(request: TransportRequest): Query {
  const entries = Object.entries(request.query ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
}

export function contextOf(
  kind: Kind,
  query: Query,
  operation: 'Apply' | 'Update',
  subresource: string | undefined,
): WriteContext {
  const manager = query.fieldManager ?? NOBODY;
  return {
    kind,
    writer: { manager, operation, subresource, apiVersion: kind.resource.apiVersion },
    dryRun: query.dryRun === 'All',
  };
}

/** As if it had come over a wire: nothing in it is shared, and what is undefined is not there. */
export function bodyOf(request: TransportRequest): KubeObject {
  const body = JSON.parse(JSON.stringify(request.body ?? null)) as KubeObject | null;
  if (body === null || typeof body !== 'object' || typeof body.metadata !== 'object') throw badRequest('the body is no object');
  return body;
}

export function selectorOf(query: Query, namespace: string | undefined): Selects {
  const [labels, fields] = [labelSelector(query.labelSelector), fieldSelector(query.fieldSelector)];
  return (object) => (namespace === undefined || object.metadata.namespace === namespace) && labels(object) && fields(object);
}

export function positionOf({ metadata }: Live): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

export function encodeToken(revision: number, after: string): string {
  return Buffer.from(JSON.stringify({ revision, after })).toString('base64url');
}

export function tokenOf(text: string | undefined): { readonly revision: number; readonly after: string } | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as { revision: number; after: string };
  } catch {
    throw expired('continue key is not valid');
  }
}
