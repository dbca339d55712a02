import { LockkeeperError } from '../../common/errors.ts';
import type { MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { caKey, type Secret } from '../../crds/secret.ts';

/** Content of Secrets by name. */
export interface SecretStore {
  /** As it is now. Throws LK1005 when the Secret is missing. */
  read(namespace: string, name: string): Secret;
  /** Calls back when Secrets have come, changed or gone; the answer unsubscribes. Absent where they never do. */
  onChange?(listener: () => void): () => void;
}

/** What of a configuration tells how a server is reached. */
type ServerSpec = Pick<PipelineConfig['pipeline']['target'], 'credentialsSecretRef' | 'tls'>;
type Login = Pick<MysqlEndpoint, 'user' | 'password' | 'tls'>;

export interface SourceEndpoints {
  readonly master: MysqlEndpoint;
  readonly standby: MysqlEndpoint | null;
}

/** Throws LK1005 when a Secret or a key of it is missing. */
export function sourceEndpoints(
  { namespace, source }: Pick<PipelineConfig, 'namespace' | 'source'>,
  secrets: SecretStore,
): SourceEndpoints {
  const login = () => loginOf(namespace, source, secrets);
  const { master, standby } = source;
  return { master: new SecretEndpoint(master, login), standby: standby === null ? null : new SecretEndpoint(standby, login) };
}

/** Throws LK1005 when a Secret or a key of it is missing. */
export function targetEndpoint({ namespace, pipeline }: PipelineConfig, secrets: SecretStore): MysqlEndpoint {
  return new SecretEndpoint(pipeline.target, () => loginOf(namespace, pipeline.target, secrets));
}

function loginOf(namespace: string, { credentialsSecretRef, tls }: ServerSpec, secrets: SecretStore): Login {
  const secret = secrets.read(namespace, credentialsSecretRef.name);
  const ca = tls.caSecretRef === null ? null : secrets.read(namespace, tls.caSecretRef.name).value(caKey);
  return { user: secret.value('username'), password: secret.value('password'), tls: { mode: tls.mode, ca } };
}

/**
 * A server whose login is looked up whenever it is needed: a connection made after its Secret has changed uses the new one, those
 * that stand go on, and nothing has to be told of the change.
 */
class SecretEndpoint implements MysqlEndpoint {
  readonly host: string;
  readonly port: number;
  readonly #login: () => Login;

  constructor({ host, port }: { readonly host: string; readonly port: number }, login: () => Login) {
    this.host = host;
    this.port = port;
    this.#login = login;
    login(); // what is missing is missed at once
  }

  get user(): string {
    return this.#login().user;
  }

  get password(): string {
    return this.#login().password;
  }

  get tls(): Login['tls'] {
    return this.#login().tls;
  }
}

/** Secrets that came with the manifests of `lockkeeper run`. */
export class ManifestSecrets implements SecretStore {
  readonly #secrets: ReadonlyMap<string, Secret>;

  constructor(secrets: readonly Secret[]) {
    this.#secrets = new Map(secrets.map((secret) => [`${secret.namespace}/${secret.name}`, secret]));
  }

  read(namespace: string, name: string): Secret {
    const secret = this.#secrets.get(`${namespace}/${name}`);
    if (secret !== undefined) return secret;
    throw new LockkeeperError('LK1005', `Secret ${namespace}/${name} is not among the files`, { details: { secret: name } });
  }
}
