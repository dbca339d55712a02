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
export * from './conditions.ts';
export * from './ownership.ts';
export * from './labels.ts';
export type { Change, CacheReader, IndexFunction } from './cache.ts';
export type { ApplyStep, DeleteStep, Plan, Step, StepOutcome } from './plan.ts';
export type { Outcome, Problem, Report, Stages } from './stages.ts';
export type { Reconcile, ReconcileContext, ReconcileResult } from './controller.ts';
