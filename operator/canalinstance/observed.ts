import type { ZkSession } from '../../common/zookeeper/session.ts';
import type { SourceReport } from '../../crds/source-report.ts';
import type { Deployment, Live, SyncPipelineResource } from '../kube/index.ts';
import type { Names, ZkSpec } from '../zkensemble/servers.ts';
import type { RegionWorkers } from './region-workers.ts';
import type { Replica } from './server-ids.ts';

/** What ZooKeeper tells of the instance, as of one moment. */
export interface Told {
  /** Whether it has been read; until then absence means nothing. */
  readonly known: boolean;
  /** Why nothing can be read or written at present; null while it can. */
  readonly trouble: string | null;
  /** Ids of the registered workers. */
  readonly workers: ReadonlySet<string>;
  readonly source: SourceReport | null;
  /** For writing. */
  readonly session: ZkSession;
}

/** The ensemble that the instance names. */
export type EnsembleFacts =
  | { readonly kind: 'missing' }
  /** Its spec does not parse, or it has no passwords yet. */
  | { readonly kind: 'unusable'; readonly why: string }
  | {
      readonly kind: 'usable';
      readonly spec: ZkSpec;
      readonly names: Names;
      /** Why its condition Ready is not True; null where it is. */
      readonly notReady: string | null;
      /** Of the credentials that its Secret holds for workers. */
      readonly credentialsHash: string;
      readonly told: Told;
    };

/** A Secret that the instance's spec names. */
export interface NamedSecret {
  readonly field: string;
  readonly name: string;
  /** What it must have. */
  readonly keys: readonly string[];
  /** What it has, with a value; null where there is no such Secret. */
  readonly found: ReadonlySet<string> | null;
}

export interface Observed {
  readonly ensemble: EnsembleFacts;
  /** Those that name the instance. */
  readonly pipelines: readonly Live<SyncPipelineResource>[];
  readonly secrets: readonly NamedSecret[];
  /** Other instances, of which some may read the same source. */
  readonly others: readonly Replica[];
  /** Owned by the instance, by name. */
  readonly deployments: ReadonlyMap<string, Live<Deployment>>;
  readonly workers: readonly RegionWorkers[];
  /** What the instance's config znode holds, null where there is none; undefined while that cannot be read. */
  readonly config: string | null | undefined;
  /** Pipelines that stand in ZooKeeper and of which there is no object. */
  readonly strays: readonly string[];
  /** After how many milliseconds numbers that change all the time may be shown anew; 0: now. */
  readonly numbersIn: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}
