import { zkEnsembleSchema } from '../../crds/index.ts';
import type { Live, Problem, ZkEnsembleResource } from '../kube/index.ts';
import { parseSpec } from '../parse-spec.ts';
import type { ZkSpec } from './servers.ts';

export function parseEnsemble(object: Live<ZkEnsembleResource>): { spec: ZkSpec } | { problems: readonly Problem[] } {
  return parseSpec(zkEnsembleSchema.shape.spec, object);
}
