/**
 * What a reconciler builds on.
 *
 * A reconciler is a `Stages`: parse -> observe -> validate -> plan -> (steps are carried out) -> report. Its `plan` is a pure function
 * from spec and observation to a `Plan`: objects to apply, objects to delete, and steps of its own for what is outside of Kubernetes.
 * `reconcileInStages` makes a `Reconcile` function of it, and a `Controller` runs that for each key whose objects changed:
 *
 *     const manager = new Manager({ client, log, instance: podName, metrics });
 *     const ensembles = manager.informer(resources.ZkEnsemble);
 *     const sets = manager.informer(resources.StatefulSet, { labels: { 'app.kubernetes.io/managed-by': 'lockkeeper' } });
 *     manager.controller({
 *       name: 'zkensemble',
 *       sources: [primary(ensembles), owned(sets, resources.ZkEnsemble)],
 *       reconcile: reconcileInStages(ensembles, stages, manager),
 *     });
 *     void manager.watch(stop); // also while another process leads, so that this one can take over at once
 *     await election.run(stop, (term) => manager.reconcile(term)); // 'lost': end the process
 *
 * What the machinery sees to, so that a reconciler need not:
 * - An object that is as applied costs no request; drift is repaired; other managers' fields stay; fields no longer applied go.
 * - Before its first write a reconcile reads its custom resource live, and nothing is written if the cache was behind. Each object is
 *   read live before it is changed or deleted, and only in that version. What this process wrote is in its caches at once.
 * - An object of somebody else that has the name is not touched: condition NameTaken.
 * - Status is written last, if it differs. Events are counted, not repeated. Failures are tried again with growing delays; an invalid
 *   spec waits for a change; a Conflict, Stale or Postponed is part of the work and not reported as failure.
 * What it cannot see to: every step must be harmless when done twice, and a plan must not suppose that the one before was finished.
 *
 * Tests: test/kube/cluster.ts runs whole operators on an API server in this process, hours in milliseconds, with faults and crashes.
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
export { withoutRetries } from './retry.ts';
export type { CacheReader, Change, IndexFunction } from './cache.ts';
export { Informer, type InformerQuery } from './informer.ts';
export { NameTaken, Postponed, StepRunner } from './carry-out.ts';
export { Stale } from './stale.ts';
export type { ApplyStep, DeleteStep, Plan, Step, StepOutcome } from './plan.ts';
export type { Outcome, ParsedSpec, Problem, Report, Stages } from './stages.ts';
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
