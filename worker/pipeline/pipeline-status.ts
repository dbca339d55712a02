import type { PipelineReport } from '../../crds/pipeline-report.ts';

export type { ReportedError } from '../../crds/pipeline-report.ts';

/** What a pipeline's own stages know of it: its report without what the process around it adds. Source of the metrics too. */
export type PipelineStatus = Readonly<
  Omit<PipelineReport, 'instance' | 'at' | 'generation' | 'instanceGeneration' | 'currentTarget' | 'configError' | 'preflight'>
>;

export type PipelinePhase = PipelineReport['phase'];
export type SnapshotProgress = NonNullable<PipelineReport['initialLoad']>;
export type DivergenceTotals = PipelineReport['divergence'];
export type RetentionStatus = NonNullable<PipelineReport['retention']>;
