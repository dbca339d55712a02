import type { Logger } from '../../common/log.ts';
import type { Change } from './cache.ts';
import { systemClock, type Clock } from './clock.ts';
import type { Informer } from './informer.ts';
import type { KubeMetrics } from './metrics.ts';
import { keyOf, type KubeObject, type Live, type ObjectKey } from './objects.ts';
import { ownerKey } from './ownership.ts';
import { isPassing } from './passing.ts';
import { WorkQueue, type QueueOptions } from './queue.ts';
import type { Resource } from './resources.ts';

export interface ReconcileContext {
  readonly key: ObjectKey;
  /** Aborts when the process stops, leadership is lost, or the reconcile takes too long. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

export interface ReconcileResult {
  /** Look again after this even if nothing changes. */
  readonly requeueAfterMs?: number | undefined;
}

/**
 * Brings the world of one object to what its spec says, from whatever state it is in; the key tells which, never what happened. Runs
 * for one key at a time. A throw is logged, counted and tried again with growing delays, without stopping other keys.
 */
export type Reconcile = (key: ObjectKey, context: ReconcileContext) => Promise<ReconcileResult>;

/** Where keys come from: each change asks for the keys of the object's old and of its new state. Made by primary, owned and mapped. */
export interface Source {
  /** The answer unsubscribes. */
  listen(add: (key: ObjectKey) => void): () => void;
  /** Keys that are looked at again from time to time. */
  resync(): readonly ObjectKey[];
}

/** The objects that are reconciled. */
export function primary<T extends KubeObject>(informer: Informer<T>): Source {
  return { ...mapped(informer, (object) => [keyOf(object)]), resync: () => informer.cache.list().map(keyOf) };
}

/** Objects whose controller is one of `kind`. */
export function owned<T extends KubeObject>(informer: Informer<T>, kind: Resource): Source {
  return mapped(informer, (object) => {
    const key = ownerKey(object, kind);
    return key === undefined ? [] : [key];
  });
}

/** Objects that others depend on, such as Secrets: `keys` finds these others, by an index of their cache. */
export function mapped<T extends KubeObject>(informer: Informer<T>, keys: (object: Live<T>) => readonly ObjectKey[]): Source {
  return {
    listen: (add) =>
      informer.onChange((change) => {
        for (const object of statesOf(change)) for (const key of keys(object)) add(key);
      }),
    resync: () => [],
  };
}

function statesOf<T extends KubeObject>(change: Change<T>): readonly Live<T>[] {
  switch (change.kind) {
    case 'added':
      return [change.now];
    case 'updated':
      return [change.before, change.now];
    case 'deleted':
      return [change.before];
    default:
      return change satisfies never;
  }
}

export interface ControllerOptions {
  /** For logs and metrics. */
  readonly name: string;
  readonly sources: readonly Source[];
  readonly reconcile: Reconcile;
  /** Keys reconciled at the same time. */
  readonly workers?: number;
  /** Every key is looked at again after this and up to a tenth more, though nothing has happened. */
  readonly resyncMs?: number;
  /** After this a reconcile's signal aborts. */
  readonly timeoutMs?: number;
  readonly queue?: Pick<QueueOptions, 'firstDelayMs' | 'longestDelayMs'>;
}

export interface ControllerTools {
  readonly log: Logger;
  readonly metrics?: KubeMetrics | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

/** Runs a reconcile for each key whose objects changed, asked for it, or failed. */
export class Controller {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #log: Logger;
  readonly #metrics: KubeMetrics | undefined;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #queue: WorkQueue;

  constructor(options: ControllerOptions, tools: ControllerTools) {
    this.name = options.name;
    this.#options = options;
    this.#log = tools.log.child({ controller: options.name });
    this.#metrics = tools.metrics;
    this.#clock = tools.clock ?? systemClock;
    this.#random = tools.random ?? Math.random;
    const labels = { controller: options.name };
    this.#queue = new WorkQueue({
      ...options.queue,
      clock: this.#clock,
      random: this.#random,
      onDepth: (depth) => this.#metrics?.queueDepth.set(labels, depth),
      onTaken: (waitedMs) => this.#metrics?.queueSeconds.observe(labels, waitedMs / 1000),
    });
    // From the beginning, so that the objects of the first list are all in the queue.
    for (const source of options.sources) source.listen((key) => this.#queue.add(key));
  }

  /** Nothing waits and nothing is under way; delayed turns may be pending. */
  get idle(): boolean {
    return this.#queue.depth === 0 && this.#queue.active === 0;
  }

  /** For what happens outside of Kubernetes. */
  enqueue(key: ObjectKey): void {
    this.#queue.add(key);
  }

  enqueueAll(): void {
    for (const source of this.#options.sources) for (const key of source.resync()) this.#queue.add(key);
  }

  /** Once the caches are synced. Resolves when the signal has aborted and no reconcile is under way. */
  async run(signal: AbortSignal): Promise<void> {
    const stopResync = this.#resync();
    await this.#queue.run(this.#options.workers ?? 2, (key) => this.#work(key, signal), signal);
    stopResync();
  }

  #resync(): () => void {
    let cancel: () => void = () => undefined;
    const wait = () => {
      cancel = this.#clock.after((this.#options.resyncMs ?? 600_000) * (1 + this.#random() / 10), () => {
        this.enqueueAll();
        wait();
      });
    };
    wait();
    return () => cancel();
  }

  async #work(key: ObjectKey, stop: AbortSignal): Promise<void> {
    const { reconcile, timeoutMs = 120_000 } = this.#options;
    const log = this.#log.child({ key });
    const limit = new AbortController();
    const onStop = () => limit.abort(stop.reason);
    stop.addEventListener('abort', onStop, { once: true });
    const cancel = this.#clock.after(timeoutMs, () => limit.abort(new Error(`the reconcile took over ${timeoutMs / 1000} s`)));
    const startedAt = this.#clock.monotonic();
    let result: string;
    try {
      const { requeueAfterMs } = await reconcile(key, { key, signal: limit.signal, log });
      this.#queue.forget(key);
      if (requeueAfterMs !== undefined && !stop.aborted) this.#queue.addAfter(key, requeueAfterMs);
      result = 'done';
    } catch (error) {
      result = stop.aborted ? 'stopped' : this.#failed(key, error, log);
    }
    cancel();
    stop.removeEventListener('abort', onStop);
    const labels = { controller: this.name };
    this.#metrics?.reconciles.inc({ ...labels, result });
    this.#metrics?.reconcileSeconds.observe(labels, (this.#clock.monotonic() - startedAt) / 1000);
    this.#metrics?.failingKeys.set(labels, this.#queue.failing);
  }

  #failed(key: ObjectKey, error: unknown, log: Logger): 'conflict' | 'failed' {
    const retryMs = this.#queue.retry(key);
    const passing = isPassing(error);
    log[passing ? 'debug' : 'warn']({ err: error, retryMs, failures: this.#queue.failures(key) }, 'a reconcile is tried again');
    return passing ? 'conflict' : 'failed';
  }
}
