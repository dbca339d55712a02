import { isDeepStrictEqual } from 'node:util';
import { isoSeconds, type Clock } from '../../operator/kube/clock.ts';
import { keyOf, type KubeObject, type Live, type ObjectMeta, type ObjectRef } from '../../operator/kube/objects.ts';
import { groupOf } from '../../operator/kube/resources.ts';
import type { Kind } from './kinds.ts';
import { applied, sameObject, updated, type Writer } from './managed-fields.ts';
import { checkIdentity, checkPreconditions, checkVersion } from './checks.ts';
import { metadataProblems } from './metadata.ts';
import { alreadyExists, badRequest, conflict, forbidden, invalid, notFound } from './status.ts';
import { deepFreeze, type Store } from './store.ts';

export interface WriteContext {
  readonly kind: Kind;
  readonly writer: Omit<Writer, 'time'>;
  readonly dryRun: boolean;
}

export interface DeleteBody {
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagationPolicy?: string;
  readonly gracePeriodSeconds?: number;
  readonly dryRun?: readonly string[];
}

/** Where a kind's objects lie in the store. */
export function collectionOf({ resource }: Kind): string {
  return `${resource.apiVersion}/${resource.plural}`;
}

/** What the API server does to objects that are written: metadata, managed fields, admission, generation, finalizers. */
export class Writes {
  readonly #store: Store;
  readonly #clock: Clock;
  #made = 0;
  /** Namespaces in which nothing can be created any more. */
  readonly terminating = new Set<string>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  find(kind: Kind, ref: ObjectRef): Live | undefined {
    return this.#store.get(collectionOf(kind), keyOf(ref));
  }

  get(kind: Kind, ref: ObjectRef): Live {
    const found = this.find(kind, ref);
    if (found === undefined) throw notFound(kind.resource, ref.name);
    return found;
  }

  create(context: WriteContext, namespace: string | undefined, body: KubeObject): Live {
    const { kind } = context;
    checkIdentity(kind, body, namespace);
    const { generateName } = body.metadata;
    const name =
      (body.metadata.name as string | undefined) ?? (generateName === undefined ? '' : `${generateName}${this.#suffix()}`);
    if (name === '') {
      throw invalid(kind.resource, '', [{ field: 'metadata.name', message: 'Required value: name or generateName is required' }]);
    }
    if ((body.metadata.resourceVersion ?? '') !== '') {
      throw badRequest('resourceVersion should not be set on objects to be created');
    }
    if (this.find(kind, { namespace, name }) !== undefined) throw alreadyExists(kind.resource, name);
    return this.#make(context, namespace, { ...body, metadata: { ...body.metadata, name } });
  }

  #make(context: WriteContext, namespace: string | undefined, body: KubeObject): Live {
    const { kind } = context;
    const object = this.#newborn(kind, body, namespace);
    const admitted = this.#admit(kind, object, undefined);
    const managedFields = updated(undefined, object, this.#writer(context));
    return this.#put(context, { ...admitted, metadata: { ...admitted.metadata, managedFields } });
  }

  /** Puts `next` in place of what is there, which `next` was made from. `replaces`: by PUT. */
  update(context: WriteContext, ref: ObjectRef, next: (before: Live) => KubeObject, replaces: boolean): Live {
    if (replaces && context.kind.createdByReplace && this.find(context.kind, ref) === undefined) {
      return this.#make(context, ref.namespace, next({} as Live));
    }
    const before = this.get(context.kind, ref);
    const body = next(before);
    checkIdentity(context.kind, body, ref.namespace, ref.name);
    checkVersion(context.kind, body.metadata, before, replaces);
    const object = this.#continued(context, body, before);
    const admitted = this.#admit(context.kind, object, before, context.writer.subresource);
    const managedFields = updated(before, admitted, this.#writer(context));
    return this.#finish(context, before, { ...admitted, metadata: { ...admitted.metadata, managedFields } });
  }

  apply(context: WriteContext, ref: ObjectRef, body: KubeObject, force: boolean): Live {
    const { kind } = context;
    checkIdentity(kind, body, ref.namespace, ref.name);
    const before = this.find(kind, ref);
    const wanted = this.#applicable(context, body);
    if (before === undefined) {
      if (context.writer.subresource !== undefined) throw notFound(kind.resource, ref.name);
      // The server finds no object to compare with what was asked for.
      const { uid } = body.metadata;
      if (uid !== undefined) {
        const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
        throw conflict(kind.resource, ref.name, why);
      }
      const merged = applied(undefined, this.#newborn(kind, wanted, ref.namespace), this.#writer(context), force);
      return this.#put(context, this.#admit(kind, merged, undefined));
    }
    // The status endpoint of a custom resource takes all other metadata from what is stored.
    const ignoresUid = kind.judgesStatus && context.writer.subresource === 'status';
    const asked = ignoresUid ? withoutKey(body.metadata, 'uid') : body.metadata;
    checkVersion(kind, asked, before, false);
    const merged = applied(before, wanted, this.#writer(context), force);
    const object = this.#continued(context, merged, before);
    const admitted = this.#admit(kind, object, before, context.writer.subresource);
    const { managedFields } = merged.metadata;
    return this.#finish(context, before, { ...admitted, metadata: { ...admitted.metadata, managedFields: managedFields! } });
  }

  /** The object if it stays for a while, for its finalizers or its grace period. */
  delete(context: WriteContext, ref: ObjectRef, options: DeleteBody): Live | undefined {
    const { kind } = context;
    const before = this.get(kind, ref);
    checkPreconditions(kind, before, options.preconditions ?? {});
    if (options.dryRun?.includes('All') === true) return before;
    const waits = { Foreground: ['foregroundDeletion'], Orphan: ['orphan'] }[options.propagationPolicy ?? ''] ?? [];
    const finalizers = [...new Set([...(before.metadata.finalizers ?? []), ...waits])];
    const grace = graceOf(before, options.gracePeriodSeconds);
    if (finalizers.length === 0 && grace === 0) {
      this.#store.delete(collectionOf(kind), before);
      return undefined;
    }
    if (before.metadata.deletionTimestamp !== undefined && (before.metadata.deletionGracePeriodSeconds ?? 0) <= grace)
      return before;
    const metadata: ObjectMeta = {
      ...before.metadata,
      ...(finalizers.length === 0 ? {} : { finalizers }),
      ...(before.metadata.generation === undefined ? {} : { generation: before.metadata.generation + 1 }),
      deletionTimestamp: isoSeconds(this.#clock.now() + grace * 1000),
      deletionGracePeriodSeconds: grace,
    };
    return this.#store.put(collectionOf(kind), { ...before, metadata } as Live);
  }

  #writer({ writer }: WriteContext): Writer {
    return { ...writer, time: isoSeconds(this.#clock.now()) };
  }

  /** A new object's metadata; status only comes later. */
  #newborn(kind: Kind, body: KubeObject, namespace: string | undefined): KubeObject {
    if (namespace !== undefined && this.terminating.has(namespace)) {
      throw forbidden(
        kind.resource,
        body.metadata.name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      );
    }
    const { status: _status, ...rest } = body as KubeObject & { status?: unknown };
    const object = kind.status ? rest : body;
    const finalizers = [...new Set([...(body.metadata.finalizers ?? []), ...kind.finalizers])];
    return {
      ...object,
      metadata: {
        ...body.metadata,
        ...(namespace === undefined ? {} : { namespace }),
        uid: this.#uid(),
        creationTimestamp: isoSeconds(this.#clock.now()),
        ...(kind.generation ? { generation: 1 } : {}),
        ...(finalizers.length === 0 ? {} : { finalizers }),
      },
    };
  }

  /** Only what this request may change, and what the server keeps itself. */
  #continued({ kind, writer }: WriteContext, body: KubeObject, before: Live): KubeObject {
    const old = before as Live & { status?: unknown };
    const { status, ...rest } = body as KubeObject & { status?: unknown };
    if (writer.subresource === 'status') return { ...old, ...(status === undefined ? {} : { status }) };
    const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, managedFields } = old.metadata;
    const kept = { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, managedFields };
    const metadata = {
      ...body.metadata,
      ...Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)),
    };
    const finalizers = metadata.finalizers?.length === 0 ? withoutKey(metadata, 'finalizers') : metadata;
    if (!kind.status) return { ...body, metadata: finalizers };
    return { ...rest, metadata: finalizers, ...(old.status === undefined ? {} : { status: old.status }) };
  }

  /** What of an applied object belongs to the endpoint that it was sent to. */
  #applicable({ kind, writer }: WriteContext, body: KubeObject): KubeObject {
    const { status, ...rest } = body as KubeObject & { status?: unknown };
    if (writer.subresource !== 'status') return kind.status ? rest : body;
    const { apiVersion, kind: name, metadata } = body;
    const { name: objectName, namespace } = metadata;
    const identity = { name: objectName, ...(namespace === undefined ? {} : { namespace }) };
    return { apiVersion, kind: name, metadata: identity, ...(status === undefined ? {} : { status }) };
  }

  #admit(kind: Kind, object: KubeObject, before: Live | undefined, subresource?: string): KubeObject {
    const { name } = object.metadata;
    const problems = metadataProblems(object, before);
    if (problems.length > 0) throw invalid(kind.resource, name, problems);
    if (before !== undefined && !kind.judgesStatus && subresource === 'status') return object;
    const admitted = kind.admit(object, before);
    if ('problems' in admitted) throw invalid(kind.resource, name, admitted.problems);
    if ('unknownFields' in admitted) {
      const list = admitted.unknownFields.map((field) => `unknown field "${field}"`).join(', ');
      const version = kind.resource.apiVersion.slice(groupOf(kind.resource.apiVersion).length).replace('/', '');
      throw badRequest(
        `${kind.resource.kind} in version "${version}" cannot be handled as a ${kind.resource.kind}: strict decoding error: ${list}`,
      );
    }
    return admitted.object;
  }

  #finish(context: WriteContext, before: Live, next: KubeObject): Live {
    const { kind } = context;
    const changed =
      kind.generation && context.writer.subresource === undefined && !isDeepStrictEqual(specOf(before), specOf(next));
    const generation = (before.metadata.generation ?? 0) + (changed ? 1 : 0);
    const object = kind.generation ? { ...next, metadata: { ...next.metadata, generation } } : next;
    if (sameObject(before, object)) return before;
    const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
    const goes = deletionTimestamp !== undefined && (finalizers ?? []).length === 0 && (deletionGracePeriodSeconds ?? 0) === 0;
    if (goes && !context.dryRun) return this.#store.delete(collectionOf(kind), object as Live);
    return this.#put(context, object);
  }

  #put(context: WriteContext, object: KubeObject): Live {
    if (context.dryRun) return deepFreeze(object) as Live;
    return this.#store.put(collectionOf(context.kind), object as Live);
  }

  /** Unlike real ones the same in every run. */
  #uid(): string {
    return `00000000-0000-4000-8000-${String(++this.#made).padStart(12, '0')}`;
  }

  #suffix(): string {
    return (++this.#made).toString(36).padStart(5, '0');
  }
}

function specOf(object: KubeObject): object {
  const { metadata: _metadata, status: _status, ...rest } = object as KubeObject & { status?: unknown };
  return rest;
}

/** A pod on a node is given time to stop; it goes when its kubelet says so. */
function graceOf(object: Live, asked: number | undefined): number {
  const { spec } = object as Live & { spec?: { nodeName?: string; terminationGracePeriodSeconds?: number } };
  if (object.kind !== 'Pod' || spec?.nodeName === undefined) return 0;
  return asked ?? spec.terminationGracePeriodSeconds ?? 30;
}

function withoutKey(metadata: ObjectMeta, key: keyof ObjectMeta): ObjectMeta {
  const { [key]: _gone, ...rest } = metadata;
  return rest as ObjectMeta;
}
