import type { LockkeeperError } from '../../common/errors.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import type { CanalInstance } from '../../crds/index.ts';
import type { PipelineReport } from '../../crds/pipeline-report.ts';
import type { Problem } from '../kube/index.ts';
import type { SecretNeed } from './references.ts';

export type InstanceFact =
  | { readonly kind: 'missing' | 'leaving' }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }
  | { readonly kind: 'found'; readonly value: CanalInstance };

/** A way to the workers through the ensemble. */
export type Channel =
  /** There is no ensemble, or none is known since there is no instance. */
  | { readonly kind: 'none' }
  /** The ensemble has no passwords yet. */
  | { readonly kind: 'unformed' }
  /** It cannot be reached; `why` is null while that may pass in a moment. */
  | { readonly kind: 'away'; readonly why: string | null }
  | {
      readonly kind: 'open';
      readonly session: ZkSession;
      /** Whether workers and reports have been read. */
      readonly known: boolean;
      readonly workers: number;
    };

/** What stands in the pipeline's config znode. */
export interface Published {
  readonly text: string;
  /** Of the SyncPipeline; null where the text cannot be read. */
  readonly generation: number | null;
  /** Of its CanalInstance; null as before. */
  readonly instanceGeneration: number | null;
}

export interface MissingSecret extends SecretNeed {
  readonly namespace: string;
  /** Keys that it does not have; null: there is no such Secret. */
  readonly missing: readonly string[] | null;
}

/** Another instance that reads the same server. */
export interface Neighbour {
  readonly instance: string;
  readonly source: string;
  readonly first: number;
  readonly last: number;
}

/** The configuration that should be published. */
export type Wanted =
  | { readonly kind: 'text'; readonly text: string; readonly serverId: number }
  | { readonly kind: 'refused'; readonly error: LockkeeperError }
  /** The instance has no server id left. */
  | { readonly kind: 'noServerId' }
  /** It cannot be told at present. */
  | { readonly kind: 'unknown' };

export interface Observed {
  readonly instance: InstanceFact;
  readonly ensemble: { readonly name: string | null; readonly kind: 'missing' | 'leaving' | 'found' };
  readonly unavailable: readonly LockkeeperError[];
  readonly secrets: readonly MissingSecret[];
  readonly overlaps: readonly LockkeeperError[];
  readonly neighbours: readonly Neighbour[];
  readonly channel: Channel;
  /** Null where there is none, or none could be read. */
  readonly published: Published | null;
  readonly wanted: Wanted;
  /** The leader's, as last told; null where there is none. */
  readonly report: PipelineReport | null;
  /** Whether the worker that wrote it is there and goes on reporting. */
  readonly leads: boolean;
  /** Whether it is there and does not report. */
  readonly isSilent: boolean;
  /** Whether numbers are worth a write now. */
  readonly showsNumbers: boolean;
}
