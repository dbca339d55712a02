import { z } from 'zod';
import { preflightReportSchema } from './preflight-report.ts';

/** An instance's source znode: what one of its workers, chosen by them, finds at the source from time to time. */
export const sourceReportSchema = z.object({
  namespace: z.string(),
  instance: z.string(),
  /** When this was written, ISO 8601 by the worker's clock. */
  at: z.string(),
  /** metadata.generation of the CanalInstance that was looked at. */
  generation: z.int(),
  worker: z.string(),
  region: z.string(),
  /** `host:port` that the pipelines read; where none does, the one that answers. Null where none answers. */
  currentSource: z.string().nullable(),
  serverUuid: z.string().nullable(),
  flavor: z.enum(['mysql', 'mariadb']).nullable(),
  version: z.string().nullable(),
  binlogRetention: z
    .object({
      oldestJournal: z.string(),
      /** When that file began, ISO 8601. */
      oldestTimestamp: z.string().nullable(),
      /** Age at which the source deletes a file; null where it does not by itself. */
      expireSeconds: z.number().nullable(),
      /** Least time in which the source deletes what the slowest pipeline still needs; null where that cannot be told. */
      headroomSeconds: z.number().nullable(),
      slowestPipeline: z.string().nullable(),
    })
    .nullable(),
  /** Of master and standby. */
  preflight: preflightReportSchema,
});

export type SourceReport = z.output<typeof sourceReportSchema>;
