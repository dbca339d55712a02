import { createHash } from 'node:crypto';
import type { Informer, KubeClient, KubeSecret } from '../kube/index.ts';
import { SecretReadings } from '../secret-readings.ts';
import { credentialKeys } from '../zkensemble/credentials.ts';

/**
 * Tells when the credentials that workers present to ZooKeeper change, by a hash: a worker reads them only when it starts. Null where an
 * ensemble's Secret is missing, or has no credentials in it.
 */
export class CredentialsHashes extends SecretReadings<string | null> {
  /** `secrets`: of metadata only. */
  constructor(secrets: Informer<KubeSecret>, client: KubeClient) {
    super(secrets, client, hashOf);
  }
}

function hashOf({ data }: KubeSecret): string | null {
  const value = data?.[credentialKeys.workerAuth] ?? '';
  return value === '' ? null : createHash('sha256').update(value).digest('hex').slice(0, 16);
}
