import type { CanalInstanceResource, Live } from './kube/index.ts';

/** The ensemble that an instance names, of the spec as stored, which need not be valid; null where it names none, or there is no instance. */
export function ensembleNameOf(instance: Live<CanalInstanceResource> | undefined): string | null {
  const spec = (instance?.spec ?? {}) as { readonly zkEnsembleRef?: { readonly name?: unknown } };
  const name = spec.zkEnsembleRef?.name;
  return typeof name === 'string' ? name : null;
}
