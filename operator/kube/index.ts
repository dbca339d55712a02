/**
 * What a reconciler builds on.
 *
 * A reconciler is a `Stages`: parse -> observe -> validate -> plan -> perform -> report, where plan is a pure function from spec and observation to a `Plan`, a list of
 * objects to apply and to delete. `reconcileInStages` makes a `Reconcile` function of it, and a `Controller` runs that for each key
 * whose objects changed:
 *
 *     const manager = new Manager({ client, log, metrics });
 *     const ensembles = manager.informer(resources.ZkEnsemble);
 *     const sets = manager.informer(resources.StatefulSet, { labelSelector: 'app.kubernetes.io/managed-by=lockkeeper' });
 *     manager.controller({
 *       name: 'zkensemble',
 *       sources: [primary(ensembles), owned(sets, resources.ZkEnsemble)],
 *       reconcile: reconcileInStages(resources.ZkEnsemble, ensembles, stages, tools),
 *     });
 *     await manager.run(signal);
 */
export * from './objects.ts';
export * from './resources.ts';
export * from './errors.ts';
export * from './clock.ts';
export * from './client.ts';
export * from './requests.ts';
export * from './conditions.ts';
export * from './ownership.ts';
export * from './labels.ts';
export { findAccess, inClusterAccess, type ServerAccess } from './access.ts';
export { HttpTransport } from './http-transport.ts';
export { TokenBucket } from './rate-limit.ts';
export type { CacheReader, Change, IndexFunction } from './cache.ts';
export { Informer, type InformerQuery } from './informer.ts';
export { NameTaken, Postponed, StepRunner } from './carry-out.ts';
export { Stale } from './stale.ts';
export type { ApplyStep, DeleteStep, Plan, Step, StepOutcome } from './plan.ts';
export type { Outcome, Problem, Report, Stages } from './stages.ts';
export { reconcileInStages, type StageTools } from './reconcile-in-stages.ts';
export {
  Controller,
  mapped,
  owned,
  primary,
  type ControllerOptions,
  type Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  type Source,
} from './controller.ts';
export { Manager, type ManagerOptions } from './manager.ts';
export { EventRecorder, type EventNote } from './events.ts';
export { LeaderElection, type ElectionEnd, type ElectionOptions } from './leader-election.ts';
export { KubeMetrics } from './metrics.ts';
export { addFinalizer, hasFinalizer, removeFinalizer } from './finalizers.ts';
export { writeStatus } from './status.ts';
