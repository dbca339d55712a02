import { keyOf, type KubeObject, type Live, type ObjectKey, type OwnerReference } from './objects.ts';
import type { Resource } from './resources.ts';

/** Makes `owner` the controller of an object in the same namespace: it goes when its owner goes. */
export function ownerReference(owner: Live): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

/** By uid: an object of an earlier owner with the same name is not owned. */
export function isControlledBy(object: KubeObject, owner: Live): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

/** The key of the object's controller if that is of this kind, for mapping owned objects to what is reconciled. */
export function ownerKey(object: KubeObject, kind: Resource): ObjectKey | undefined {
  const owner = controllerOf(object);
  if (owner === undefined || owner.kind !== kind.kind || owner.apiVersion !== kind.apiVersion) return undefined;
  return keyOf({ namespace: object.metadata.namespace, name: owner.name });
}
