import type { ReconcileContext } from './controller.ts';
import type { EventNote } from './events.ts';
import type { CommonStatus, CustomResource, Live } from './objects.ts';
import type { Plan } from './plan.ts';

/** Why a spec cannot be carried out, for people; becomes a condition. */
export interface Problem {
  /** CamelCase, such as SecretMissing. */
  readonly reason: string;
  /** Names the field, what was found and the remedy. */
  readonly message: string;
}

/** A spec with defaults, or all that is wrong with it. */
export type ParsedSpec<Spec> = { readonly spec: Spec } | { readonly problems: readonly Problem[] };

export type Outcome<Spec, Observed, Extra extends { readonly kind: string } = never> =
  /** The spec does not parse, or cannot be carried out as things are. It is not tried again before something changes. */
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[]; readonly spec?: Spec; readonly observed?: Observed }
  /** Reading or writing failed, or a write was put off (Postponed); it is tried again with growing delays. */
  | {
      readonly kind: 'failed';
      readonly error: Error;
      readonly spec: Spec;
      readonly observed?: Observed;
      readonly plan?: Plan<Extra>;
    }
  /** All steps are done; `changed` counts those that changed something. */
  | {
      readonly kind: 'done';
      readonly spec: Spec;
      readonly observed: Observed;
      readonly plan: Plan<Extra>;
      readonly changed: number;
    };

export interface Report<Status extends CommonStatus> {
  /** The whole new status; written only if it differs. */
  readonly status: Status;
  /** Events besides those of the steps; the same one again is only counted. */
  readonly events?: readonly EventNote[];
  readonly requeueAfterMs?: number | undefined;
}

/**
 * A reconciler in stages. Only `observe`, `perform` and `finalize` do I/O; `parse`, `validate`, `plan` and `report` are pure functions
 * of their arguments, so most of a reconciler is tested without a server.
 */
export interface Stages<Status extends CommonStatus, Spec, Observed, Extra extends { readonly kind: string } = never> {
  parse(object: Live<CustomResource<Status>>): ParsedSpec<Spec>;
  /** Reads everything that the plan needs, from caches and elsewhere. */
  observe(spec: Spec, object: Live<CustomResource<Status>>, context: ReconcileContext): Promise<Observed>;
  /** What stands in the way; empty: go on. */
  validate(spec: Spec, observed: Observed, object: Live<CustomResource<Status>>): readonly Problem[];
  /** Has an extra step only where it has something to do: before the first one that may write, the object is read live. */
  plan(spec: Spec, observed: Observed, object: Live<CustomResource<Status>>): Plan<Extra>;
  /** Does a step of the reconciler's own; the answer tells whether it changed anything. */
  perform?(step: Extra, object: Live<CustomResource<Status>>, context: ReconcileContext): Promise<'changed' | 'unchanged'>;
  /** `now` in milliseconds since 1970, for conditions. */
  report(outcome: Outcome<Spec, Observed, Extra>, object: Live<CustomResource<Status>>, now: number): Report<Status>;
  /**
   * For kinds with outside state: the finalizer is put on before the first step, and `finalize` runs when the object is being
   * deleted, as often as it takes. It must do well when what it cleans is gone, and give up in the end ('done') rather than keep
   * the object for ever.
   */
  readonly finalizer?: string;
  finalize?(
    object: Live<CustomResource<Status>>,
    context: ReconcileContext,
  ): Promise<'done' | { readonly requeueAfterMs: number }>;
}
