import type { KubeObject, Live, ObjectMeta } from '../../operator/kube/objects.ts';
import { invalidValue } from './builtin/problems.ts';
import type { Kind } from './kinds.ts';
import { Refusal, badRequest, conflict, invalid, modified } from './status.ts';

/** Whether the body is of the kind, namespace and name that the path says. @throws Refusal */
export function checkIdentity(kind: Kind, body: KubeObject, namespace: string | undefined, name?: string): void {
  const { resource } = kind;
  if (body.kind !== resource.kind || body.apiVersion !== resource.apiVersion) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${resource.kind}): got ${body.apiVersion} ${body.kind}`,
    );
  }
  const has = body.metadata.namespace;
  if (has !== undefined && has !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (name !== undefined && (body.metadata.name as string | undefined) !== undefined && body.metadata.name !== name) {
    throw badRequest(`the name of the object (${body.metadata.name}) does not match the name on the URL (${name})`);
  }
}

/** Whether the body was made from the object as it is; `replaces`: by PUT. @throws Refusal */
export function checkVersion(kind: Kind, asked: ObjectMeta, before: Live, replaces: boolean): void {
  const { name, uid, resourceVersion } = before.metadata;
  if (asked.uid !== undefined && asked.uid !== uid) {
    if (!replaces) throw invalid(kind.resource, name, [invalidValue('metadata.uid', asked.uid, 'field is immutable')]);
    throw conflict(kind.resource, name, `Precondition failed: UID in precondition: ${asked.uid}, UID in object meta: ${uid}`);
  }
  if (asked.resourceVersion === undefined) {
    if (!replaces || !kind.versioned) return;
    const message = 'Invalid value: 0x0: must be specified for an update';
    throw invalid(kind.resource, name, [{ field: 'metadata.resourceVersion', message }]);
  }
  if (asked.resourceVersion !== resourceVersion) throw modified(kind.resource, name);
}

/** Whether a deletion means this object. @throws Refusal Conflict */
export function checkPreconditions(
  { resource }: Kind,
  { metadata }: Live,
  { uid, resourceVersion }: { readonly uid?: string; readonly resourceVersion?: string },
): void {
  // The API server names the kind here, not the resource.
  const mismatch = (field: string, asked: string, is: string, perhaps: string) =>
    new Refusal(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${resource.kind} "${metadata.name}": the ${field} in the precondition (${asked}) does not match the ${field} in record (${is}). The object might have been ${perhaps}`,
      { name: metadata.name, kind: resource.kind },
    );
  if (uid !== undefined && uid !== metadata.uid) throw mismatch('UID', uid, metadata.uid, 'deleted and then recreated');
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw mismatch('ResourceVersion', resourceVersion, metadata.resourceVersion, 'modified');
  }
}
