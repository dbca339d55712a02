import { canonicalJson } from './applied.ts';
import type { CallOptions, KubeClient } from './client.ts';
import type { CommonStatus, CustomResource, Live } from './objects.ts';
import type { Resource } from './resources.ts';

/** Applies the whole status if it differs from the object's; undefined when it does not. Fields left out are removed. */
export async function writeStatus<S extends CommonStatus>(
  client: KubeClient,
  resource: Resource<CustomResource<S>>,
  object: Live<CustomResource<S>>,
  status: S,
  options: CallOptions = {},
): Promise<Live<CustomResource<S>> | undefined> {
  if (canonicalJson(object.status ?? {}) === canonicalJson(status)) return undefined;
  const { name, namespace, uid } = object.metadata;
  // The uid keeps it off another object of that name made since.
  const metadata = { name, uid, ...(namespace === undefined ? {} : { namespace }) };
  const { apiVersion, kind } = resource;
  return client.apply(resource, { apiVersion, kind, metadata, status }, { ...options, subresource: 'status' });
}
