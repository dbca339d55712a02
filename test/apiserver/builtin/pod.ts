import type { KubeObject } from '../../../operator/kube/objects.ts';
import type { Admission } from '../kinds.ts';
import { defaultedPodSpec, podSpecProblems } from './pod-spec.ts';
import { fields, withDefaults, type Fields } from './problems.ts';

interface Pod extends KubeObject {
  readonly spec?: Fields;
  readonly status?: Fields;
}

export const admitPod: Admission = (object) => {
  const spec = defaultedPodSpec(fields((object as Pod).spec));
  const problems = podSpecProblems(spec, 'spec');
  if (problems.length > 0) return { problems };
  return {
    object: { ...object, spec, status: withDefaults(fields((object as Pod).status), { phase: 'Pending' }) } as KubeObject,
  };
};
