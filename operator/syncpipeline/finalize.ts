import { messageOf } from '../../common/errors.ts';
import type { InstanceRef } from '../../common/zookeeper/paths.ts';
import { removePipeline } from '../../common/zookeeper/removal.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { inTime } from '../coordination/in-time.ts';
import type { Coordination } from '../coordination/view.ts';
import { ensembleNameOf } from '../ensemble-name.ts';
import {
  keyOf,
  Postponed,
  type CanalInstanceResource,
  type Clock,
  type EventRecorder,
  type Informer,
  type Live,
  type ReconcileContext,
  type SyncPipelineResource,
  type ZkEnsembleResource,
} from '../kube/index.ts';
import { referencesOf } from './references.ts';
import { isOpen } from './report-tracker.ts';

export interface FinalizerTools {
  readonly coordination: Coordination;
  readonly instances: Informer<CanalInstanceResource>;
  readonly ensembles: Informer<ZkEnsembleResource>;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** Nothing of the pipeline is left in ZooKeeper. */
  readonly removed: (ref: InstanceRef, pipeline: string) => Promise<void>;
}

/** On the object from before its configuration is published for the first time. */
export const pipelineFinalizer = 'lockkeeper.io/znodes';

/** Workers drain a pipeline within seconds. After this time of trying the object goes, whatever is left in ZooKeeper. */
const GIVE_UP_MS = 120_000;
const AGAIN_MS = 1_000;

/** Removes what a pipeline has in ZooKeeper, upon which workers let go of it. The target keeps what it has. */
export class PipelineFinalizer {
  readonly #tools: FinalizerTools;
  /** By uid: when it was first tried. Whatever hindered that may have taken long, and must not be the end of it. */
  readonly #begun = new Map<string, number>();

  constructor(tools: FinalizerTools) {
    this.#tools = tools;
  }

  async finalize(
    object: Live<SyncPipelineResource>,
    { signal }: Pick<ReconcileContext, 'signal'>,
  ): Promise<'done' | { readonly requeueAfterMs: number }> {
    const { namespace, instance } = referencesOf(object);
    const { name, uid } = object.metadata;
    if (instance === null) return 'done'; // nothing can have been published
    const ref = { namespace, instance };
    const now = this.#tools.clock.now();
    const begun = this.#begun.get(uid) ?? now;
    this.#begun.set(uid, begun);
    let left: string | null = null;
    for (const ensemble of this.#ensembles(ref)) left = (await this.#remove(ensemble, ref, name, signal)) ?? left;
    if (left === null) {
      await this.#tools.removed(ref, name);
      this.#begun.delete(uid);
      return 'done';
    }
    if (now - begun < GIVE_UP_MS) return { requeueAfterMs: AGAIN_MS };
    this.#begun.delete(uid);
    this.#tools.events.record(object, {
      type: 'Warning',
      reason: 'CleanupGivenUp',
      note: `Something of the pipeline may be left under /lockkeeper/${namespace}/${instance}/pipelines/${name} of its ensemble: ${left}`,
    });
    return 'done';
  }

  /** The instance's ensemble; where the instance is gone, it was one of those in the namespace. */
  #ensembles(ref: InstanceRef): readonly Live<ZkEnsembleResource>[] {
    const name = this.#ensembleOf(ref);
    return this.#tools.ensembles.cache.list(ref.namespace).filter(({ metadata }) => name === null || metadata.name === name);
  }

  /** Null where the instance is gone. */
  #ensembleOf({ namespace, instance }: InstanceRef): string | null {
    return ensembleNameOf(this.#tools.instances.cache.get(keyOf({ namespace, name: instance })));
  }

  /** Null when nothing is left in this ensemble, else why something may be. */
  async #remove(
    ensemble: Live<ZkEnsembleResource>,
    ref: InstanceRef,
    pipeline: string,
    signal: AbortSignal,
  ): Promise<string | null> {
    const view = await this.#tools.coordination.view(ensemble, ref);
    // Of ensembles that are only guessed at, one that nobody can reach never was the instance's.
    if (view === null) return this.#ensembleOf(ref) === null ? null : 'the ensemble has no passwords at present';
    if (!isOpen(view)) return view.trouble ?? 'there is no connection at present';
    try {
      const isGone = await inTime(() => removePipeline(view.session, ref, pipeline), this.#tools.clock, signal);
      return isGone ? null : 'workers are still there';
    } catch (error) {
      if (isZkError(error) || error instanceof Postponed) return messageOf(error);
      throw error;
    }
  }
}
