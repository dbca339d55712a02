import type { SyncPipeline } from '../../crds/index.ts';
import type { Problem } from '../kube/index.ts';
import type { MissingSecret, Observed } from './observed.ts';
import { problemOf } from './parse.ts';

/** What keeps a valid spec from being carried out, each with the field, what was found and the remedy. */
export function problemsOf({ metadata: { namespace }, spec }: SyncPipeline, observed: Observed): Problem[] {
  return [
    ...observed.unavailable.map((error) => problemOf('NotAvailable', error)),
    ...instanceProblems(namespace, spec, observed),
    ...observed.secrets.map(secretProblem),
    ...observed.overlaps.map((error) => problemOf(error.code === 'LK1009' ? 'TargetOverlap' : 'ContradictoryTables', error)),
    ...serverIdProblems(observed),
  ];
}

function instanceProblems(
  namespace: string,
  { canalInstanceRef, region }: SyncPipeline['spec'],
  { instance, ensemble, wanted }: Observed,
): Problem[] {
  const name = `CanalInstance ${namespace}/${canalInstanceRef.name}`;
  const field = 'spec.canalInstanceRef.name';
  switch (instance.kind) {
    case 'missing':
      return [
        { reason: 'InstanceMissing', message: `${field}: there is no ${name}. Create it in this namespace, or correct the name` },
      ];
    case 'leaving':
      return [
        {
          reason: 'InstanceLeaving',
          message: `${field}: ${name} is being deleted. Delete this pipeline too, or create the instance anew`,
        },
      ];
    case 'invalid': {
      const faults = instance.problems.map(({ message }) => message).join('; ');
      return [{ reason: 'InstanceInvalid', message: `${field}: ${name} is invalid: ${faults}` }];
    }
    case 'found': {
      const regions = instance.value.spec.workers.map((workers) => workers.region);
      const problems: Problem[] = [];
      if (!regions.includes(region)) {
        problems.push({
          reason: 'RegionWithoutWorkers',
          message: `spec.region: ${name} has no workers in region ${region}. Choose one of ${regions.join(', ')}, or add {region: ${region}} to spec.workers of the instance`,
        });
      }
      if (ensemble.kind !== 'found') {
        const what = ensemble.kind === 'missing' ? 'does not exist' : 'is being deleted';
        problems.push({
          reason: ensemble.kind === 'missing' ? 'EnsembleMissing' : 'EnsembleLeaving',
          message: `spec.zkEnsembleRef.name of ${name}: ZkEnsemble ${namespace}/${ensemble.name ?? ''} ${what}. Create it in this namespace`,
        });
      }
      if (wanted.kind === 'refused') problems.push(problemOf('ConfigurationRefused', wanted.error));
      return problems;
    }
    default:
      return instance satisfies never;
  }
}

function secretProblem({ field, name, namespace, keys, missing }: MissingSecret): Problem {
  const secret = `Secret ${namespace}/${name}`;
  if (missing === null) {
    const remedy = `Create it in this namespace with the key${keys.length > 1 ? 's' : ''} ${keys.join(' and ')}, or correct the name`;
    return { reason: 'SecretMissing', message: `${field}: there is no ${secret}. ${remedy}` };
  }
  return {
    reason: 'SecretKeyMissing',
    message: `${field}: ${secret} has no value for the key ${missing.join(' and ')}. Add it under stringData as plain text or under data in base64`,
  };
}

/** An id that was published goes on, whoever else may come to want it. */
function serverIdProblems({ wanted, published, neighbours }: Observed): Problem[] {
  if (wanted.kind === 'noServerId') {
    return [
      {
        reason: 'NoServerIdLeft',
        message:
          'spec.serverId of the CanalInstance: all ids from there upwards are taken by its other pipelines. Choose a smaller one',
      },
    ];
  }
  if (wanted.kind !== 'text' || published !== null) return [];
  const { serverId } = wanted;
  const other = neighbours.find(({ first, last }) => first <= serverId && serverId <= last);
  if (other === undefined) return [];
  return [
    {
      reason: 'ServerIdTaken',
      message: `spec.serverId of the CanalInstance: this pipeline would be replica ${serverId} of ${other.source}, and so is one of CanalInstance ${other.instance} (${other.first} to ${other.last}). A source admits each id once: start at ${other.last + 1} or higher, with room for more pipelines`,
    },
  ];
}
