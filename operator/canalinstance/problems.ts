import type { CanalInstanceResource, Live, Problem } from '../kube/index.ts';
import type { NamedSecret, Observed } from './observed.ts';
import type { InstanceSpec } from './parse-instance.ts';
import { serverIdProblems } from './server-ids.ts';

/** What keeps the spec from being carried out. Workers that run go on with what they were told before. */
export function problemsOf(spec: InstanceSpec, observed: Observed, object: Live<CanalInstanceResource>): Problem[] {
  return [
    ...ensembleProblems(spec, observed),
    ...observed.secrets.flatMap((secret) => secretProblems(secret, object.metadata.namespace!)),
    ...serverIdProblems({ instance: object, pipelines: observed.pipelines.length }, observed.others),
  ];
}

function ensembleProblems({ zkEnsembleRef }: InstanceSpec, { ensemble }: Observed): Problem[] {
  const field = 'spec.zkEnsembleRef.name';
  switch (ensemble.kind) {
    case 'missing': {
      const message = `${field}: there is no ZkEnsemble ${zkEnsembleRef.name} in this namespace; create it, or make the instance anew with the right name`;
      return [{ reason: 'EnsembleMissing', message }];
    }
    case 'unusable': {
      const message = `${field}: ZkEnsemble ${zkEnsembleRef.name} cannot be used yet, ${ensemble.why}; its conditions tell more`;
      return [{ reason: 'EnsembleNotReady', message }];
    }
    case 'usable':
      return [];
    default:
      return ensemble satisfies never;
  }
}

function secretProblems({ field, name, keys, found }: NamedSecret, namespace: string): Problem[] {
  if (found === null) {
    const message = `${field}: there is no Secret ${namespace}/${name}; create it with the ${listed(keys)}, or correct the name`;
    return [{ reason: 'SecretMissing', message }];
  }
  const missing = keys.filter((key) => !found.has(key));
  if (missing.length === 0) return [];
  const has = found.size === 0 ? 'no keys' : `the ${listed([...found].sort())}`;
  const message = `${field}: Secret ${namespace}/${name} has ${has} and lacks the ${listed(missing)}; add what is missing`;
  return [{ reason: 'SecretKeyMissing', message }];
}

function listed(keys: readonly string[]): string {
  return `${keys.length === 1 ? 'key' : 'keys'} ${keys.join(', ')}`;
}
