import type { CanalInstance } from '../../crds/index.ts';
import type { CanalInstanceResource, Live, SyncPipelineResource } from '../kube/index.ts';

/** Pipelines that are made together shall restart the workers once. */
const TOGETHER_MS = 3_000;

interface Tls {
  readonly caSecretRef?: { readonly name?: unknown } | null;
}

interface NamesSecrets {
  readonly canalInstanceRef?: { readonly name?: unknown };
  readonly target?: { readonly credentialsSecretRef?: { readonly name?: unknown }; readonly tls?: Tls };
}

/** The Secrets that workers need: the instance's own and its pipelines'. Sorted. */
export function neededSecrets(spec: CanalInstance['spec'], pipelines: readonly Live<SyncPipelineResource>[]): string[] {
  const own = [spec.credentialsSecretRef.name, spec.tls.caSecretRef?.name];
  return [...new Set([...own.filter(isSecretName), ...pipelines.flatMap(secretsOf)])].sort();
}

/** Of an instance as stored, those for its source. */
export function sourceSecretsOf({ spec }: Live<CanalInstanceResource>): string[] {
  const { credentialsSecretRef, tls } = (spec ?? {}) as NonNullable<NamesSecrets['target']>;
  return [credentialsSecretRef?.name, tls?.caSecretRef?.name].filter(isSecretName);
}

/** Of a pipeline as stored: one with a fault elsewhere has its Secrets all the same. */
export function secretsOf({ spec }: Live<SyncPipelineResource>): string[] {
  const { target } = (spec ?? {}) as NamesSecrets;
  return [target?.credentialsSecretRef?.name, target?.tls?.caSecretRef?.name].filter(isSecretName);
}

export function instanceNameOf({ spec }: Live<SyncPipelineResource>): string | undefined {
  const name = ((spec ?? {}) as NamesSecrets).canalInstanceRef?.name;
  return typeof name === 'string' ? name : undefined;
}

/** A name that cannot be a Secret's must not become part of a path, nor make the API server refuse the Deployment. */
function isSecretName(name: unknown): name is string {
  return (
    typeof name === 'string' &&
    name.length <= 253 &&
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)
  );
}

/**
 * Milliseconds in which more pipelines may come that were made together with the youngest of these objects.
 * @param now milliseconds since 1970
 */
export function untilComplete(objects: readonly Live[], now: number): number {
  const left = objects.map(({ metadata }) => Date.parse(metadata.creationTimestamp) + TOGETHER_MS - now);
  // More than that is a clock that goes wrong.
  return Math.max(0, ...left.filter((milliseconds) => milliseconds <= TOGETHER_MS));
}
