import type { PipelineReport } from '../../crds/pipeline-report.ts';
import type { SourceReport } from '../../crds/source-report.ts';
import type { BinlogRetention } from '../source/binlog-retention.ts';

/** The server that most of the pipelines read, of several the first; null where none reads any. */
export function currentSourceOf(reports: readonly Pick<PipelineReport, 'currentSource'>[]): string | null {
  const counts = new Map<string, number>();
  for (const { currentSource } of reports) {
    if (currentSource !== null) counts.set(currentSource, (counts.get(currentSource) ?? 0) + 1);
  }
  let best: string | null = null;
  for (const [server, count] of counts) if (best === null || count > counts.get(best)!) best = server;
  return best;
}

/** What the source keeps, and which pipeline is nearest to losing what it needs of it. */
export function retentionOf(
  { oldestJournal, oldestBegunAt, expireSeconds }: BinlogRetention,
  reports: readonly Pick<PipelineReport, 'name' | 'retention'>[],
): NonNullable<SourceReport['binlogRetention']> {
  const known = reports.flatMap(({ name, retention }) =>
    retention?.headroomSeconds == null ? [] : [{ name, seconds: retention.headroomSeconds }],
  );
  const slowest = known.reduce<(typeof known)[number] | null>((a, b) => (a === null || b.seconds < a.seconds ? b : a), null);
  return {
    oldestJournal,
    oldestTimestamp: oldestBegunAt === null ? null : new Date(oldestBegunAt).toISOString(),
    expireSeconds,
    headroomSeconds: slowest?.seconds ?? null,
    slowestPipeline: slowest?.name ?? null,
  };
}
