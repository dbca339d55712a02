import { zkEnsembleSchema } from '../../crds/index.ts';
import { faultsOf } from '../../crds/schema-issues.ts';
import type { Live, Problem, ZkEnsembleResource } from '../kube/index.ts';
import type { ZkSpec } from './servers.ts';

const specSchema = zkEnsembleSchema.shape.spec;

/** The API server refuses most of what is wrong; a spec stored by an older release may still be. */
export function parseEnsemble(object: Live<ZkEnsembleResource>): { spec: ZkSpec } | { problems: readonly Problem[] } {
  const value = object.spec ?? {};
  const parsed = specSchema.safeParse(value);
  if (parsed.success) return { spec: parsed.data };
  const problems = faultsOf(parsed.error, specSchema, value).map(({ path, message, found, remedy }) => ({
    reason: 'InvalidSpec',
    message: `spec.${path.map(String).join('.')}: ${message}${found === undefined ? '' : ` (found ${found})`}. ${remedy}`,
  }));
  return { problems };
}
