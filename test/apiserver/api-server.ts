import { systemClock, type Clock } from '../../operator/kube/clock.ts';
import type { KubeObject, Live } from '../../operator/kube/objects.ts';
import type { TransportAnswer, TransportRequest } from '../../operator/kube/transport.ts';
import { Connection } from './connection.ts';
import { lockkeeperKinds } from './custom-resources.ts';
import { builtinKinds, type Kind } from './kinds.ts';
import { jsonPatch, mergePatch } from './patch.ts';
import { targetOf, type Target } from './request-target.ts';
import { fieldSelector, labelSelector, type Selects } from './selectors.ts';
import { Refusal, badRequest, expired, methodNotAllowed } from './status.ts';
import { Store, type Commit } from './store.ts';
import { WatchStream } from './watch-stream.ts';
import { Writes, collectionOf, type DeleteBody, type WriteContext } from './writes.ts';

export interface ApiServerOptions {
  readonly clock?: Clock;
  /** Kinds besides those of Kubernetes; Lockkeeper's own when absent. */
  readonly customKinds?: readonly Kind[];
  /** Between bookmarks. */
  readonly bookmarkMs?: number;
}

interface Watcher {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly selects: Selects;
  readonly stream: WatchStream;
  readonly view: () => number;
  readonly bookmarks: boolean;
  /** Everything up to this revision was sent. */
  cursor: number;
}

const QUERY_AGENT = 'unknown';

/**
 * A Kubernetes API server in this process: what the operator's tests need of one, and as the real one does it (test/kube/contract runs against
 * both). It answers at once and does nothing by itself: controllers are stepped (see controllers/), and time is the clock's.
 */
export class ApiServer {
  readonly store = new Store();
  readonly clock: Clock;
  readonly #writes: Writes;
  readonly #kinds: ReadonlyMap<string, Kind>;
  readonly #watchers = new Set<Watcher>();
  readonly #bookmarkMs: number;
  /** No bookmarks come any more, as from a server that hangs. */
  stopBookmarks: () => void = () => undefined;

  constructor(options: ApiServerOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.#bookmarkMs = options.bookmarkMs ?? 60_000;
    this.#writes = new Writes(this.store, this.clock);
    this.#kinds = new Map(
      [...builtinKinds(), ...(options.customKinds ?? lockkeeperKinds())].map((kind) => [collectionOf(kind), kind]),
    );
    this.store.onCommit(() => this.pump());
  }

  /** A client's connection, with its own faults and counts. */
  connect(): Connection {
    return new Connection(this);
  }

  get watches(): number {
    return this.#watchers.size;
  }

  get terminating(): Set<string> {
    return this.#writes.terminating;
  }

  /** Answers everything but a watch. `view` is the revision that lists show. */
  handle(request: TransportRequest, view: number = this.store.revision): TransportAnswer {
    try {
      return this.#route(request, targetOf(request.path, this.#kinds), view);
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      throw error;
    }
  }

  /** Opens a watch that shows what happens up to the revision that `view` answers; `pump` when that has changed. */
  watch(request: TransportRequest, view: () => number): WatchStream | TransportAnswer {
    try {
      const { kind, namespace } = targetOf(request.path, this.#kinds);
      const query = queryOf(request);
      const stream = new WatchStream();
      const watcher: Watcher = {
        kind,
        namespace,
        selects: selectorOf(query, namespace),
        stream,
        view,
        bookmarks: query.allowWatchBookmarks === 'true',
        cursor: this.#startOf(query.resourceVersion, view),
      };
      if ((query.resourceVersion ?? '0') === '0') {
        for (const object of this.store.list(collectionOf(kind), watcher.cursor)) {
          if (watcher.selects(object)) stream.push({ type: 'ADDED', object });
        }
      }
      const stopTimer = this.clock.after(Number(query.timeoutSeconds ?? 1800) * 1000, () => stream.end());
      stream.onClose = () => {
        stopTimer();
        this.#watchers.delete(watcher);
        if (this.#watchers.size === 0) this.stopBookmarks();
      };
      if (this.#watchers.size === 0) this.#scheduleBookmarks();
      this.#watchers.add(watcher);
      this.#send(watcher);
      return stream;
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      throw error;
    }
  }

  /** Sends watchers what they have not seen yet of what they may see. */
  pump(): void {
    for (const watcher of [...this.#watchers]) this.#send(watcher);
  }

  bookmark(): void {
    for (const watcher of this.#watchers) {
      if (!watcher.bookmarks || watcher.cursor < Math.min(watcher.view(), this.store.revision)) continue;
      const { apiVersion, kind } = watcher.kind.resource;
      watcher.stream.push({
        type: 'BOOKMARK',
        object: { apiVersion, kind, metadata: { resourceVersion: String(watcher.cursor), creationTimestamp: null } },
      });
    }
  }

  /** Forgets history, as etcd does every five minutes: who watches from before must list anew. */
  compact(revision?: number): void {
    this.store.compact(revision);
  }

  #startOf(asked: string | undefined, view: () => number): number {
    if ((asked ?? '0') === '0') return view();
    const revision = Number(asked);
    if (!Number.isInteger(revision)) throw badRequest(`Invalid resource version ${asked}`);
    return revision;
  }

  #scheduleBookmarks(): void {
    this.stopBookmarks = this.clock.after(this.#bookmarkMs, () => {
      this.bookmark();
      this.#scheduleBookmarks();
    });
  }

  #send(watcher: Watcher): void {
    const view = Math.min(watcher.view(), this.store.revision);
    if (view <= watcher.cursor) return;
    try {
      for (const commit of this.store.since(collectionOf(watcher.kind), watcher.cursor)) {
        if (commit.revision > view) break;
        const line = lineOf(commit, watcher.selects);
        if (line !== undefined) watcher.stream.push(line);
      }
      watcher.cursor = view;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      watcher.stream.push({ type: 'ERROR', object: error.body });
      watcher.stream.end();
    }
  }

  #route(request: TransportRequest, target: Target, view: number): TransportAnswer {
    const { kind, namespace, name, subresource } = target;
    const query = queryOf(request);
    if (name === undefined) {
      if (request.method === 'GET') return { status: 200, body: this.#list(target, query, view) };
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

  #list({ kind, namespace }: Target, query: Query, view: number): object {
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
      apiVersion: resource.apiVersion,
      kind: `${resource.kind}List`,
      metadata: {
        resourceVersion: String(revision),
        ...(more
          ? { continue: encodeToken(revision, positionOf(items.at(-1)!)), remainingItemCount: rest.length - items.length }
          : {}),
      },
      items: items.map(({ apiVersion: _apiVersion, kind: _kind, ...item }) => item),
    };
  }
}

type Query = Readonly<Record<string, string | undefined>>;

function queryOf(request: TransportRequest): Query {
  const entries = Object.entries(request.query ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
}

function contextOf(kind: Kind, query: Query, operation: 'Apply' | 'Update', subresource: string | undefined): WriteContext {
  const manager = query.fieldManager ?? QUERY_AGENT;
  return {
    kind,
    writer: { manager, operation, subresource, apiVersion: kind.resource.apiVersion },
    dryRun: query.dryRun === 'All',
  };
}

/** As if it had come over a wire: nothing in it is shared, and what is undefined is not there. */
function bodyOf(request: TransportRequest): KubeObject {
  const body = JSON.parse(JSON.stringify(request.body ?? null)) as KubeObject | null;
  if (body === null || typeof body !== 'object' || typeof body.metadata !== 'object') throw badRequest('the body is no object');
  return body;
}

function selectorOf(query: Query, namespace: string | undefined): Selects {
  const [labels, fields] = [labelSelector(query.labelSelector), fieldSelector(query.fieldSelector)];
  return (object) => (namespace === undefined || object.metadata.namespace === namespace) && labels(object) && fields(object);
}

/** What a watcher with this selector is told: an object that no longer matches is gone for it. */
function lineOf({ type, object, before }: Commit, selects: Selects): { type: string; object: Live } | undefined {
  const [did, does] = [before !== undefined && selects(before), type !== 'DELETED' && selects(object)];
  if (does) return { type: did ? 'MODIFIED' : 'ADDED', object };
  if (!did) return undefined;
  return { type: 'DELETED', object };
}

function positionOf({ metadata }: Live): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function encodeToken(revision: number, after: string): string {
  return Buffer.from(JSON.stringify({ revision, after })).toString('base64url');
}

function tokenOf(text: string | undefined): { readonly revision: number; readonly after: string } | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as { revision: number; after: string };
  } catch {
    throw expired('continue key is not valid');
  }
}
