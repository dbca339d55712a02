import { caKey, credentialKeys } from '../../crds/secret.ts';
import { serverKey } from '../../crds/table-flow.ts';
import { KeyIndex } from '../kube/key-index.ts';
import { keyOf, type Informer, type Live, type ObjectKey, type SyncPipelineResource } from '../kube/index.ts';

/** A Secret that a pipeline names, and the keys that it must have. */
export interface SecretNeed {
  readonly field: string;
  readonly name: string;
  readonly keys: readonly string[];
}

interface RawSpec {
  readonly canalInstanceRef?: { readonly name?: string };
  readonly target?: {
    readonly host?: string;
    readonly port?: number;
    readonly credentialsSecretRef?: { readonly name?: string };
    readonly tls?: { readonly caSecretRef?: { readonly name?: string } | null };
  };
}

/** What a spec refers to, as far as it can be told of one that may not be valid. */
export function referencesOf({ metadata: { namespace = 'default' }, spec }: Live<SyncPipelineResource>) {
  const { canalInstanceRef, target } = (spec ?? {}) as RawSpec;
  const { credentialsSecretRef, tls, host, port = 3306 } = target ?? {};
  const secrets: SecretNeed[] = [];
  const need = (field: string, name: string | undefined, keys: readonly string[]) => {
    if (name !== undefined) secrets.push({ field, name, keys });
  };
  need('spec.target.credentialsSecretRef.name', credentialsSecretRef?.name, credentialKeys);
  need('spec.target.tls.caSecretRef.name', tls?.caSecretRef?.name, [caKey]);
  return {
    namespace,
    instance: canalInstanceRef?.name ?? null,
    secrets,
    server: host === undefined ? null : serverKey({ host, port }),
  };
}

/** Which pipelines refer to an instance, a Secret, or a server as their target. */
export class References {
  readonly #index = new KeyIndex();

  constructor(pipelines: Informer<SyncPipelineResource>) {
    pipelines.onChange((change) => {
      const [before, now] = [change.kind === 'added' ? null : change.before, change.kind === 'deleted' ? null : change.now];
      this.#index.move(keyOf((now ?? before)!), valuesOf(before), valuesOf(now));
    });
  }

  toInstance(namespace: string, name: string): readonly ObjectKey[] {
    return this.#index.keys(`instance ${namespace}/${name}`);
  }

  toSecret(namespace: string, name: string): readonly ObjectKey[] {
    return this.#index.keys(`secret ${namespace}/${name}`);
  }

  toServer(server: string): readonly ObjectKey[] {
    return this.#index.keys(`server ${server}`);
  }
}

function valuesOf(object: Live<SyncPipelineResource> | null): string[] {
  if (object === null) return [];
  const { namespace, instance, secrets, server } = referencesOf(object);
  return [
    ...(instance === null ? [] : [`instance ${namespace}/${instance}`]),
    ...secrets.map(({ name }) => `secret ${namespace}/${name}`),
    ...(server === null ? [] : [`server ${server}`]),
  ];
}
