import { LockkeeperError } from '../common/errors.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** A Kubernetes Secret, decoded. Its values are private, so that no log line and no error can show them by accident. */
export class Secret {
  readonly name: string;
  readonly namespace: string;
  readonly #values: ReadonlyMap<string, string>;

  constructor(namespace: string, name: string, values: ReadonlyMap<string, string>) {
    this.namespace = namespace;
    this.name = name;
    this.#values = values;
  }

  get keys(): string[] {
    return [...this.#values.keys()];
  }

  /** @throws LockkeeperError LK1005 if the key is missing or empty */
  value(key: string): string {
    const value = this.#values.get(key);
    if (value === undefined || value === '') {
      throw new LockkeeperError(
        'LK1005',
        `Secret ${this.namespace}/${this.name} has no ${value === '' ? 'value under the key' : 'key'} ${key}`,
        {
          found: this.keys.length === 0 ? 'no keys' : `keys ${this.keys.join(', ')}`,
          remedy: `Add the key ${key} to the Secret, under stringData as plain text or under data in base64.`,
          details: { secret: `${this.namespace}/${this.name}`, key },
        },
      );
    }
    return value;
  }

  has(key: string): boolean {
    return (this.#values.get(key) ?? '') !== '';
  }
}

/** Keys that the Secret of a MySQL account has. */
export const credentialKeys = ['username', 'password'] as const;
/** Key of the PEM certificates in a CA Secret. */
export const caKey = 'ca.crt';

/** @throws LockkeeperError LK1005 if a key is missing or empty */
export function credentialsOf(secret: Secret): Credentials {
  return { username: secret.value('username'), password: secret.value('password') };
}
