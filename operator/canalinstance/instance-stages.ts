import { removePipeline } from '../../common/zookeeper/removal.ts';
import { writeZnode } from '../../common/zookeeper/znode.ts';
import { instanceConfigPath } from '../../common/zookeeper/paths.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { messageOf } from '../../common/errors.ts';
import type { CanalInstanceStatus } from '../../crds/index.ts';
import {
  Postponed,
  resources,
  systemClock,
  type CanalInstanceResource,
  type Clock,
  type EventRecorder,
  type KubeClient,
  type Live,
  type Outcome,
  type ParsedSpec,
  type Plan,
  type Problem,
  type ReconcileContext,
  type Report,
  type Stages,
} from '../kube/index.ts';
import type { InstanceFinalizer } from './finalize.ts';
import { inTime } from '../coordination/in-time.ts';
import type { InstanceMetrics } from './instance-metrics.ts';
import { planInstance, type InstanceStep, type RemoveStray, type WriteConfig } from './instance-plan.ts';
import { reportInstance } from './instance-status.ts';
import type { WorkerImage } from './objects/deployment.ts';
import type { Observed } from './observed.ts';
import { instanceRef, type InstanceObserver } from './observer.ts';
import { parseInstance, type InstanceSpec } from './parse-instance.ts';
import { problemsOf } from './problems.ts';
import { instanceNameOf } from './secret-names.ts';

type Changed = 'changed' | 'unchanged';

export interface InstanceStagesTools {
  readonly client: KubeClient;
  readonly observer: InstanceObserver;
  readonly finalizer: InstanceFinalizer;
  readonly events: EventRecorder;
  readonly image: WorkerImage;
  readonly metrics?: InstanceMetrics | undefined;
  readonly clock?: Clock | undefined;
}

/** Reconciles a CanalInstance: its workers in Kubernetes, and what they are told of the source in ZooKeeper. */
export class InstanceStages implements Stages<CanalInstanceStatus, InstanceSpec, Observed, InstanceStep> {
  readonly finalizer = 'lockkeeper.io/zookeeper';
  readonly #tools: InstanceStagesTools;

  constructor(tools: InstanceStagesTools) {
    this.#tools = tools;
  }

  parse(object: Live<CanalInstanceResource>): ParsedSpec<InstanceSpec> {
    return parseInstance(object);
  }

  async observe(spec: InstanceSpec, object: Live<CanalInstanceResource>, context: ReconcileContext): Promise<Observed> {
    const observed = await this.#tools.observer.observe(object, spec, context);
    this.#tools.metrics?.show(object, observed.workers);
    return observed;
  }

  validate(spec: InstanceSpec, observed: Observed, object: Live<CanalInstanceResource>): readonly Problem[] {
    return problemsOf(spec, observed, object);
  }

  plan(spec: InstanceSpec, observed: Observed, object: Live<CanalInstanceResource>): Plan<InstanceStep> {
    return planInstance(object, spec, observed, this.#tools.image);
  }

  async perform(step: InstanceStep, object: Live<CanalInstanceResource>, context: ReconcileContext): Promise<Changed> {
    const { clock = systemClock } = this.#tools;
    try {
      return await inTime((signal) => this.#perform(step, object, { ...context, signal }), clock, context.signal);
    } catch (error) {
      if (isZkError(error, 'connection-loss', 'session-expired', 'closed')) throw new Postponed(messageOf(error));
      throw error;
    }
  }

  async #perform(step: InstanceStep, object: Live<CanalInstanceResource>, context: ReconcileContext): Promise<Changed> {
    switch (step.kind) {
      case 'writeConfig':
        return this.#writeConfig(step, object, context);
      case 'removeStray':
        return this.#removeStray(step, object, context);
      default:
        return step satisfies never;
    }
  }

  async #writeConfig(
    { session, text, generation }: WriteConfig,
    object: Live<CanalInstanceResource>,
    { signal }: ReconcileContext,
  ): Promise<Changed> {
    if ((await writeZnode(session, instanceConfigPath(instanceRef(object)), text, signal)) === 'unchanged') return 'unchanged';
    const note = `The workers are told of the source as generation ${generation} has it`;
    this.#tools.events.record(object, { type: 'Normal', reason: 'SourceConfigured', note });
    return 'changed';
  }

  /** Asks the API server itself: a cache may not know a new pipeline yet. */
  async #removeStray(
    { session, pipeline }: RemoveStray,
    object: Live<CanalInstanceResource>,
    { signal }: ReconcileContext,
  ): Promise<Changed> {
    const { client, events } = this.#tools;
    const { namespace } = object.metadata;
    const found = await client.find(resources.SyncPipeline, { namespace, name: pipeline }, { signal });
    if (found !== undefined && instanceNameOf(found) === object.metadata.name) return 'unchanged';
    if (!(await removePipeline(session, instanceRef(object), pipeline))) return 'unchanged'; // its candidates are yet to leave
    const note = `Pipeline ${pipeline}, of which there is no SyncPipeline, is removed from ZooKeeper`;
    events.record(object, { type: 'Normal', reason: 'PipelineRemoved', note });
    return 'changed';
  }

  report(
    outcome: Outcome<InstanceSpec, Observed, InstanceStep>,
    object: Live<CanalInstanceResource>,
    now: number,
  ): Report<CanalInstanceStatus> {
    return reportInstance(outcome, object, now);
  }

  finalize(
    object: Live<CanalInstanceResource>,
    context: ReconcileContext,
  ): Promise<'done' | { readonly requeueAfterMs: number }> {
    return this.#tools.finalizer.finalize(object, context);
  }
}
