import { LockkeeperError } from '../common/errors.ts';
import { didYouMean } from '../common/did-you-mean.ts';
import type { CanalInstance } from './canal-instance.ts';
import { locate } from './located-error.ts';
import { caKey, credentialKeys, type Secret } from './secret.ts';
import type { SyncPipeline } from './sync-pipeline.ts';
import { serverKey } from './table-flow.ts';
import type { FoundObject } from './yaml-documents.ts';
import type { ZkEnsemble } from './zk-ensemble.ts';

interface At<T> {
  readonly object: FoundObject;
  readonly value: T;
}

/** The valid objects with their places, and all declared names ("Kind namespace/name"), those of invalid objects included. */
export interface Placed {
  readonly ZkEnsemble: At<ZkEnsemble>[];
  readonly CanalInstance: At<CanalInstance>[];
  readonly SyncPipeline: At<SyncPipeline>[];
  readonly Secret: At<Secret>[];
  readonly declared: Map<string, FoundObject>;
}

type Report = (error: LockkeeperError) => void;

/**
 * What manifests say about each other: every reference leads somewhere, Secrets have their keys, the region of a pipeline has
 * workers, and server ids of instances on one source do not meet. A ZkEnsemble is only looked for where the manifests hold
 * any, since without Kubernetes the ensemble is named on the command line.
 */
export function checkReferences(placed: Placed, report: Report): void {
  for (const { object, value } of placed.CanalInstance) {
    const { namespace } = value.metadata;
    const { spec } = value;
    if (placed.ZkEnsemble.length > 0)
      expectObject(placed, object, 'ZkEnsemble', namespace, spec.zkEnsembleRef.name, 'spec.zkEnsembleRef.name', report);
    expectSecret(
      placed,
      object,
      namespace,
      spec.credentialsSecretRef.name,
      'spec.credentialsSecretRef.name',
      credentialKeys,
      report,
    );
    if (spec.tls.caSecretRef !== null)
      expectSecret(placed, object, namespace, spec.tls.caSecretRef.name, 'spec.tls.caSecretRef.name', [caKey], report);
  }
  for (const { object, value } of placed.SyncPipeline) {
    const { namespace } = value.metadata;
    const { target, canalInstanceRef, region } = value.spec;
    expectObject(placed, object, 'CanalInstance', namespace, canalInstanceRef.name, 'spec.canalInstanceRef.name', report);
    expectSecret(
      placed,
      object,
      namespace,
      target.credentialsSecretRef.name,
      'spec.target.credentialsSecretRef.name',
      credentialKeys,
      report,
    );
    if (target.tls.caSecretRef !== null)
      expectSecret(placed, object, namespace, target.tls.caSecretRef.name, 'spec.target.tls.caSecretRef.name', [caKey], report);
    const instance = placed.CanalInstance.find(
      ({ value: { metadata } }) => metadata.namespace === namespace && metadata.name === canalInstanceRef.name,
    );
    if (instance !== undefined) expectRegion(object, region, instance.value, report);
  }
  checkServerIds(placed, report);
}

function expectObject(
  placed: Placed,
  object: FoundObject,
  kind: string,
  namespace: string,
  name: string,
  field: string,
  report: Report,
): boolean {
  if (placed.declared.has(`${kind} ${namespace}/${name}`)) return true;
  const others = [...placed.declared.keys()].filter((key) => key.startsWith(`${kind} `)).map((key) => key.slice(kind.length + 1));
  const guess = didYouMean(`${namespace}/${name}`, others);
  const elsewhere = others.find((other) => other.endsWith(`/${name}`));
  const remedy =
    elsewhere !== undefined
      ? `References stay within a namespace, but ${kind} ${elsewhere} is in another: put both in one.`
      : `${guess === null ? '' : `Did you mean ${guess.slice(guess.indexOf('/') + 1)}? `}Pass the file that holds ${kind} ${namespace}/${name} with another -f, or correct the name.`;
  const error = new LockkeeperError('LK1005', `${field}: there is no ${kind} ${namespace}/${name}`, {
    found: others.length === 0 ? `no ${kind} at all` : others.join(', '),
    remedy,
    details: { field },
  });
  report(locate(object, error));
  return false;
}

function expectSecret(
  placed: Placed,
  object: FoundObject,
  namespace: string,
  name: string,
  field: string,
  keys: readonly string[],
  report: Report,
): void {
  if (!expectObject(placed, object, 'Secret', namespace, name, field, report)) return;
  const secret = placed.Secret.find(({ value }) => value.namespace === namespace && value.name === name)?.value;
  for (const key of secret === undefined ? [] : keys.filter((wanted) => !secret.has(wanted))) {
    const present = secret?.keys ?? [];
    const error = new LockkeeperError('LK1005', `${field}: Secret ${namespace}/${name} has no value for the key ${key}`, {
      found: present.length === 0 ? 'no keys' : `keys ${present.join(', ')}`,
      remedy: `Add the key ${key} to the Secret, under stringData as plain text or under data in base64.`,
      details: { field },
    });
    report(locate(object, error));
  }
}

function expectRegion(object: FoundObject, region: string, instance: CanalInstance, report: Report): void {
  const regions = instance.spec.workers.map((workers) => workers.region);
  if (regions.includes(region)) return;
  const error = new LockkeeperError(
    'LK1003',
    `spec.region: no workers of CanalInstance ${instance.metadata.namespace}/${instance.metadata.name} are in region ${region}`,
    {
      found: region,
      remedy: `Choose one of ${regions.join(', ')}, or add {region: ${region}} to spec.workers of the instance.`,
      details: { field: 'spec.region' },
    },
  );
  report(locate(object, error));
}

/** The server ids that an instance's pipelines take, both ends included; one at least. */
export function serverIdRange(instance: CanalInstance, pipelines: number): { readonly first: number; readonly last: number } {
  return { first: instance.spec.serverId, last: instance.spec.serverId + Math.max(1, pipelines) - 1 };
}

function checkServerIds(placed: Placed, report: Report): void {
  const instances = placed.CanalInstance.map(({ object, value }) => {
    const { namespace, name } = value.metadata;
    const pipelines = placed.SyncPipeline.filter(
      ({ value: { metadata, spec } }) => metadata.namespace === namespace && spec.canalInstanceRef.name === name,
    );
    const { master, standby } = value.spec;
    return {
      object,
      name: `${namespace}/${name}`,
      sources: [master, ...(standby === null ? [] : [standby])].map(serverKey),
      ...serverIdRange(value, pipelines.length),
    };
  });
  for (const [index, instance] of instances.entries()) {
    const refuse = (what: string, remedy: string) => {
      const error = new LockkeeperError('LK1003', `spec.serverId: ${what}`, {
        found: `${instance.first} to ${instance.last}`,
        remedy,
        details: { field: 'spec.serverId' },
      });
      report(locate(instance.object, error));
    };
    if (instance.last > 4_294_967_295) refuse('the ids of its pipelines exceed 4294967295', 'Choose a smaller spec.serverId.');
    for (const other of instances.slice(0, index)) {
      const meet = instance.first <= other.last && other.first <= instance.last;
      const source = instance.sources.find((key) => other.sources.includes(key));
      if (!meet || source === undefined) continue;
      refuse(
        `its server ids meet those of CanalInstance ${other.name} (${other.first} to ${other.last}) on the same source ${source}`,
        `Each pipeline takes one id from spec.serverId upwards, and a source admits each id once: start at ${other.last + 1} or higher, with room for more pipelines.`,
      );
    }
  }
}
