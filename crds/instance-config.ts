import { z } from 'zod';
import { canalInstanceSpec, specForWorkers, type CanalInstance } from './canal-instance.ts';
import { generationOf } from './common-fields.ts';

/**
 * What workers must know of their instance's source even while it has no pipeline: what the operator writes into the instance's
 * config znode. Names of Secrets, never their content.
 */
export const instanceConfigSchema = z.strictObject({
  format: z.literal(1),
  namespace: z.string().min(1),
  name: z.string().min(1),
  /** metadata.generation of the CanalInstance. */
  generation: z.int().min(0),
  source: canalInstanceSpec,
});

export type InstanceConfig = z.output<typeof instanceConfigSchema>;

type Named = Pick<CanalInstance['metadata'], 'name' | 'namespace' | 'generation'>;

export function compileInstance({
  metadata,
  spec,
}: {
  readonly metadata: Named;
  readonly spec: CanalInstance['spec'];
}): InstanceConfig {
  const { namespace, name } = metadata;
  return {
    format: 1,
    namespace,
    name,
    generation: generationOf(metadata),
    source: specForWorkers(spec),
  };
}
