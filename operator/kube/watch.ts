import type { KubeClient } from './client.ts';
import type { ListQuery, Page, WatchLine } from './requests.ts';
import { sleep, systemClock, type Clock } from './clock.ts';
import { KubeError, errorFromAnswer, isExpired } from './errors.ts';
import type { KubeObject, Live } from './objects.ts';
import type { Resource } from './resources.ts';
import { backoffDelay } from './retry.ts';
import { compareRevisions } from './revision.ts';

/** What happens to a collection, in order; after each `listed` the state is exactly what the events say. */
export type CollectionEvent<T extends KubeObject> =
  /** Everything there is: what is not among it is gone. The first event, and again when the watch had to begin anew. */
  | { readonly kind: 'listed'; readonly objects: readonly Live<T>[]; readonly resourceVersion: string }
  | { readonly kind: 'changed'; readonly object: Live<T> }
  | { readonly kind: 'deleted'; readonly object: Live<T> }
  /** Nothing else has happened up to this revision. */
  | { readonly kind: 'alive'; readonly resourceVersion: string };

export interface CollectionOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Objects without anything but metadata: to learn of changes without holding what is in them. */
  readonly metadataOnly?: boolean | undefined;
  readonly pageSize?: number;
  readonly clock?: Clock;
  /** From 0 to 1. */
  readonly random?: () => number;
  /** A watch that brings nothing for this long, not even the bookmark of each minute, is dead. */
  readonly silenceMs?: number;
  /** Called when a list or a watch failed, before the pause. */
  readonly onFailure?: (error: Error, failures: number) => void;
}

/** The server ends a watch after this and up to a fifth more, so that those of many clients do not end together. */
const WATCH_SECONDS = 300;
/** Made once: an abort without reason makes an error with a stack each time. */
const OVER = new Error('the watch is over');
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A watch that the server ended sooner counts as a failure: it must not be asked again at once, over and over. */
const SHORTEST_WATCH_MS = 1_000;

/**
 * The state of a collection and then its changes, for as long as the signal lets it: through ends of watches, broken connections,
 * expired revisions and servers that fail. Nothing stays open after it has ended.
 */
export async function* watchCollection<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  options: CollectionOptions,
  signal: AbortSignal,
): AsyncGenerator<CollectionEvent<T>, void, undefined> {
  const { namespace, labelSelector, metadataOnly, clock = systemClock, random = Math.random } = options;
  const query = { namespace, labelSelector, metadataOnly };
  /** Everything up to here was yielded. */
  let version = '';
  let anew = true;
  let failures = 0;
  while (!signal.aborted) {
    try {
      if (anew) {
        const page = await listCollection(client, resource, { ...query, limit: options.pageSize ?? 500 }, signal);
        // A server that lags behind what was seen already would bring deleted objects back.
        if (version !== '' && compareRevisions(page.resourceVersion, version) < 0)
          throw new StaleListError(page.resourceVersion, version);
        version = page.resourceVersion;
        anew = false;
        yield { kind: 'listed', objects: page.items, resourceVersion: version };
      }
      const startedAt = clock.monotonic();
      let lines = 0;
      for await (const line of watchOnce(client, resource, query, version, options, signal)) {
        const event = eventOf(line, resource);
        version = event.kind === 'alive' ? event.resourceVersion : event.object.metadata.resourceVersion;
        lines++;
        failures = 0;
        yield event;
      }
      if (lines === 0 && clock.monotonic() - startedAt < SHORTEST_WATCH_MS) throw new Error('the server ended the watch at once');
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      // What a server says within a watch tells nothing about the state; a broken connection is simply taken up where it broke.
      anew ||= isExpired(error) || error instanceof WatchError;
      failures++;
      options.onFailure?.(error as Error, failures);
      const pause = isExpired(error) && failures === 1 ? 0 : backoffDelay(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, failures, random());
      await sleep(clock, pause, signal);
    }
  }
}

/** An ERROR line of a watch. */
class WatchError extends KubeError {}

class StaleListError extends Error {
  constructor(listed: string, seen: string) {
    super(`the server listed revision ${listed}, but ${seen} was seen before`);
    this.name = 'StaleListError';
  }
}

/** In pages; in one piece where the revision of the first page expired before the last. */
async function listCollection<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  query: ListQuery,
  signal: AbortSignal,
): Promise<Page<T>> {
  try {
    return await client.listAll(resource, query, { signal });
  } catch (error) {
    if (!isExpired(error)) throw error;
    return client.list(resource, { ...query, limit: undefined }, { signal });
  }
}

async function* watchOnce(
  client: KubeClient,
  resource: Resource,
  query: Pick<CollectionOptions, 'namespace' | 'labelSelector' | 'metadataOnly'>,
  resourceVersion: string,
  { clock = systemClock, random = Math.random, silenceMs = 150_000 }: CollectionOptions,
  signal: AbortSignal,
): AsyncGenerator<WatchLine, void, undefined> {
  const connection = new AbortController();
  const abort = () => connection.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  let stopWatchdog: () => void = () => undefined;
  try {
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + random() / 5));
    const lines = await client.watch(resource, { ...query, resourceVersion, timeoutSeconds }, connection.signal);
    const iterator = lines[Symbol.asyncIterator]();
    for (;;) {
      stopWatchdog = clock.after(silenceMs, () => connection.abort(new Error(`no line for ${silenceMs / 1000} s`)));
      const next = await iterator.next();
      stopWatchdog();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    stopWatchdog();
    signal.removeEventListener('abort', abort);
    connection.abort(OVER);
  }
}

/** @throws WatchError for an ERROR line */
function eventOf<T extends KubeObject>(line: WatchLine, resource: Resource<T>): Exclude<CollectionEvent<T>, { kind: 'listed' }> {
  switch (line.type) {
    case 'ADDED':
    case 'MODIFIED':
      return { kind: 'changed', object: named(line.object as Live<T>, resource) };
    case 'DELETED':
      return { kind: 'deleted', object: named(line.object as Live<T>, resource) };
    case 'BOOKMARK':
      return { kind: 'alive', resourceVersion: (line.object as Live).metadata.resourceVersion };
    default: {
      const { message, status, reason, details } = errorFromAnswer(`watch ${resource.plural}`, 500, line.object);
      throw new WatchError('in the watch', status, reason, message, { details });
    }
  }
}

/** Where only metadata is sent, the kind is that of metadata. */
function named<T extends KubeObject>(object: Live<T>, { apiVersion, kind }: Resource<T>): Live<T> {
  return object.kind === kind ? object : { ...object, apiVersion, kind };
}
