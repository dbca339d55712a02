import { configPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { readZnode } from '../../common/zookeeper/znode.ts';
import type { Coordination, InstanceView } from '../coordination/view.ts';
import { ensembleNameOf } from '../ensemble-name.ts';
import {
  keyOf,
  type CanalInstanceResource,
  type Informer,
  type Live,
  type SyncPipelineResource,
  type ZkEnsembleResource,
} from '../kube/index.ts';
import type { Claims } from './claims.ts';
import type { Published } from './observed.ts';
import type { Stranger } from './overlaps.ts';
import { referencesOf, type References } from './references.ts';
import { isOpen, type ReportTracker } from './report-tracker.ts';
import type { ServerIdLedger } from './server-id-ledger.ts';

export interface ClaimKeeperTools {
  readonly claims: Claims;
  readonly coordination: Coordination;
  readonly pipelines: Informer<SyncPipelineResource>;
  readonly instances: Informer<CanalInstanceResource>;
  readonly ensembles: Informer<ZkEnsembleResource>;
  readonly references: References;
  readonly ledger: ServerIdLedger;
  readonly tracker: ReportTracker;
}

/** Learns from ZooKeeper what each pipeline has in force, before anybody is judged by it. */
export class ClaimKeeper {
  readonly #tools: ClaimKeeperTools;
  #isReading = false;

  constructor(tools: ClaimKeeperTools) {
    this.#tools = tools;
  }

  /** What is published is in force, and nothing else once no worker has something older. */
  saw(view: InstanceView, ref: InstanceRef, name: string, published: Published | null): void {
    const { claims } = this.#tools;
    if (published !== null) claims.hold(ref, name, published.text);
    // Before workers and reports are known it cannot be told what they run.
    if (view.known && isTakenUp(view, name, published)) claims.settle(ref, name, published?.text ?? null);
  }

  /** Pipelines whose workers have something in force that was published before this process began to look. */
  strangers(): Stranger[] {
    const { claims, pipelines, tracker } = this.#tools;
    return pipelines.cache.list().flatMap((object): Stranger[] => {
      const { namespace, instance } = referencesOf(object);
      const view = instance === null ? null : tracker.viewOf({ namespace, instance });
      const report = view?.reports.get(object.metadata.name);
      if (report === undefined || report.currentTarget === null || !view!.workers.has(report.worker)) return [];
      const isKnown = claims
        .of(keyOf(object))
        .some((claim) => claim.generation === report.generation && claim.instanceGeneration === report.instanceGeneration);
      return isKnown ? [] : [{ key: keyOf(object), target: report.currentTarget, kind: 'outdated' }];
    });
  }

  /** Whether all is known that can be. */
  get isReady(): boolean {
    return !this.#isReading;
  }

  /** Reads what others have in force, where that is not known. Nobody waits for an ensemble that is away. */
  async lookAround(): Promise<void> {
    const read = await Promise.all(this.#tools.instances.cache.list().map((instance) => this.#read(instance)));
    this.#isReading = read.includes('reading');
    await this.#lookAfterOrphans();
  }

  async #read(instance: Live<CanalInstanceResource>): Promise<'done' | 'reading'> {
    const { coordination, ensembles, ledger, references, tracker } = this.#tools;
    const { namespace = 'default', name } = instance.metadata;
    const ref = { namespace, instance: name };
    if (references.toInstance(namespace, name).length === 0) return 'done';
    if (ledger.knows(ref) && tracker.viewOf(ref)?.known === true) return 'done';
    const ensemble = ensembles.cache.get(keyOf({ namespace, name: ensembleNameOf(instance) ?? '' }));
    const view = ensemble === undefined ? null : await coordination.view(ensemble, ref);
    if (view === null) return 'done';
    tracker.follows(ref, view);
    if (!isOpen(view)) return view.trouble === null ? 'reading' : 'done';
    try {
      await ledger.read(view.session, ref);
    } catch (error) {
      if (!isZkError(error)) throw error;
      // What is refused, and not only delayed, is known no better later, and must not hold up everybody.
      return isZkError(error, 'connection-loss', 'session-expired', 'closed') ? 'reading' : 'done';
    }
    return view.known ? 'done' : 'reading';
  }

  /** Of a pipeline that was given up, or whose finalizer somebody took off, something may be left, which may go in the end. */
  async #lookAfterOrphans(): Promise<void> {
    const { claims, pipelines, tracker } = this.#tools;
    for (const key of claims.keys()) {
      if (pipelines.cache.get(key) !== undefined) continue;
      const [subject] = claims.of(key);
      const { namespace, name } = subject!.pipeline.metadata;
      const ref = { namespace, instance: subject!.instance.metadata.name };
      const view = tracker.viewOf(ref);
      if (view === null || !isOpen(view) || !view.known) continue;
      const report = view.reports.get(name);
      if (report !== undefined && view.workers.has(report.worker)) continue;
      const text = await readZnode(view.session, configPath(ref, name)).catch((error: unknown) => {
        if (isZkError(error)) return undefined;
        throw error;
      });
      if (text === null) claims.settle(ref, name, null);
    }
  }
}

/** Whether no worker runs an older configuration than the published one. */
function isTakenUp({ workers, reports }: InstanceView, name: string, published: Published | null): boolean {
  const report = reports.get(name);
  if (report === undefined) return workers.size === 0;
  if (!workers.has(report.worker)) return true; // whoever leads next begins with what is published
  return report.generation === published?.generation && report.instanceGeneration === published.instanceGeneration;
}
