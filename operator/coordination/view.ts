import type { InstanceRef } from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import type { PipelineReport } from '../../crds/pipeline-report.ts';
import type { SourceReport } from '../../crds/source-report.ts';
import type { WorkerInfo } from '../../crds/worker-info.ts';
import type { Live, ZkEnsembleResource } from '../kube/index.ts';

/** What operator and workers tell each other through ensembles. */
export interface Coordination {
  /**
   * The instance as its ensemble shows it, followed from the first call on; what is read first may take a moment, and each news is
   * told to `onNews`. Null while the ensemble has no passwords yet. Cheap: reconcilers call it each time.
   */
  view(ensemble: Live<ZkEnsembleResource>, ref: InstanceRef): Promise<InstanceView | null>;
  /** No more of this instance is wanted. */
  forget(ref: InstanceRef): void;
  /** `pipeline` undefined: the instance's workers or source. The answer unsubscribes. */
  onNews(listener: (ref: InstanceRef, pipeline: string | undefined) => void): () => void;
}

/** A CanalInstance in ZooKeeper, as last told. */
export interface InstanceView {
  /** Whether workers and reports have been read; until then their absence means nothing. */
  readonly known: boolean;
  /** Why nothing can be read or written at present; null while it can. */
  readonly trouble: string | null;
  /** By id. */
  readonly workers: ReadonlyMap<string, WorkerInfo>;
  readonly source: SourceReport | null;
  /** By pipeline. */
  readonly reports: ReadonlyMap<string, PipelineReport>;
  /** For writing; requests fail with ZkError after some seconds without a connection. */
  readonly session: ZkSession;
}
