import { createHash } from 'node:crypto';
import { keyOf, resources, systemClock, type Clock, type KubeClient } from '../kube/index.ts';

/** A Secret, without what is secret. */
export interface SecretFacts {
  /** A hash of the value of each key that has one. */
  readonly keys: ReadonlyMap<string, string>;
}

/** So long a Secret that had all that was asked for is believed to have it still. */
const BELIEVED_MS = 60_000;

/**
 * Looks at Secrets that people made. They are read one by one and not watched: to watch them is to hold every Secret of the cluster in
 * memory.
 */
export class SecretReader {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly facts: SecretFacts; readonly until: number }>();

  constructor(client: KubeClient, clock: Clock = systemClock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Null where there is none. @param keys what it should have; while it has not, it is read each time. */
  async read(namespace: string, name: string, keys: readonly string[], signal: AbortSignal): Promise<SecretFacts | null> {
    const known = this.#known.get(keyOf({ namespace, name }));
    const isBelieved = known !== undefined && known.until > this.#clock.monotonic();
    return isBelieved && keys.every((key) => known.facts.keys.has(key)) ? known.facts : this.readNow(namespace, name, signal);
  }

  /** As it is at this moment. */
  async readNow(namespace: string, name: string, signal: AbortSignal): Promise<SecretFacts | null> {
    const key = keyOf({ namespace, name });
    const now = this.#clock.monotonic();
    for (const [each, { until }] of this.#known) if (until <= now) this.#known.delete(each);
    const found = await this.#client.find(resources.Secret, { namespace, name }, { signal });
    if (found === undefined) {
      this.#known.delete(key);
      return null;
    }
    const values = Object.entries(found.data ?? {}).filter(([, value]) => value !== '');
    const facts = { keys: new Map(values.map(([each, value]) => [each, digest(value)])) };
    this.#known.set(key, { facts, until: now + BELIEVED_MS });
    return facts;
  }
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 16);
}
