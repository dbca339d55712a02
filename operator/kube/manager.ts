import type { Logger } from '../../common/log.ts';
import type { CacheReader } from './cache.ts';
import { StepRunner } from './carry-out.ts';
import type { KubeClient } from './client.ts';
import type { Clock } from './clock.ts';
import { Controller, type ControllerOptions } from './controller.ts';
import { EventRecorder } from './events.ts';
import { Informer, type InformerQuery } from './informer.ts';
import { matchesLabels } from './labels.ts';
import type { KubeMetrics } from './metrics.ts';
import type { KubeObject, ObjectMeta } from './objects.ts';
import type { Resource } from './resources.ts';

export interface ManagerOptions {
  readonly client: KubeClient;
  readonly log: Logger;
  /** Name of this process, for Events: the pod's. */
  readonly instance: string;
  /** The only namespaces that are looked at; absent: all. */
  readonly namespaces?: readonly string[] | undefined;
  readonly metrics?: KubeMetrics | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

/** Everything that one operator process runs: caches shared by its controllers, and what reconcilers write with. */
export class Manager {
  readonly client: KubeClient;
  readonly steps: StepRunner;
  readonly events: EventRecorder;
  readonly clock: Clock | undefined;
  readonly #options: ManagerOptions;
  readonly #informers = new Map<string, Informer<KubeObject>>();
  readonly #queries = new Map<Informer<KubeObject>, InformerQuery<KubeObject>>();
  readonly #controllers: Controller[] = [];
  #reconciling = false;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.client = options.client;
    this.clock = options.clock;
    this.steps = new StepRunner(options.client, (resource, metadata) => this.cacheOf(resource, metadata), options.metrics);
    this.events = new EventRecorder(options);
    options.metrics?.onCollect(() => this.#measureCaches());
  }

  /**
   * The informer of these objects; the same one for the same query, so one watch. Two queries of one kind are two watches.
   * Only before `watch`. Indexes are those of the first call.
   */
  informer<T extends KubeObject>(resource: Resource<T>, query: InformerQuery<T> = {}): Informer<T> {
    const namespaces = query.namespaces ?? (resource.namespaced ? this.#options.namespaces : undefined);
    const name = JSON.stringify([resource.apiVersion, resource.kind, namespaces, query.labels, query.metadataOnly]);
    const known = this.#informers.get(name);
    if (known !== undefined) return known as unknown as Informer<T>;
    const informer = new Informer(resource, { ...query, namespaces }, this.#options);
    const untyped = informer as unknown as Informer<KubeObject>;
    this.#informers.set(name, untyped);
    this.#queries.set(untyped, { ...query, namespaces } as InformerQuery<KubeObject>);
    return informer;
  }

  controller(options: ControllerOptions): Controller {
    const controller = new Controller(options, this.#options);
    this.#controllers.push(controller);
    return controller;
  }

  /** A cache in which an object of this kind with this metadata is, if it exists. */
  cacheOf<T extends KubeObject>(resource: Resource<T>, metadata: ObjectMeta): CacheReader<T> | undefined {
    for (const [informer, { namespaces, labels = {}, metadataOnly = false }] of this.#queries) {
      if (metadataOnly) continue;
      const { kind, apiVersion } = informer.resource;
      if (kind !== resource.kind || apiVersion !== resource.apiVersion) continue;
      const holds = namespaces?.includes(metadata.namespace ?? '') !== false && matchesLabels(metadata.labels, labels);
      if (holds) return informer.cache as unknown as CacheReader<T>;
    }
    return undefined;
  }

  /** Whether all caches are synced. */
  get synced(): boolean {
    return this.unsynced.length === 0;
  }

  /** Kinds that have not been listed yet. */
  get unsynced(): readonly string[] {
    const missing = [...this.#informers.values()].filter(({ cache }) => !cache.synced);
    return [...new Set(missing.map(({ resource }) => resource.kind))];
  }

  /** Milliseconds since the quietest watch last heard anything; an operator beyond some minutes is blind and should be restarted. */
  get silentMs(): number {
    return Math.max(0, ...[...this.#informers.values()].map((informer) => informer.silentMs));
  }

  /** Whether the controllers run: in the process that leads. */
  get reconciling(): boolean {
    return this.#reconciling;
  }

  get idle(): boolean {
    return this.#controllers.every((controller) => controller.idle);
  }

  /** Looks at every object again. */
  enqueueAll(): void {
    for (const controller of this.#controllers) controller.enqueueAll();
  }

  /** Keeps the caches until the signal aborts; also in a process that does not lead, so that it can take over at once. */
  async watch(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.run(signal)));
  }

  /** Runs the controllers, once all caches are synced, until the signal aborts and what was under way has ended. */
  async reconcile(signal: AbortSignal): Promise<void> {
    await Promise.race([Promise.all([...this.#informers.values()].map((informer) => informer.whenSynced)), aborted(signal)]);
    this.#reconciling = !signal.aborted;
    await Promise.all(this.#controllers.map((controller) => controller.run(signal)));
    this.#reconciling = false;
    await this.events.flush();
  }

  /** `watch` and `reconcile`, for where there is no election. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.watch(signal), this.reconcile(signal)]);
  }

  /** A kind may have several caches, of other labels. */
  #measureCaches(): void {
    const { metrics } = this.#options;
    const kinds = Map.groupBy(this.#informers.values(), ({ resource }) => resource.kind);
    for (const [kind, informers] of kinds) {
      metrics?.cacheSilence.set({ kind }, Math.max(...informers.map(({ silentMs }) => silentMs)) / 1000);
      metrics?.cacheObjects.set(
        { kind },
        informers.reduce((sum, { cache }) => sum + cache.size, 0),
      );
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
