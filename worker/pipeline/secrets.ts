import { LockkeeperError } from '../../common/errors.ts';
import type { MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { caKey, type Secret } from '../../crds/secret.ts';

/**
 * Content of Secrets by name, read anew at each connect so that a rotated password takes effect without a restart.
 * Throws LK1005 when the Secret or a key of it is missing.
 */
export interface SecretStore {
  read(namespace: string, name: string, key: string): Promise<string>;
}

type TlsSpec = PipelineConfig['source']['tls'];

export interface SourceEndpoints {
  readonly master: MysqlEndpoint;
  readonly standby: MysqlEndpoint | null;
}

export async function sourceEndpoints(config: PipelineConfig, secrets: SecretStore): Promise<SourceEndpoints> {
  const { master, standby, credentialsSecretRef, tls } = config.source;
  const login = await loginOf(config.namespace, credentialsSecretRef.name, tls, secrets);
  return { master: { ...master, ...login }, standby: standby === null ? null : { ...standby, ...login } };
}

export async function targetEndpoint(config: PipelineConfig, secrets: SecretStore): Promise<MysqlEndpoint> {
  const { host, port, credentialsSecretRef, tls } = config.pipeline.target;
  return { host, port, ...(await loginOf(config.namespace, credentialsSecretRef.name, tls, secrets)) };
}

async function loginOf(
  namespace: string,
  secret: string,
  tls: TlsSpec,
  secrets: SecretStore,
): Promise<Pick<MysqlEndpoint, 'user' | 'password' | 'tls'>> {
  const [user, password] = await Promise.all([
    secrets.read(namespace, secret, 'username'),
    secrets.read(namespace, secret, 'password'),
  ]);
  const ca = tls.caSecretRef === null ? null : await secrets.read(namespace, tls.caSecretRef.name, caKey);
  return { user, password, tls: { mode: tls.mode, ca } };
}

/** Secrets that came with the manifests of `lockkeeper run`. */
export class ManifestSecrets implements SecretStore {
  readonly #secrets: ReadonlyMap<string, Secret>;

  constructor(secrets: readonly Secret[]) {
    this.#secrets = new Map(secrets.map((secret) => [`${secret.namespace}/${secret.name}`, secret]));
  }

  read(namespace: string, name: string, key: string): Promise<string> {
    const secret = this.#secrets.get(`${namespace}/${name}`);
    return Promise.try(() => {
      if (secret !== undefined) return secret.value(key);
      throw new LockkeeperError('LK1005', `Secret ${namespace}/${name} is not among the files`, {
        details: { secret: name, key },
      });
    });
  }
}
