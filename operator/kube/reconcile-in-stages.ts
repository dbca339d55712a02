import { NameTaken, type StepRunner } from './carry-out.ts';
import type { KubeClient } from './client.ts';
import { systemClock, type Clock } from './clock.ts';
import type { Reconcile, ReconcileContext, ReconcileResult } from './controller.ts';
import { isConflict } from './errors.ts';
import type { EventRecorder } from './events.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from './finalizers.ts';
import type { Informer } from './informer.ts';
import { describe, keyOf, refOf, type CommonStatus, type CustomResource, type Live } from './objects.ts';
import { isPassing } from './passing.ts';
import type { Plan, Step, StepOutcome } from './plan.ts';
import type { Outcome, Stages } from './stages.ts';
import { Stale } from './stale.ts';
import { writeStatus } from './status.ts';

export interface StageTools {
  readonly client: KubeClient;
  readonly steps: StepRunner;
  readonly events: EventRecorder;
  readonly clock?: Clock | undefined;
}

/**
 * Runs the stages for one key: an object that is gone needs nothing, one that is being deleted is only finalized, and status is written
 * last and only where it differs. Before the first write the object is read live; if that is not what the cache said, nothing is
 * written and it begins anew.
 */
export function reconcileInStages<S extends CommonStatus, Spec, Observed, Extra extends { readonly kind: string } = never>(
  informer: Informer<CustomResource<S>>,
  stages: Stages<S, Spec, Observed, Extra>,
  tools: StageTools,
): Reconcile {
  const run = new StageRun(informer, stages, tools);
  return (key, context) => run.reconcile(key, context);
}

class StageRun<S extends CommonStatus, Spec, Observed, Extra extends { readonly kind: string }> {
  readonly #informer: Informer<CustomResource<S>>;
  readonly #stages: Stages<S, Spec, Observed, Extra>;
  readonly #tools: StageTools;
  readonly #clock: Clock;

  constructor(informer: Informer<CustomResource<S>>, stages: Stages<S, Spec, Observed, Extra>, tools: StageTools) {
    this.#informer = informer;
    this.#stages = stages;
    this.#tools = tools;
    this.#clock = tools.clock ?? systemClock;
  }

  async reconcile(key: string, context: ReconcileContext): Promise<ReconcileResult> {
    const object = this.#informer.cache.get(key);
    if (object === undefined) return {};
    if (object.metadata.deletionTimestamp !== undefined) return this.#finalize(object, context);
    const outcome = await this.#carryOut(object, context);
    // The next attempt, in a moment, will know better what to report.
    if (outcome.kind === 'failed' && (isConflict(outcome.error) || outcome.error instanceof Stale || context.signal.aborted)) {
      throw outcome.error;
    }
    const requeueAfterMs = await this.#report(outcome, object, context);
    if (outcome.kind === 'failed') throw outcome.error;
    return { requeueAfterMs };
  }

  async #carryOut(object: Live<CustomResource<S>>, context: ReconcileContext): Promise<Outcome<Spec, Observed, Extra>> {
    const parsed = this.#stages.parse(object);
    if ('problems' in parsed) return { kind: 'invalid', problems: parsed.problems };
    const { spec } = parsed;
    let known: { observed?: Observed; plan?: Plan<Extra> } = {};
    try {
      const observed = await this.#stages.observe(spec, object, context);
      known = { observed };
      const problems = this.#stages.validate(spec, observed, object);
      if (problems.length > 0) return { kind: 'invalid', problems, spec, observed };
      const plan = this.#stages.plan(spec, observed, object);
      known = { observed, plan };
      return { kind: 'done', spec, observed, plan, changed: await this.#steps(plan, object, context) };
    } catch (error) {
      if (error instanceof NameTaken) {
        return { kind: 'invalid', problems: [{ reason: 'NameTaken', message: error.message }], spec, ...known };
      }
      return { kind: 'failed', error: error as Error, spec, ...known };
    }
  }

  /** The number of steps that changed something. */
  async #steps(plan: Plan<Extra>, object: Live<CustomResource<S>>, context: ReconcileContext): Promise<number> {
    const { steps, events } = this.#tools;
    let confirmed: Promise<void> | undefined;
    const confirm = () => (confirmed ??= this.#confirm(object, context.signal));
    let changed = 0;
    for (const step of plan.steps) {
      context.signal.throwIfAborted();
      if (isStep(step)) {
        const outcome = await steps.run(step, { signal: context.signal, confirm });
        if (outcome === 'unchanged') continue;
        events.record(object, { type: 'Normal', ...announcement(step, outcome) });
        changed++;
      } else {
        await confirm();
        if ((await this.#stages.perform!(step, object, context)) === 'changed') changed++;
      }
    }
    return changed;
  }

  /** @throws Stale when the object is not what the plan was made for */
  async #confirm(object: Live<CustomResource<S>>, signal: AbortSignal): Promise<void> {
    const { client } = this.#tools;
    const live = await client.find(this.#informer.resource, refOf(object), { signal });
    const [now, then] = [live?.metadata, object.metadata];
    if (now?.uid !== then.uid || now.generation !== then.generation || now.deletionTimestamp !== then.deletionTimestamp) {
      if (live !== undefined) this.#informer.cache.learn(live);
      throw new Stale(`${describe(object)} has changed since the cache was told`);
    }
    const { finalizer } = this.#stages;
    if (finalizer === undefined || hasFinalizer(live!, finalizer)) return;
    this.#informer.cache.learn(await addFinalizer(client, this.#informer.resource, live!, finalizer, { signal }));
  }

  async #report(
    outcome: Outcome<Spec, Observed, Extra>,
    object: Live<CustomResource<S>>,
    { signal, log }: ReconcileContext,
  ): Promise<number | undefined> {
    const { client, events } = this.#tools;
    // The finalizer may have been added since; conditions are continued from the newest status.
    const newest = this.#informer.cache.get(keyOf(object));
    const current = newest?.metadata.uid === object.metadata.uid ? newest : object;
    // The spec that was carried out is no longer the newest: nothing of it may be told as if it were. The change has its turn next.
    if (current.metadata.generation !== object.metadata.generation) return undefined;
    const report = this.#stages.report(outcome, current, this.#clock.now());
    for (const event of report.events ?? []) events.record(object, event);
    try {
      const written = await writeStatus(client, this.#informer.resource, current, report.status, { signal });
      if (written !== undefined) this.#informer.cache.learn(written);
    } catch (error) {
      if (outcome.kind !== 'failed') throw error;
      log.warn({ err: error }, 'the status could not be written either'); // the first failure says more
    }
    const plan = outcome.kind === 'done' ? outcome.plan : undefined;
    return earliest(plan?.requeueAfterMs, report.requeueAfterMs);
  }

  async #finalize(object: Live<CustomResource<S>>, context: ReconcileContext): Promise<ReconcileResult> {
    const { finalizer } = this.#stages;
    if (finalizer === undefined || !hasFinalizer(object, finalizer)) return {};
    const { client, events } = this.#tools;
    const live = await client.find(this.#informer.resource, refOf(object), { signal: context.signal });
    if (live?.metadata.uid !== object.metadata.uid || live.metadata.deletionTimestamp === undefined) {
      if (live === undefined) return {}; // gone; the cache will hear of it
      throw new Stale(`${describe(object)} has changed since the cache was told`);
    }
    try {
      const result = await this.#stages.finalize!(live, context);
      if (result !== 'done') return result;
    } catch (error) {
      if (!isPassing(error) && !context.signal.aborted) {
        events.record(object, { type: 'Warning', reason: 'FinalizeFailed', note: (error as Error).message });
      }
      throw error;
    }
    await removeFinalizer(client, this.#informer.resource, live, finalizer, { signal: context.signal });
    return {};
  }
}

function isStep(step: Step | { readonly kind: string }): step is Step {
  return step.kind === 'apply' || step.kind === 'delete';
}

function announcement(step: Step, outcome: Exclude<StepOutcome, 'unchanged'>): { reason: string; note: string } {
  const target = step.kind === 'apply' ? step.object : { kind: step.resource.kind, metadata: step.ref };
  const reason = { created: 'Created', changed: 'Updated', deleted: 'Deleted' }[outcome];
  return { reason: step.reason ?? reason, note: step.note ?? `${reason} ${target.kind} ${target.metadata.name}` };
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}
