import type { SourcePosition } from '../source/position.ts';
import type { RowTotals } from '../target/checkpoint.ts';

/** What a pipeline is doing; `suspended` waits for a person, everything else goes on by itself. */
export type PipelinePhase = 'starting' | 'following' | 'copying' | 'running' | 'paused' | 'stopped' | 'retrying' | 'suspended';

export interface ReportedError {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly found?: string;
  readonly at: string;
  readonly attempts: number;
}

export interface SnapshotProgress {
  readonly tablesDone: number;
  readonly tablesTotal: number;
  readonly rowsDone: number;
  readonly rowsTotalEstimate: number;
  readonly bytes: number;
  readonly rowsPerSecond: number;
  readonly etaSeconds: number | null;
}

/** How long the source keeps what the pipeline may still need. */
export interface RetentionStatus {
  readonly oldestJournal: string;
  /** When that file was begun; null when it does not say. */
  readonly oldestTimestamp: string | null;
  /** How far the pipeline is ahead of the deletion of what it needs; null where nothing is ever deleted or the position is unknown. */
  readonly headroomSeconds: number | null;
}

export interface DivergenceTotals {
  readonly missingOnUpdate: number;
  readonly missingOnDelete: number;
  readonly existingOnInsert: number;
}

/** Everything a person or the operator may know of a pipeline: the source of /status, the status znode and the metrics. */
export interface PipelineStatus {
  readonly namespace: string;
  readonly name: string;
  readonly phase: PipelinePhase;
  readonly worker: string;
  readonly region: string | null;
  readonly epoch: number | null;
  readonly leaderSince: string | null;
  readonly currentSource: string | null;
  readonly position: SourcePosition | null;
  readonly lag: {
    /** Age of the last applied transaction when it became visible; 0 when everything the source sent is applied. */
    readonly applySeconds: number | null;
    /** Seconds since the source was last heard of. */
    readonly heartbeatSeconds: number | null;
    /** Bytes read from the source and not yet applied. */
    readonly bytes: number;
  };
  /** Null until the leader has looked. */
  readonly retention: RetentionStatus | null;
  readonly rows: RowTotals;
  readonly transactions: number;
  readonly initialLoad: SnapshotProgress | null;
  readonly divergence: DivergenceTotals;
  readonly fenced: number;
  readonly lastError: ReportedError | null;
}
