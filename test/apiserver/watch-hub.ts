import type { Clock } from '../../operator/kube/clock.ts';
import type { Live } from '../../operator/kube/objects.ts';
import type { Kind } from './kinds.ts';
import { onlyMetadata } from './partial-metadata.ts';
import type { Query } from './request-query.ts';
import { selectorOf } from './request-query.ts';
import type { Selects } from './selectors.ts';
import { Refusal, badRequest } from './status.ts';
import type { Commit, Store } from './store.ts';
import { WatchStream } from './watch-stream.ts';
import { collectionOf } from './writes.ts';

interface Watcher {
  readonly kind: Kind;
  readonly selects: Selects;
  readonly stream: WatchStream;
  readonly view: () => number;
  readonly bookmarks: boolean;
  readonly metadataOnly: boolean;
  /** Everything up to this revision was sent. */
  cursor: number;
}

/** The watches of a store. */
export class WatchHub {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #bookmarkMs: number;
  readonly #watchers = new Set<Watcher>();
  /** No bookmarks come any more, as from a server that hangs. */
  stopBookmarks: () => void = () => undefined;

  constructor(store: Store, clock: Clock, bookmarkMs: number) {
    this.#store = store;
    this.#clock = clock;
    this.#bookmarkMs = bookmarkMs;
    store.onCommit(() => this.pump());
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** Opens a watch that shows what happens up to the revision that `view` answers; `pump` when that has changed. */
  open(kind: Kind, namespace: string | undefined, query: Query, view: () => number, metadataOnly = false): WatchStream {
    const stream = new WatchStream();
    const watcher: Watcher = {
      kind,
      selects: selectorOf(query, namespace),
      stream,
      view,
      bookmarks: query.allowWatchBookmarks === 'true',
      metadataOnly,
      cursor: startOf(query.resourceVersion, view),
    };
    if ((query.resourceVersion ?? '0') === '0') {
      for (const object of this.#store.list(collectionOf(kind), watcher.cursor)) {
        if (watcher.selects(object)) stream.push({ type: 'ADDED', object: metadataOnly ? onlyMetadata(object) : object });
      }
    }
    const stopTimer = this.#clock.after(Number(query.timeoutSeconds ?? 1800) * 1000, () => stream.end());
    stream.onClose = () => {
      stopTimer();
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.stopBookmarks();
    };
    if (this.#watchers.size === 0) this.#scheduleBookmarks();
    this.#watchers.add(watcher);
    this.#send(watcher);
    return stream;
  }

  /** Sends watchers what they have not seen yet of what they may see. */
  pump(): void {
    for (const watcher of [...this.#watchers]) this.#send(watcher);
  }

  #bookmark(): void {
    for (const watcher of this.#watchers) {
      if (!watcher.bookmarks || watcher.cursor < Math.min(watcher.view(), this.#store.revision)) continue;
      const { apiVersion, kind } = watcher.kind.resource;
      const metadata = { resourceVersion: String(watcher.cursor), creationTimestamp: null };
      watcher.stream.push({ type: 'BOOKMARK', object: { apiVersion, kind, metadata } });
    }
  }

  #scheduleBookmarks(): void {
    this.stopBookmarks = this.#clock.after(this.#bookmarkMs, () => {
      this.#bookmark();
      this.#scheduleBookmarks();
    });
  }

  #send(watcher: Watcher): void {
    const view = Math.min(watcher.view(), this.#store.revision);
    if (view <= watcher.cursor) return;
    try {
      for (const commit of this.#store.since(collectionOf(watcher.kind), watcher.cursor)) {
        if (commit.revision > view) break;
        const line = lineOf(commit, watcher.selects);
        if (line === undefined) continue;
        watcher.stream.push(watcher.metadataOnly ? { ...line, object: onlyMetadata(line.object) } : line);
      }
      watcher.cursor = view;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      watcher.stream.push({ type: 'ERROR', object: error.body });
      watcher.stream.end();
    }
  }
}

function startOf(asked: string | undefined, view: () => number): number {
  if ((asked ?? '0') === '0') return view();
  const revision = Number(asked);
  if (!Number.isInteger(revision)) throw badRequest(`Invalid resource version ${asked}`);
  return revision;
}

/** What a watcher with this selector is told: an object that no longer matches is gone for it. */
function lineOf({ type, object, before }: Commit, selects: Selects): { type: string; object: Live } | undefined {
  const [did, does] = [before !== undefined && selects(before), type !== 'DELETED' && selects(object)];
  if (does) return { type: did ? 'MODIFIED' : 'ADDED', object };
  if (!did) return undefined;
  return { type: 'DELETED', object };
}
