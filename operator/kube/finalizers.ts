import type { KubeClient } from './client.ts';
import type { CallOptions } from './requests.ts';
import { isNotFound } from './errors.ts';
import { refOf, type KubeObject, type Live } from './objects.ts';
import type { Resource } from './resources.ts';

export function hasFinalizer(object: KubeObject, name: string): boolean {
  return object.metadata.finalizers?.includes(name) ?? false;
}

/** The object with the finalizer. @throws KubeError Conflict when the object was changed since it was read */
export async function addFinalizer<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  object: Live<T>,
  name: string,
  options: CallOptions = {},
): Promise<Live<T>> {
  if (hasFinalizer(object, name)) return object;
  return writeFinalizers(client, resource, object, [...(object.metadata.finalizers ?? []), name], options);
}

/** Lets the object go. That it is gone already is well. @throws KubeError Conflict when the object was changed since it was read */
export async function removeFinalizer<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  object: Live<T>,
  name: string,
  options: CallOptions = {},
): Promise<void> {
  if (!hasFinalizer(object, name)) return;
  const left = object.metadata.finalizers!.filter((each) => each !== name);
  try {
    await writeFinalizers(client, resource, object, left, options);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** A merge patch replaces the list, so it carries the version that the list was read in. */
function writeFinalizers<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  object: Live<T>,
  finalizers: readonly string[],
  options: CallOptions,
): Promise<Live<T>> {
  const { uid, resourceVersion } = object.metadata;
  return client.patch(
    resource,
    refOf(object),
    { type: 'merge', body: { metadata: { uid, resourceVersion, finalizers } } },
    options,
  );
}
