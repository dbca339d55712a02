import { zkEnsembleSchema } from '../../crds/index.ts';
import type { Live, ParsedSpec, ZkEnsembleResource } from '../kube/index.ts';
import { parseSpec } from '../parse-spec.ts';
import type { ZkSpec } from './servers.ts';

export function parseEnsemble(object: Live<ZkEnsembleResource>): ParsedSpec<ZkSpec> {
  return parseSpec(zkEnsembleSchema.shape.spec, object);
}
