import { isNotFound } from './errors.ts';
import { keyOf, type KubeObject, type Live, type ObjectRef } from './objects.ts';
import { RequestSender, type ClientOptions } from './request-sender.ts';
import type {
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  ListQuery,
  Page,
  Patch,
  WatchLine,
  WatchQuery,
  WriteOptions,
} from './requests.ts';
import { collectionPath, objectPath, type Resource } from './resources.ts';
import type { Transport, TransportRequest } from './transport.ts';

export type { ClientOptions } from './request-sender.ts';

/** The name under which the API server records which fields are ours. */
export const FIELD_MANAGER = 'lockkeeper';

/**
 * Requests to the API server in raw JSON: what it sent is what is returned, unknown fields and all.
 *
 * What is safe to repeat is repeated after a server's failure or a broken connection: reads, applies, and deletes and writes that
 * name a version. So a write whose answer was lost can come back as Conflict, AlreadyExists or NotFound though it was done;
 * whoever reconciles looks again anyway. All methods throw KubeError, or the reason of an aborted signal.
 */
export class KubeClient {
  readonly #sender: RequestSender;

  constructor(transport: Transport, options: ClientOptions = {}) {
    this.#sender = new RequestSender(transport, options);
  }

  /** The newest state, not a cache's. */
  async get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, options: CallOptions = {}): Promise<Live<T>> {
    return (await this.request(`get ${name(resource, ref)}`, {
      method: 'GET',
      path: objectPath(resource, ref),
      ...options,
    })) as Live<T>;
  }

  /** As `get`; undefined where there is none. */
  async find<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    options: CallOptions = {},
  ): Promise<Live<T> | undefined> {
    try {
      return await this.get(resource, ref, options);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async list<T extends KubeObject>(resource: Resource<T>, query: ListQuery = {}, options: CallOptions = {}): Promise<Page<T>> {
    const { namespace, metadataOnly = false, ...rest } = query;
    const body = (await this.request(`list ${resource.plural}`, {
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: { ...rest },
      ...(metadataOnly ? { accept: metadataType('PartialObjectMetadataList') } : {}),
      ...options,
    })) as { metadata: { resourceVersion: string; continue?: string }; items: Live<T>[] | null };
    return {
      // The server leaves apiVersion and kind out of a list's items.
      items: (body.items ?? []).map((item) => ({ ...item, apiVersion: resource.apiVersion, kind: resource.kind })),
      resourceVersion: body.metadata.resourceVersion,
      continue: body.metadata.continue === '' ? undefined : body.metadata.continue,
    };
  }

  /** All pages, of one revision. */
  async listAll<T extends KubeObject>(resource: Resource<T>, query: ListQuery = {}, options: CallOptions = {}): Promise<Page<T>> {
    const items: Live<T>[] = [];
    let page: Page<T> = { items, resourceVersion: '', continue: query.continue };
    do {
      // The revision is asked for once; later pages carry it in their token, and the server refuses both together.
      const { resourceVersion: _revision, ...rest } = query;
      page = await this.list(
        resource,
        page.continue === undefined ? query : { ...rest, continue: page.continue, limit: query.limit },
        options,
      );
      items.push(...page.items);
    } while (page.continue !== undefined);
    return { items, resourceVersion: page.resourceVersion };
  }

  /** `metadata.generateName` in place of a name is allowed. */
  async create<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<Live<T>> {
    const request: TransportRequest = {
      method: 'POST',
      path: collectionPath(resource, object.metadata.namespace),
      query: writeQuery(options),
      body: object,
      ...callOf(options),
    };
    return (await this.request(`create ${name(resource, object)}`, request)) as Live<T>;
  }

  /** Replaces the whole object; only for objects read raw a moment ago, and with their resourceVersion. */
  async replace<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<Live<T>> {
    const request: TransportRequest = {
      method: 'PUT',
      path: objectPath(resource, object.metadata, options.subresource),
      query: writeQuery(options),
      body: object,
      ...callOf(options),
    };
    return (await this.request(
      `replace ${name(resource, object)}`,
      request,
      object.metadata.resourceVersion !== undefined,
    )) as Live<T>;
  }

  /** Server-side apply: creates, or changes the fields given and removes those given last time and no longer. */
  async apply<T extends KubeObject>(resource: Resource<T>, object: T, options: ApplyOptions = {}): Promise<Live<T>> {
    const request: TransportRequest = {
      method: 'PATCH',
      path: objectPath(resource, object.metadata, options.subresource),
      query: { ...writeQuery(options), force: options.force ?? true },
      body: object,
      contentType: 'application/apply-patch+yaml',
      ...callOf(options),
    };
    return (await this.request(`apply ${name(resource, object)}`, request, true)) as Live<T>;
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<Live<T>> {
    const request: TransportRequest = {
      method: 'PATCH',
      path: objectPath(resource, ref, options.subresource),
      query: writeQuery(options),
      body: patch.body,
      contentType: patch.type === 'merge' ? 'application/merge-patch+json' : 'application/json-patch+json',
      ...callOf(options),
    };
    return (await this.request(`patch ${name(resource, ref)}`, request, patch.type === 'merge')) as Live<T>;
  }

  /** Done when the server has accepted it: finalizers and the grace period may keep the object for a while. */
  async delete(resource: Resource, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const request: TransportRequest = {
      method: 'DELETE',
      path: objectPath(resource, ref),
      // With a body the server looks for all of it there, dryRun too.
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: options.propagation ?? 'Background',
        ...(options.preconditions === undefined ? {} : { preconditions: options.preconditions }),
        ...(options.dryRun === true ? { dryRun: ['All'] } : {}),
        ...(options.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: options.gracePeriodSeconds }),
      },
      ...callOf(options),
    };
    await this.request(`delete ${name(resource, ref)}`, request, options.preconditions?.uid !== undefined);
  }

  /** One watch request, until the server closes it, it breaks (TransportError) or the signal aborts. See watchCollection for the loop. */
  async watch(resource: Resource, query: WatchQuery, signal: AbortSignal): Promise<AsyncIterable<WatchLine>> {
    const { namespace, metadataOnly = false, ...rest } = query;
    const lines = await this.#sender.stream(`watch ${resource.plural}`, {
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: { ...rest, watch: true, allowWatchBookmarks: true },
      ...(metadataOnly ? { accept: metadataType('PartialObjectMetadata') } : {}),
      signal,
    });
    return lines as AsyncIterable<WatchLine>;
  }

  /** Any other request; `repeatable`: doing it twice is as good as once. The answer's body. */
  request(action: string, request: TransportRequest, repeatable = request.method === 'GET'): Promise<unknown> {
    return this.#sender.send(action, request, repeatable);
  }
}

/** The server makes such an object of any kind. */
function metadataType(kind: string): string {
  return `application/json;as=${kind};v=v1;g=meta.k8s.io`;
}

function writeQuery(options: WriteOptions): Record<string, string | boolean | undefined> {
  return {
    fieldManager: options.fieldManager ?? FIELD_MANAGER,
    // A misspelt field is refused, not dropped.
    fieldValidation: 'Strict',
    ...(options.dryRun === true ? { dryRun: 'All' } : {}),
  };
}

function callOf({ signal, timeoutMs }: CallOptions): CallOptions {
  return { signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}

function name(resource: Resource, target: KubeObject | ObjectRef): string {
  return `${resource.kind} ${keyOf(target)}`;
}
