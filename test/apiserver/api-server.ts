import { systemClock, type Clock } from '../../operator/kube/clock.ts';
import type { KubeObject, Live } from '../../operator/kube/objects.ts';
import type { TransportAnswer, TransportRequest } from '../../operator/kube/transport.ts';
import { Connection } from './connection.ts';
import { lockkeeperKinds } from './custom-resources.ts';
import { builtinKinds, type Kind } from './kinds.ts';
import { jsonPatch, mergePatch } from './patch.ts';
import { bodyOf, contextOf, encodeToken, positionOf, queryOf, selectorOf, tokenOf, type Query } from './request-query.ts';
import { targetOf, type Target } from './request-target.ts';
import { Refusal, badRequest, methodNotAllowed } from './status.ts';
import { Store } from './store.ts';
import { onlyMetadata, wantsMetadata } from './partial-metadata.ts';
import { WatchHub } from './watch-hub.ts';
import type { WatchStream } from './watch-stream.ts';
import { Writes, collectionOf, type DeleteBody } from './writes.ts';

export interface ApiServerOptions {
  readonly clock?: Clock;
  /** Kinds besides those of Kubernetes; Lockkeeper's own when absent. */
  readonly customKinds?: readonly Kind[];
  /** Between bookmarks. */
  readonly bookmarkMs?: number;
}

/**
 * A Kubernetes API server in this process: what the operator's tests need of one, done as the real one does it (test/kube/contract is
 * asked of both). It answers at once and does nothing by itself: controllers are stepped (see controllers/), and time is the clock's.
 */
export class ApiServer {
  readonly store = new Store();
  readonly clock: Clock;
  readonly #writes: Writes;
  readonly #hub: WatchHub;
  readonly #kinds: ReadonlyMap<string, Kind>;

  constructor(options: ApiServerOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.#writes = new Writes(this.store, this.clock);
    this.#hub = new WatchHub(this.store, this.clock, options.bookmarkMs ?? 60_000);
    this.#kinds = new Map(
      [...builtinKinds(), ...(options.customKinds ?? lockkeeperKinds())].map((kind) => [collectionOf(kind), kind]),
    );
  }

  /** A client's connection, with its own faults and counts. */
  connect(): Connection {
    return new Connection(this);
  }

  /** The number of open watches. */
  get watches(): number {
    return this.#hub.size;
  }

  /** Namespaces in which nothing can be made any more. */
  get terminating(): Set<string> {
    return this.#writes.terminating;
  }

  /** Answers everything but a watch. `view` is the revision that lists show. */
  handle(request: TransportRequest, view: number = this.store.revision): TransportAnswer {
    return answered(() => this.#route(request, targetOf(request.path, this.#kinds), view));
  }

  /** Opens a watch that shows what happens up to the revision that `view` answers; `pump` when that has changed. */
  watch(request: TransportRequest, view: () => number): WatchStream | TransportAnswer {
    return answered(() => {
      const { kind, namespace } = targetOf(request.path, this.#kinds);
      return this.#hub.open(kind, namespace, queryOf(request), view, wantsMetadata(request));
    });
  }

  /** Sends watchers what they have not seen yet of what they may see. */
  pump(): void {
    this.#hub.pump();
  }

  /** No bookmarks come any more, as from a server that hangs. */
  stopBookmarks(): void {
    this.#hub.stopBookmarks();
  }

  /** Forgets history, as etcd does every five minutes: who watches from before must list anew. */
  compact(revision?: number): void {
    this.store.compact(revision);
  }

  #route(request: TransportRequest, target: Target, view: number): TransportAnswer {
    const { kind, namespace, name, subresource } = target;
    const query = queryOf(request);
    if (name === undefined) {
      if (request.method === 'GET') return { status: 200, body: this.#list(target, query, view, wantsMetadata(request)) };
      if (request.method !== 'POST') throw methodNotAllowed();
      const context = contextOf(kind, query, 'Update', undefined);
      return { status: 201, body: this.#writes.create(context, namespace, bodyOf(request)) };
    }
    const ref = { namespace, name };
    switch (request.method) {
      case 'GET':
        return { status: 200, body: this.#writes.get(kind, ref) };
      case 'PUT': {
        const body = bodyOf(request);
        const context = contextOf(kind, query, 'Update', subresource);
        return { status: 200, body: this.#writes.update(context, ref, () => body, true) };
      }
      case 'PATCH':
        return this.#patch(request, target, query);
      case 'DELETE': {
        const options = (request.body ?? {}) as DeleteBody;
        const left = this.#writes.delete(contextOf(kind, query, 'Update', undefined), ref, options);
        return { status: 200, body: left ?? { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } };
      }
      case 'POST':
        throw methodNotAllowed();
      default:
        return request.method satisfies never;
    }
  }

  #patch(request: TransportRequest, { kind, namespace, name, subresource }: Target, query: Query): TransportAnswer {
    const ref = { namespace, name: name! };
    if (request.contentType === 'application/apply-patch+yaml') {
      if (query.fieldManager === undefined) throw badRequest('fieldManager: Required value: is required for apply patch');
      const context = contextOf(kind, query, 'Apply', subresource);
      const created = this.#writes.find(kind, ref) === undefined;
      return { status: created ? 201 : 200, body: this.#writes.apply(context, ref, bodyOf(request), query.force === 'true') };
    }
    const patchers: Readonly<Record<string, (before: Live) => unknown>> = {
      'application/merge-patch+json': (before) => mergePatch(before, request.body),
      'application/json-patch+json': (before) => jsonPatch(before, request.body),
    };
    const patcher = patchers[request.contentType ?? ''];
    if (patcher === undefined) {
      throw new Refusal(415, 'UnsupportedMediaType', 'the body of the request was in an unknown format');
    }
    const context = contextOf(kind, query, 'Update', subresource);
    return { status: 200, body: this.#writes.update(context, ref, (before) => patcher(before) as KubeObject, false) };
  }

  #list({ kind, namespace }: Target, query: Query, view: number, metadataOnly: boolean): object {
    const { resource } = kind;
    const token = tokenOf(query.continue);
    const revision = token?.revision ?? view;
    const selects = selectorOf(query, namespace);
    const all = this.store.list(collectionOf(kind), revision).filter(selects);
    const rest = token === undefined ? all : all.filter((object) => positionOf(object) > token.after);
    const limit = Number(query.limit ?? 0);
    const items = limit > 0 ? rest.slice(0, limit) : rest;
    const more = items.length < rest.length;
    return {
      ...(metadataOnly
        ? { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadataList' }
        : { apiVersion: resource.apiVersion, kind: `${resource.kind}List` }),
      metadata: {
        resourceVersion: String(revision),
        ...(more
          ? { continue: encodeToken(revision, positionOf(items.at(-1)!)), remainingItemCount: rest.length - items.length }
          : {}),
      },
      items: metadataOnly ? items.map(onlyMetadata) : items.map(({ apiVersion: _apiVersion, kind: _kind, ...item }) => item),
    };
  }
}

/** What the handler answers, or the refusal that it threw. */
function answered<T>(handler: () => T): T | TransportAnswer {
  try {
    return handler();
  } catch (error) {
    if (error instanceof Refusal) return error.answer;
    throw error;
  }
}
