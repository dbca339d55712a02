import { messageOf } from '../../common/errors.ts';
import { configPath } from '../../common/zookeeper/paths.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { writeZnode } from '../../common/zookeeper/znode.ts';
import type { SyncPipeline, SyncPipelineStatus } from '../../crds/index.ts';
import { inTime } from '../coordination/in-time.ts';
import {
  Postponed,
  type Clock,
  type EventRecorder,
  type Live,
  type Outcome,
  type ParsedSpec,
  type Plan,
  type Problem,
  type ReconcileContext,
  type Report,
  type Stages,
  type SyncPipelineResource,
} from '../kube/index.ts';
import { pipelineFinalizer, type PipelineFinalizer } from './finalize.ts';
import type { Observed } from './observed.ts';
import type { PipelineObserver } from './observer.ts';
import type { Parsed } from './parse.ts';
import { planPipeline, type Publish } from './pipeline-plan.ts';
import { reportPipeline } from './pipeline-status.ts';
import { problemsOf } from './problems.ts';

export interface PipelineTools {
  readonly parsed: (object: Live<SyncPipelineResource>) => Parsed<SyncPipeline>;
  readonly observer: PipelineObserver;
  /** Takes for a pipeline what a configuration writes, before that is published; @throws Stale where another one has it by now. */
  readonly claim: (step: Publish) => void;
  readonly finalizer: PipelineFinalizer;
  readonly events: EventRecorder;
  readonly clock: Clock;
}

/** Reconciles a SyncPipeline: publishes its configuration to the workers of its instance, and shows what its leader reports. */
export class PipelineStages implements Stages<SyncPipelineStatus, SyncPipeline, Observed, Publish> {
  readonly finalizer = pipelineFinalizer;
  readonly #tools: PipelineTools;

  constructor(tools: PipelineTools) {
    this.#tools = tools;
  }

  parse(object: Live<SyncPipelineResource>): ParsedSpec<SyncPipeline> {
    const parsed = this.#tools.parsed(object);
    return 'value' in parsed ? { spec: parsed.value } : parsed;
  }

  observe(spec: SyncPipeline, object: Live<SyncPipelineResource>, { signal }: ReconcileContext): Promise<Observed> {
    return this.#tools.observer.observe(spec, object, signal);
  }

  validate(spec: SyncPipeline, observed: Observed): readonly Problem[] {
    return problemsOf(spec, observed);
  }

  plan(spec: SyncPipeline, observed: Observed): Plan<Publish> {
    return planPipeline(spec, observed);
  }

  async perform(
    step: Publish,
    object: Live<SyncPipelineResource>,
    { signal }: ReconcileContext,
  ): Promise<'changed' | 'unchanged'> {
    signal.throwIfAborted();
    this.#tools.claim(step);
    try {
      const { session, ref, name, text } = step;
      const write = (whileAsked: AbortSignal) => writeZnode(session, configPath(ref, name), text, whileAsked);
      if ((await inTime(write, this.#tools.clock, signal)) === 'unchanged') return 'unchanged';
    } catch (error) {
      // What the operator had under way when the connection broke is seen next time.
      if (isZkError(error, 'connection-loss', 'session-expired', 'closed')) throw new Postponed(messageOf(error));
      throw error;
    }
    const note = `Generation ${object.metadata.generation ?? 0} is published to the workers`;
    this.#tools.events.record(object, { type: 'Normal', reason: 'Published', note });
    return 'changed';
  }

  report(
    outcome: Outcome<SyncPipeline, Observed, Publish>,
    object: Live<SyncPipelineResource>,
    now: number,
  ): Report<SyncPipelineStatus> {
    return reportPipeline(outcome, object, now);
  }

  finalize(object: Live<SyncPipelineResource>, context: ReconcileContext): Promise<'done' | { readonly requeueAfterMs: number }> {
    return this.#tools.finalizer.finalize(object, context);
  }
}
