import { z } from 'zod';

/** What a worker tells about itself in its ephemeral node, which lasts as long as it lives. */
export const workerInfoSchema = z.object({
  region: z.string(),
  version: z.string(),
  /** How many pipelines it leads. */
  load: z.number(),
  /** Their names, sorted. */
  pipelines: z.array(z.string()).readonly().default([]),
  /** ISO 8601. */
  startedAt: z.string(),
  host: z.string(),
});

export type WorkerInfo = z.output<typeof workerInfoSchema>;
