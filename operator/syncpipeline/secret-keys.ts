import type { Informer, KubeClient, KubeSecret, ObjectRef } from '../kube/index.ts';
import { SecretReadings } from '../secret-readings.ts';

/** Which keys Secrets have. */
export class SecretKeys {
  readonly #readings: SecretReadings<ReadonlySet<string>>;

  /** `secrets`: of metadata only. */
  constructor(secrets: Informer<KubeSecret>, client: KubeClient) {
    this.#readings = new SecretReadings(secrets, client, keysOf);
  }

  /** Keys with a value; null where the cache knows no such Secret. */
  async of(ref: ObjectRef, signal: AbortSignal): Promise<ReadonlySet<string> | null> {
    return this.#readings.has(ref) ? this.#readings.of(ref, signal) : null;
  }
}

function keysOf({ data }: KubeSecret): ReadonlySet<string> {
  return new Set(Object.entries(data ?? {}).flatMap(([name, value]) => (value === '' ? [] : [name])));
}
