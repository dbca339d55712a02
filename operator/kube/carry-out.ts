import { AppliedObjects, stamp } from './applied.ts';
import type { CacheReader } from './cache.ts';
import type { KubeClient } from './client.ts';
import type { KubeMetrics } from './metrics.ts';
import { describe, keyOf, refOf, type KubeObject, type Live, type ObjectMeta } from './objects.ts';
import { controllerOf } from './ownership.ts';
import type { ApplyStep, DeleteStep, Step, StepOutcome } from './plan.ts';
import { resourceOf, type Resource } from './resources.ts';

/** A write was put off, since the world is not as the plan supposed; looking again later is all that is needed. */
export class Postponed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Postponed';
  }
}

/** An object of this name exists and is not ours: a person has to decide. */
export class NameTaken extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NameTaken';
  }
}

export interface CarryOutOptions {
  readonly signal: AbortSignal;
  /** Called before the first write: throws when the plan's ground is no longer what it was. */
  readonly confirm: () => Promise<void>;
}

/** Finds a cache in which an object of this kind with this metadata is, if it exists; undefined where there is none. */
export type FindCache = <T extends KubeObject>(resource: Resource<T>, metadata: ObjectMeta) => CacheReader<T> | undefined;

/** Carries out steps: compares with the cache first, and with the live object before anything is written. */
export class StepRunner {
  readonly #client: KubeClient;
  readonly #findCache: FindCache;
  readonly #metrics: KubeMetrics | undefined;
  readonly #applied = new AppliedObjects();

  constructor(client: KubeClient, findCache: FindCache, metrics?: KubeMetrics) {
    this.#client = client;
    this.#findCache = findCache;
    this.#metrics = metrics;
  }

  /** @throws KubeError, Postponed, NameTaken */
  async run(step: Step, options: CarryOutOptions): Promise<StepOutcome> {
    const outcome = step.kind === 'apply' ? await this.#apply(step, options) : await this.#delete(step, options);
    const kind = step.kind === 'apply' ? step.object.kind : step.resource.kind;
    if (outcome !== 'unchanged') this.#metrics?.writes.inc({ kind, outcome });
    return outcome;
  }

  async #apply(step: ApplyStep, { signal, confirm }: CarryOutOptions): Promise<StepOutcome> {
    const { object } = step;
    const resource = resourceOf(object);
    const ref = refOf(object);
    const cache = this.#findCache(resource, object.metadata);
    const wanted = stamp(object);
    const cached = cache?.get(keyOf(object));
    if (cached !== undefined && isOurs(cached, object) && this.#applied.isAsApplied(cached, wanted)) return 'unchanged';

    await confirm();
    const live = await this.#client.find(resource, ref, { signal });
    if (live !== undefined) {
      refuseStrangers(live, object);
      if (this.#applied.isAsApplied(live, wanted)) {
        cache?.learn(live);
        return 'unchanged';
      }
    }
    const objection = step.unless?.(live);
    if (objection !== undefined) throw new Postponed(`${describe(object)} is left as it is: ${objection}`);
    // In the version just read: whoever has changed it since is looked at first. The uid keeps it from being made anew.
    const seen = live === undefined ? {} : { uid: live.metadata.uid, resourceVersion: live.metadata.resourceVersion };
    const answer = await this.#client.apply(resource, { ...wanted, metadata: { ...wanted.metadata, ...seen } }, { signal });
    this.#applied.remember(answer, wanted);
    cache?.learn(answer);
    if (live === undefined) return 'created';
    return answer.metadata.resourceVersion === live.metadata.resourceVersion ? 'unchanged' : 'changed';
  }

  async #delete(step: DeleteStep, { signal, confirm }: CarryOutOptions): Promise<StepOutcome> {
    const live = await this.#client.find(step.resource, step.ref, { signal });
    if (live === undefined || live.metadata.uid !== step.uid || live.metadata.deletionTimestamp !== undefined) return 'unchanged';
    await confirm();
    const objection = step.unless?.(live);
    if (objection !== undefined) throw new Postponed(`${describe(live)} is not deleted: ${objection}`);
    const { uid, resourceVersion } = live.metadata;
    await this.#client.delete(step.resource, step.ref, { preconditions: { uid, resourceVersion }, signal });
    this.#applied.forget(uid);
    return 'deleted';
  }
}

const MANAGED_BY = 'app.kubernetes.io/managed-by';

/** Whether an object has the controller that it should have, so that it may be changed. */
function isOurs(live: Live, wanted: KubeObject): boolean {
  return controllerOf(live)?.uid === controllerOf(wanted)?.uid && live.metadata.deletionTimestamp === undefined;
}

function refuseStrangers(live: Live, wanted: KubeObject): void {
  if (isOurs(live, wanted)) return;
  if (live.metadata.deletionTimestamp !== undefined) throw new Postponed(`${describe(live)} is being deleted`);
  const [has, wants] = [controllerOf(live), controllerOf(wanted)];
  if (has === undefined && live.metadata.labels?.[MANAGED_BY] === wanted.metadata.labels?.[MANAGED_BY]) return; // an orphan of ours
  if (has !== undefined && has.kind === wants?.kind && has.name === wants.name) {
    throw new Postponed(`${describe(live)} belongs to an earlier ${has.kind} ${has.name} and is yet to be collected`);
  }
  const owner = has === undefined ? 'nobody' : `${has.kind} ${has.name}`;
  throw new NameTaken(
    `${describe(live)} exists and belongs to ${owner}; delete or rename it, or give ${wants?.kind ?? 'the resource'} ${wants?.name ?? ''} another name`,
  );
}
