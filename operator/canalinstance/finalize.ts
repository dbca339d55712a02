import { messageOf } from '../../common/errors.ts';
import { pipelinesPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import { removeInstance, removePipeline } from '../../common/zookeeper/removal.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { childrenOf } from '../../common/zookeeper/znode.ts';
import type { Coordination } from '../coordination/view.ts';
import { ensembleNameOf } from '../ensemble-name.ts';
import {
  isControlledBy,
  isNotFound,
  KubeError,
  resources,
  selectorText,
  systemClock,
  type CanalInstanceResource,
  type Clock,
  type EventRecorder,
  type KubeClient,
  type Live,
  type ReconcileContext,
} from '../kube/index.ts';
import { inTime } from '../coordination/in-time.ts';
import { workerSelector } from './objects/labels.ts';
import { instanceRef } from './observer.ts';

export interface FinalizerTools {
  readonly client: KubeClient;
  readonly coordination: Coordination;
  readonly events: EventRecorder;
  readonly clock?: Clock | undefined;
}

type Result = 'done' | { readonly requeueAfterMs: number };

interface Remains {
  /** `beyond`: waiting would not change it. */
  readonly kind: 'waiting' | 'beyond';
  readonly why: string;
}

const waiting = (why: string): Remains => ({ kind: 'waiting', why });

/** So long an instance waits for workers to go and for ZooKeeper to answer, from when its removal was first tried. */
const PATIENCE_MS = 120_000;
const AGAIN_MS = 1_000;

/**
 * Takes back what an instance that is being deleted has outside of Kubernetes: what stands in ZooKeeper of it and of all its pipelines,
 * since no worker is left for these. What was written to targets stays. Workers go first, so that none puts back what is removed.
 */
export class InstanceFinalizer {
  readonly #tools: FinalizerTools;
  readonly #clock: Clock;
  /** By uid: when it was first tried. Whatever hindered that may have taken long, and must not be the end of it. */
  readonly #begun = new Map<string, number>();

  constructor(tools: FinalizerTools) {
    this.#tools = tools;
    this.#clock = tools.clock ?? systemClock;
  }

  async finalize(object: Live<CanalInstanceResource>, context: ReconcileContext): Promise<Result> {
    const { namespace, name, uid } = object.metadata;
    const now = this.#clock.monotonic();
    const begun = this.#begun.get(uid) ?? now;
    this.#begun.set(uid, begun);
    const isLate = now - begun >= PATIENCE_MS;
    const remains = await this.#remains(object, isLate, context.signal);
    if (remains?.kind === 'waiting' && !isLate) return { requeueAfterMs: AGAIN_MS };
    this.#begun.delete(uid);
    if (remains === null) return 'done';
    const note = `Not everything was removed: ${remains.why}; what may be left in ZooKeeper at /lockkeeper/${namespace}/${name} is taken up by nobody until an instance of this name is made again`;
    this.#tools.events.record(object, { type: 'Warning', reason: 'CleanupGivenUp', note });
    return 'done';
  }

  /** Removes what can be removed; null where nothing is left. */
  async #remains(object: Live<CanalInstanceResource>, isLate: boolean, signal: AbortSignal): Promise<Remains | null> {
    const { client, coordination } = this.#tools;
    const ref = instanceRef(object);
    const { namespace } = ref;
    const query = { namespace, labelSelector: selectorText(workerSelector(ref.instance)) };
    await this.#dismiss(object, query, signal);
    const name = ensembleNameOf(object);
    const ensemble = name === null ? undefined : await client.find(resources.ZkEnsemble, { namespace, name }, { signal });
    if (ensemble === undefined || ensemble.metadata.deletionTimestamp !== undefined) {
      return { kind: 'beyond', why: `ZkEnsemble ${name ?? ''} is gone` };
    }
    const pods = (await client.listAll(resources.Pod, query, { signal })).items;
    if (pods.length > 0 && !isLate) return waiting(`${pods.length} workers have not ended`);
    try {
      const view = await coordination.view(ensemble, ref);
      if (view === null) return waiting('the ensemble has no passwords');
      if (view.trouble !== null) return waiting(`ZooKeeper cannot be reached: ${view.trouble}`);
      const isGone = await inTime(() => removeAll(view.session, ref), this.#clock, signal);
      return isGone ? null : waiting('workers are still registered in ZooKeeper');
    } catch (error) {
      if (error instanceof KubeError || signal.aborted) throw error;
      return waiting(messageOf(error));
    }
  }

  /** Deletes the Deployments, each as it is at this moment. */
  async #dismiss(
    object: Live<CanalInstanceResource>,
    query: { readonly namespace: string; readonly labelSelector: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { client } = this.#tools;
    const { items } = await client.listAll(resources.Deployment, query, { signal });
    for (const deployment of items) {
      const { uid, resourceVersion, name, deletionTimestamp } = deployment.metadata;
      if (!isControlledBy(deployment, object) || deletionTimestamp !== undefined) continue;
      const ref = { name, namespace: query.namespace };
      const preconditions = { uid, resourceVersion };
      await client.delete(resources.Deployment, ref, { preconditions, signal }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error; // else it is gone already
      });
    }
  }
}

/** False while workers, or candidates of a pipeline, are still there. @throws ZkError */
async function removeAll(session: ZkSession, ref: InstanceRef): Promise<boolean> {
  let isEmpty = true;
  // Each is asked to go, also where one before has workers that are yet to leave.
  for (const pipeline of (await childrenOf(session, pipelinesPath(ref))).sort()) {
    isEmpty = (await removePipeline(session, ref, pipeline)) && isEmpty;
  }
  return isEmpty && removeInstance(session, ref);
}
