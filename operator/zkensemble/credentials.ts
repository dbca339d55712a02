import { randomBytes } from 'node:crypto';
import { digestId, userAcl, zkPerms, type ZkAcl } from '../../common/zookeeper/acl.ts';

/**
 * Who may do what in an ensemble. The super user, which is the operator, is known to the servers by a hash; the worker is known by the
 * access lists alone.
 */
export interface Credentials {
  readonly superPassword: string;
  readonly workerPassword: string;
}

export const superUser = 'super';
export const workerUser = 'lockkeeper';

/** Keys of the Secret. The first two are what other installations of the same ensemble must be given too. */
export const credentialKeys = {
  superPassword: 'super-password',
  workerPassword: 'worker-password',
  /** For servers: `super:hash`. */
  superDigest: 'super-digest',
  /** For workers: `user:password`, as ZooKeeper's scheme digest takes it. */
  workerAuth: 'worker-auth',
} as const;

export function newCredentials(random: (bytes: number) => Buffer = randomBytes): Credentials {
  const password = () => random(24).toString('base64url');
  return { superPassword: password(), workerPassword: password() };
}

export function superAuth({ superPassword }: Credentials): string {
  return `${superUser}:${superPassword}`;
}

export function workerAuth({ workerPassword }: Credentials): string {
  return `${workerUser}:${workerPassword}`;
}

/** What is stored; all of it follows from the two passwords. */
export function secretData(credentials: Credentials): Record<string, string> {
  return {
    [credentialKeys.superPassword]: credentials.superPassword,
    [credentialKeys.workerPassword]: credentials.workerPassword,
    [credentialKeys.superDigest]: digestId(superAuth(credentials)),
    [credentialKeys.workerAuth]: workerAuth(credentials),
  };
}

/** Null where a password is missing or cannot be one. @param data decoded */
export function credentialsFrom(data: Readonly<Record<string, string>>): Credentials | null {
  const superPassword = data[credentialKeys.superPassword] ?? '';
  const workerPassword = data[credentialKeys.workerPassword] ?? '';
  const usable = (text: string) => text.length > 0 && text.length <= 1024 && !/[\r\n\0]/.test(text);
  return usable(superPassword) && usable(workerPassword) ? { superPassword, workerPassword } : null;
}

/** What workers may do under /lockkeeper: everything but giving it away. The operator is asked for no list. */
export function workerAcl(credentials: Credentials): readonly ZkAcl[] {
  return userAcl(workerAuth(credentials), zkPerms.read | zkPerms.write | zkPerms.create | zkPerms.delete);
}
