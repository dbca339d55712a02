import type { ZkEnsembleStatus } from '../../crds/index.ts';
import type {
  Live,
  Outcome,
  ParsedSpec,
  Plan,
  Problem,
  ReconcileContext,
  Report,
  Stages,
  ZkEnsembleResource,
} from '../kube/index.ts';
import type { EnsembleMetrics } from './ensemble-metrics.ts';
import { planEnsemble, type ExtraStep } from './ensemble-plan.ts';
import { reportEnsemble } from './ensemble-status.ts';
import type { Observed } from './observed.ts';
import type { EnsembleObserver } from './observer.ts';
import type { Performer } from './perform.ts';
import type { ZkSpec } from './servers.ts';
import { parseEnsemble } from './parse-ensemble.ts';

/**
 * Reconciles a ZkEnsemble. There is no finalizer: all that is made belongs to the ensemble and goes with it, and so do the volumes if
 * storage.reclaimPolicy is Delete, as they are then owned too. So deleting it needs no operator and cannot hang.
 */
export class EnsembleStages implements Stages<ZkEnsembleStatus, ZkSpec, Observed, ExtraStep> {
  readonly #observer: EnsembleObserver;
  readonly #performer: Performer;

  readonly #metrics: EnsembleMetrics | undefined;

  constructor(observer: EnsembleObserver, performer: Performer, metrics?: EnsembleMetrics) {
    this.#observer = observer;
    this.#performer = performer;
    this.#metrics = metrics;
  }

  parse(object: Live<ZkEnsembleResource>): ParsedSpec<ZkSpec> {
    return parseEnsemble(object);
  }

  async observe(spec: ZkSpec, object: Live<ZkEnsembleResource>, context: ReconcileContext): Promise<Observed> {
    const observed = await this.#observer.observe(object, spec, context);
    this.#metrics?.show(observed);
    return observed;
  }

  validate(_spec: ZkSpec, observed: Observed): readonly Problem[] {
    return observed.idProblems;
  }

  plan(spec: ZkSpec, observed: Observed, object: Live<ZkEnsembleResource>): Plan<ExtraStep> {
    return planEnsemble(object, spec, observed);
  }

  perform(step: ExtraStep, object: Live<ZkEnsembleResource>, context: ReconcileContext): Promise<'changed' | 'unchanged'> {
    return this.#performer.perform(step, object, context);
  }

  report(outcome: Outcome<ZkSpec, Observed, ExtraStep>, object: Live<ZkEnsembleResource>, now: number): Report<ZkEnsembleStatus> {
    return reportEnsemble(outcome, object, now);
  }
}
