import { canonicalJson } from './applied.ts';
import type { KubeClient } from './client.ts';
import type { CallOptions } from './requests.ts';
import type { CommonStatus, CustomResource, Live } from './objects.ts';
import type { Resource } from './resources.ts';

/**
 * Applies the whole status if it differs from the object's; undefined when it does not. Fields left out are removed.
 * @throws KubeError Conflict when the object was changed since it was read, or made anew
 */
export async function writeStatus<S extends CommonStatus>(
  client: KubeClient,
  resource: Resource<CustomResource<S>>,
  object: Live<CustomResource<S>>,
  status: S,
  options: CallOptions = {},
): Promise<Live<CustomResource<S>> | undefined> {
  if (canonicalJson(object.status ?? {}) === canonicalJson(status)) return undefined;
  const { name, namespace, resourceVersion } = object.metadata;
  // Only the version keeps it off another object of that name: a custom resource's status endpoint does not look at the uid.
  const metadata = { name, resourceVersion, ...(namespace === undefined ? {} : { namespace }) };
  const { apiVersion, kind } = resource;
  return client.apply(resource, { apiVersion, kind, metadata, status }, { ...options, subresource: 'status' });
}
