import { canalInstanceSchema, type CanalInstance } from '../../crds/index.ts';
import type { CanalInstanceResource, Live, ParsedSpec } from '../kube/index.ts';
import { parseSpec } from '../parse-spec.ts';

export type InstanceSpec = CanalInstance['spec'];

export function parseInstance(object: Live<CanalInstanceResource>): ParsedSpec<InstanceSpec> {
  return parseSpec(canalInstanceSchema.shape.spec, object);
}
