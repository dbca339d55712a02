import { zkEnsembleSchema } from '../../crds/index.ts';
import { faultsOf, type FieldFault } from '../../crds/schema-issues.ts';
import type { Live, Problem, ZkEnsembleResource } from '../kube/index.ts';
import type { ZkSpec } from './servers.ts';

const specSchema = zkEnsembleSchema.shape.spec;

/** The API server refuses most of what is wrong; a spec stored by an older release may still be. */
export function parseEnsemble(object: Live<ZkEnsembleResource>): { spec: ZkSpec } | { problems: readonly Problem[] } {
  const value = object.spec ?? {};
  const parsed = specSchema.safeParse(value);
  if (parsed.success) return { spec: parsed.data };
  const problems = faultsOf(parsed.error, specSchema, value).map((fault) => ({
    reason: 'InvalidSpec',
    message: sentenceOf(fault),
  }));
  return { problems };
}

function sentenceOf({ path, message, found, remedy }: FieldFault): string {
  const what = `spec.${path.map(String).join('.')}: ${message}${found === undefined ? '' : ` (found ${found})`}`;
  // A rule over several fields says already what it takes.
  return message.toLowerCase().endsWith(remedy.slice(0, -1).toLowerCase()) ? what : `${what}. ${remedy}`;
}
