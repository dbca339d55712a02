import { z } from 'zod';
import { canalInstanceSpec, specForWorkers, type CanalInstance } from './canal-instance.ts';
import { generationOf } from './common-fields.ts';
import { syncPipelineSpec, type SyncPipeline } from './sync-pipeline.ts';

/**
 * All that a worker must know to run one pipeline: what the operator writes into the pipeline's config znode, and what
 * `lockkeeper run` makes of its manifest files. Names of Secrets, never their content.
 */
export const pipelineConfigSchema = z.strictObject({
  format: z.literal(1),
  namespace: z.string().min(1),
  name: z.string().min(1),
  /** metadata.generation of the SyncPipeline; 0 outside Kubernetes. */
  generation: z.int().min(0),
  /** metadata.generation of the CanalInstance; 0 outside Kubernetes. */
  instanceGeneration: z.int().min(0),
  instance: z.string().min(1),
  /** This pipeline's own id as a replica: no two may be connected to one source with the same. */
  serverId: z.int().min(1).max(4_294_967_295),
  source: canalInstanceSpec,
  pipeline: syncPipelineSpec,
});

export type PipelineConfig = z.output<typeof pipelineConfigSchema>;

/** `index`: the pipeline's place among those of its instance, which its server id is counted from. */
export function compilePipeline(instance: CanalInstance, pipeline: SyncPipeline, index: number): PipelineConfig {
  return {
    format: 1,
    namespace: pipeline.metadata.namespace,
    name: pipeline.metadata.name,
    generation: generationOf(pipeline.metadata),
    instanceGeneration: generationOf(instance.metadata),
    instance: instance.metadata.name,
    serverId: instance.spec.serverId + index,
    source: specForWorkers(instance.spec),
    pipeline: pipeline.spec,
  };
}
