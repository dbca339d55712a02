import type { KubeObject, Live } from './objects.ts';

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
  /** Only metadata is sent. */
  readonly metadataOnly?: boolean | undefined;
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
  /** Only metadata is sent. */
  readonly metadataOnly?: boolean | undefined;
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
