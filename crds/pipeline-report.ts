import { z } from 'zod';
import { preflightReportSchema } from './preflight-report.ts';

/** What a pipeline is doing; `suspended` waits for a person, everything else goes on by itself. */
export const pipelinePhases = [
  'starting',
  'following',
  'copying',
  'running',
  'paused',
  'stopped',
  'retrying',
  'suspended',
] as const;

export const reportedErrorSchema = z.object({
  /** Stable, explained in docs/errors.md. */
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
  found: z.string().optional(),
  /** ISO 8601. */
  at: z.string(),
  /** How often in a row. */
  attempts: z.int(),
});

export type ReportedError = z.output<typeof reportedErrorSchema>;

/**
 * A pipeline's status znode: written by its leader at most once a second, read by people and by the operator. The truth about the
 * position is in the target. Keys that a reader does not know are passed over, so that operator and workers need not be of
 * one release.
 */
export const pipelineReportSchema = z.object({
  namespace: z.string(),
  instance: z.string(),
  name: z.string(),
  /** When this was written, ISO 8601 by the worker's clock. */
  at: z.string(),
  /** metadata.generation of the configuration that is in force. */
  generation: z.int(),
  /** The same of its CanalInstance. */
  instanceGeneration: z.int(),
  /** Why the configuration that stands in ZooKeeper is not in force (LK1703); null where it is. */
  configError: reportedErrorSchema.nullable(),
  phase: z.enum(pipelinePhases),
  worker: z.string(),
  /** Null for a process that was given none. */
  region: z.string().nullable(),
  /** Number of the leadership; null while the worker has not taken the target over. */
  epoch: z.int().nullable(),
  /** ISO 8601. */
  leaderSince: z.string().nullable(),
  /** `host:port` that is read. */
  currentSource: z.string().nullable(),
  /** The server that the configuration in force writes to, `host:port`; null where none is. */
  currentTarget: z.string().nullable(),
  position: z
    .object({
      flavor: z.enum(['mysql', 'mariadb']),
      /** The server whose binlog `journal` and `offset` are of. */
      serverUuid: z.string(),
      gtid: z.string().nullable(),
      journal: z.string(),
      offset: z.int(),
      /** Commit time at the source of the last transaction done, microseconds since 1970; 0 when unknown. */
      timestampMicros: z.number(),
    })
    .nullable(),
  lag: z.object({
    /** Age of the last applied transaction when it became visible; 0 when everything the source sent is applied. */
    applySeconds: z.number().nullable(),
    /** Seconds since the source was last heard of. */
    heartbeatSeconds: z.number().nullable(),
    /** Bytes read from the source and not yet applied. */
    bytes: z.number(),
  }),
  /** How long the source keeps what the pipeline may still need; null until the leader has looked. */
  retention: z
    .object({
      oldestJournal: z.string(),
      /** When that file was begun, ISO 8601; null when it does not say. */
      oldestTimestamp: z.string().nullable(),
      /** How far the pipeline is ahead of the deletion of what it needs; null where nothing is ever deleted or it is not known. */
      headroomSeconds: z.number().nullable(),
    })
    .nullable(),
  /** Written since the pipeline began, as the target has counted them. */
  rows: z.object({ inserted: z.number(), updated: z.number(), deleted: z.number() }),
  transactions: z.number(),
  /** Of the copy that runs, or has run in this process; null where there was none. */
  initialLoad: z
    .object({
      tablesDone: z.int(),
      tablesTotal: z.int(),
      rowsDone: z.number(),
      rowsTotalEstimate: z.number(),
      bytes: z.number(),
      rowsPerSecond: z.number(),
      etaSeconds: z.number().nullable(),
    })
    .nullable(),
  /** Rows that did not fit what the target held, since this worker leads. */
  divergence: z.object({
    missingOnUpdate: z.number(),
    missingOnDelete: z.number(),
    existingOnInsert: z.number(),
    /** Of all these, rows that were written from the source. */
    repaired: z.number(),
  }),
  /** Refusals of this worker's writes since another one leads. */
  fenced: z.number(),
  lastError: reportedErrorSchema.nullable(),
  /** Of target and tables; null before the first look, and while the pipeline is stopped. The source's are the instance's. */
  preflight: preflightReportSchema.nullable(),
});

export type PipelineReport = z.output<typeof pipelineReportSchema>;
