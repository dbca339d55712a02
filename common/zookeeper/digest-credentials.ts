import { readFileSync } from 'node:fs';
import { LockkeeperError, messageOf } from '../errors.ts';

export const credentialsVariable = 'LOCKKEEPER_ZOOKEEPER_AUTH';

/**
 * `user:password` for ZooKeeper's scheme digest, from the file given, else from the environment; undefined where neither is set. Never
 * from the command line, which every user of the machine can read.
 * @throws LockkeeperError LK1003 for a file that cannot be read, or a text that is no user and password; it is not shown
 */
export function readDigestCredentials(file: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  const source = file === undefined ? credentialsVariable : file;
  const text = file === undefined ? env[credentialsVariable] : readText(file);
  if (text === undefined || (file === undefined && text === '')) return undefined;
  const credentials = text.replace(/\r?\n$/, '');
  if (!/^[^:\s]+:[^\r\n\0]+$/.test(credentials)) throw invalid(source, 'no user:password on one line');
  return credentials;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw invalid(file, messageOf(error));
  }
}

function invalid(source: string, found: string): LockkeeperError {
  return new LockkeeperError('LK1003', `invalid ZooKeeper credentials in ${source}`, {
    found,
    remedy: 'Write user:password on one line, such as the key worker-auth of the ensemble’s Secret holds.',
    details: { field: 'zookeeper' },
  });
}
