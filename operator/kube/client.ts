import { sleep, systemClock, type Clock } from './clock.ts';
import { KubeError, errorFromAnswer, isNotFound } from './errors.ts';
import { keyOf, type KubeObject, type Live, type ObjectRef } from './objects.ts';
import { unlimited, type RateLimiter } from './rate-limit.ts';
import { collectionPath, objectPath, type Resource } from './resources.ts';
import { DEFAULT_RETRY, retryDelay, type RetryPolicy } from './retry.ts';
import { TransportError, type Transport, type TransportAnswer, type TransportRequest } from './transport.ts';

/** The name under which the API server records which fields are ours. */
export const FIELD_MANAGER = 'lockkeeper';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** For each attempt, in milliseconds. */
  readonly timeoutMs?: number | undefined;
}

export interface ListQuery {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects per page. */
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  /** '0' accepts what the server has in its cache, however old. Absent: the newest state. */
  readonly resourceVersion?: string | undefined;
}

export interface Page<T extends KubeObject> {
  readonly items: readonly Live<T>[];
  readonly resourceVersion: string;
  readonly continue?: string | undefined;
}

export interface WatchQuery {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
}

/** A line of a watch as it comes; `object` of an ERROR is a Status. */
export interface WatchLine {
  readonly type: string;
  readonly object: unknown;
}

export interface WriteOptions extends CallOptions {
  readonly subresource?: 'status' | undefined;
  readonly dryRun?: boolean | undefined;
  readonly fieldManager?: string | undefined;
}

export interface ApplyOptions extends WriteOptions {
  /** Take fields that another manager owns; default true, as controllers should. */
  readonly force?: boolean | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** The delete fails with Conflict unless the object is this one in this version. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | undefined;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan' | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly dryRun?: boolean | undefined;
}

/** `merge` is RFC 7386, `json` RFC 6902. */
export type Patch =
  | { readonly type: 'merge'; readonly body: Readonly<Record<string, unknown>> }
  | { readonly type: 'json'; readonly body: readonly { op: string; path: string; value?: unknown }[] };

export interface ClientOptions {
  readonly limiter?: RateLimiter;
  readonly retry?: RetryPolicy;
  readonly clock?: Clock;
  /** From 0 to 1, exclusively. */
  readonly random?: () => number;
  readonly timeoutMs?: number;
  /** Whether writes are allowed at this moment: a process that lost leadership while it slept must not go on writing. */
  readonly mayWrite?: () => boolean;
  /** Told of each attempt; code 0 had no answer. */
  readonly onAttempt?: (attempt: { verb: string; kind: string; code: number; milliseconds: number }) => void;
}

/**
 * Requests to the API server in raw JSON: what it sent is what is returned, unknown fields and all.
 *
 * What is safe to repeat is repeated after a server's failure or a broken connection: reads, applies, and deletes and writes that
 * name a version. So a write whose answer was lost can come back as Conflict, AlreadyExists or NotFound though it was done;
 * whoever reconciles looks again anyway. All methods throw KubeError, or the reason of an aborted signal.
 */
export class KubeClient {
  readonly #transport: Transport;
  readonly #limiter: RateLimiter;
  readonly #retry: RetryPolicy;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #timeoutMs: number;
  readonly #mayWrite: () => boolean;
  readonly #onAttempt: NonNullable<ClientOptions['onAttempt']>;

  constructor(transport: Transport, options: ClientOptions = {}) {
    this.#transport = transport;
    this.#limiter = options.limiter ?? unlimited;
    this.#retry = options.retry ?? DEFAULT_RETRY;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#mayWrite = options.mayWrite ?? (() => true);
    this.#onAttempt = options.onAttempt ?? (() => undefined);
  }

  /** The newest state, not a cache's. */
  async get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, options: CallOptions = {}): Promise<Live<T>> {
    return (await this.#send(`get ${name(resource, ref)}`, {
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
    const { namespace, ...rest } = query;
    const body = (await this.#send(`list ${resource.plural}`, {
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: { ...rest },
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
    return (await this.#send(`create ${name(resource, object)}`, request)) as Live<T>;
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
    return (await this.#send(
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
    return (await this.#send(`apply ${name(resource, object)}`, request, true)) as Live<T>;
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
    return (await this.#send(`patch ${name(resource, ref)}`, request, patch.type === 'merge')) as Live<T>;
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
    await this.#send(`delete ${name(resource, ref)}`, request, options.preconditions?.uid !== undefined);
  }

  /** One watch request, until the server closes it, it breaks (TransportError) or the signal aborts. See watchCollection for the loop. */
  async watch(resource: Resource, query: WatchQuery, signal: AbortSignal): Promise<AsyncIterable<WatchLine>> {
    const action = `watch ${resource.plural}`;
    const { namespace, ...rest } = query;
    await this.#limiter.take(signal);
    const stream = await this.#transport.stream({
      method: 'GET',
      path: collectionPath(resource, namespace),
      query: { ...rest, watch: true, allowWatchBookmarks: true },
      signal,
      timeoutMs: this.#timeoutMs,
    });
    if (stream.kind === 'refused')
      throw errorFromAnswer(action, stream.answer.status, stream.answer.body, stream.answer.retryAfterMs);
    return stream.lines as AsyncIterable<WatchLine>;
  }

  /** Any other request; `repeatable`: doing it twice is as good as once. The answer's body. */
  async request(action: string, request: TransportRequest, repeatable = request.method === 'GET'): Promise<unknown> {
    return this.#send(action, request, repeatable);
  }

  async #send(action: string, request: TransportRequest, repeatable = request.method === 'GET'): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      await this.#limiter.take(request.signal);
      request.signal?.throwIfAborted();
      if (request.method !== 'GET' && !this.#mayWrite()) {
        throw new KubeError(action, 0, 'NotLeading', 'not sent, since this process does not lead');
      }
      const startedAt = this.#clock.monotonic();
      const outcome = await this.#attempt(action, request);
      const [verb = '', kind = ''] = action.split(' ');
      const code = outcome.kind === 'answer' ? outcome.status : outcome.error.status;
      this.#onAttempt({ verb, kind, code, milliseconds: this.#clock.monotonic() - startedAt });
      if (outcome.kind === 'answer') return outcome.body;
      const delay = retryDelay(this.#retry, attempt, outcome.error, repeatable || outcome.notDone, this.#random());
      if (delay === null) throw outcome.error;
      await sleep(this.#clock, delay, request.signal);
    }
  }

  async #attempt(action: string, request: TransportRequest): Promise<Attempt> {
    let answer: TransportAnswer;
    try {
      answer = await this.#transport.send({ ...request, timeoutMs: request.timeoutMs ?? this.#timeoutMs });
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      const reason = error.kind === 'Timeout' ? 'Timeout' : 'Unreachable';
      return {
        kind: 'failed',
        error: new KubeError(action, 0, reason, error.message, { cause: error }),
        notDone: error.kind === 'Refused',
      };
    }
    if (answer.status >= 200 && answer.status < 300) return { kind: 'answer', status: answer.status, body: answer.body };
    const error = errorFromAnswer(action, answer.status, answer.body, answer.retryAfterMs);
    return { kind: 'failed', error, notDone: answer.status === 429 };
  }
}

type Attempt =
  | { readonly kind: 'answer'; readonly status: number; readonly body: unknown }
  /** `notDone`: the server certainly did nothing. */
  | { readonly kind: 'failed'; readonly error: KubeError; readonly notDone: boolean };

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
