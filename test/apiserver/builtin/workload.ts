import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../../operator/kube/objects.ts';
import type { Admission, Admitted } from '../kinds.ts';
import type { FieldProblem } from '../status.ts';
import { defaultedPodSpec, podSpecProblems } from './pod-spec.ts';
import { fields, invalidValue, list, notAllowed, required, withDefaults, type Fields } from './problems.ts';
import { defaultedClaimSpec } from './volume.ts';

interface Workload extends KubeObject {
  readonly spec?: Fields;
}

export const admitStatefulSet: Admission = (object, before) => {
  const given = fields((object as Workload).spec);
  const claims = list(given.volumeClaimTemplates).map((claim) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    ...claim,
    spec: defaultedClaimSpec(fields(claim.spec)),
    status: { phase: 'Pending' },
  }));
  const strategy = withDefaults(fields(given.updateStrategy), { type: 'RollingUpdate' });
  const spec = withDefaults(
    {
      ...withTemplate(given),
      updateStrategy:
        strategy.type === 'RollingUpdate'
          ? { ...strategy, rollingUpdate: withDefaults(fields(strategy.rollingUpdate), { partition: 0 }) }
          : strategy,
      ...(claims.length === 0 ? {} : { volumeClaimTemplates: claims }),
    },
    {
      replicas: 1,
      podManagementPolicy: 'OrderedReady',
      revisionHistoryLimit: 10,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    },
  );
  const names = claims.map((claim) => String(fields((claim as Fields).metadata).name));
  return judged(object, spec, [...workloadProblems(spec, names), ...statefulSetChange(spec, before)]);
};

const CHANGEABLE = [
  'minReadySeconds',
  'ordinals',
  'persistentVolumeClaimRetentionPolicy',
  'replicas',
  'revisionHistoryLimit',
  'template',
  'updateStrategy',
];

function statefulSetChange(spec: Fields, before: Workload | undefined): FieldProblem[] {
  if (before === undefined) return [];
  const fixed = (value: Fields) => Object.fromEntries(Object.entries(value).filter(([key]) => !CHANGEABLE.includes(key)));
  if (isDeepStrictEqual(fixed(spec), fixed(fields(before.spec)))) return [];
  return [
    notAllowed(
      'spec',
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ),
  ];
}

export const admitDeployment: Admission = (object, before) => {
  const given = fields((object as Workload).spec);
  const strategy = withDefaults(fields(given.strategy), { type: 'RollingUpdate' });
  const rolling = withDefaults(fields(strategy.rollingUpdate), { maxSurge: '25%', maxUnavailable: '25%' });
  const spec = withDefaults(
    { ...withTemplate(given), strategy: strategy.type === 'RollingUpdate' ? { ...strategy, rollingUpdate: rolling } : strategy },
    { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 },
  );
  const problems = workloadProblems(spec, []);
  const selector = fields((before as Workload | undefined)?.spec).selector;
  if (before !== undefined && !isDeepStrictEqual(selector, spec.selector)) {
    problems.push(invalidValue('spec.selector', spec.selector, 'field is immutable'));
  }
  if (rolling.maxSurge === 0 && rolling.maxUnavailable === 0) {
    problems.push(invalidValue('spec.strategy.rollingUpdate.maxUnavailable', 0, 'may not be 0 when `maxSurge` is 0'));
  }
  return judged(object, spec, problems);
};

function withTemplate(spec: Fields): Fields {
  const template = fields(spec.template);
  return {
    ...spec,
    template: { ...template, metadata: fields(template.metadata), spec: defaultedPodSpec(fields(template.spec)) },
  };
}

function workloadProblems(spec: Fields, claims: readonly string[]): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const template = fields(spec.template);
  if (typeof spec.replicas !== 'number' || spec.replicas < 0) {
    problems.push(invalidValue('spec.replicas', spec.replicas, 'must be greater than or equal to 0'));
  }
  if (spec.selector === undefined) problems.push(required('spec.selector'));
  const wanted = fields(fields(spec.selector).matchLabels);
  const labels = fields(fields(template.metadata).labels);
  if (Object.entries(wanted).some(([key, value]) => labels[key] !== value)) {
    problems.push(invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  }
  problems.push(...podSpecProblems(fields(template.spec), 'spec.template.spec', claims));
  if (fields(template.spec).restartPolicy !== 'Always') {
    problems.push({
      field: 'spec.template.spec.restartPolicy',
      message: `Unsupported value: ${JSON.stringify(fields(template.spec).restartPolicy)}: supported values: "Always"`,
      reason: 'FieldValueNotSupported',
    });
  }
  return problems;
}

function judged(object: KubeObject, spec: Fields, problems: readonly FieldProblem[]): Admitted {
  return problems.length > 0 ? { problems } : { object: { ...object, spec } as KubeObject };
}
