import type { KubeObject } from '../../../operator/kube/objects.ts';
import type { Admission } from '../kinds.ts';
import { fields, invalidValue, type Fields } from './problems.ts';

export const admitPodDisruptionBudget: Admission = (object) => {
  const spec = fields((object as KubeObject & { spec?: Fields }).spec);
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
    return { problems: [invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set')] };
  }
  return { object };
};
