import { describe, expect, test } from 'vitest';
import { digestId } from '../../common/zookeeper/acl.ts';
import { credentialsFrom, newCredentials, secretData, superAuth, workerAcl, workerAuth } from './credentials.ts';

describe('credentials', () => {
  test('are made anew each time, long enough not to be guessed', () => {
    const [a, b] = [newCredentials(), newCredentials()];
    const all = [a.superPassword, a.workerPassword, b.superPassword, b.workerPassword];
    expect(new Set(all).size).toBe(4);
    for (const password of all) expect(password).toMatch(/^[\w-]{32}$/);
  });

  test('are read back from what is stored', () => {
    const credentials = newCredentials();
    const data = secretData(credentials);
    expect(credentialsFrom(data)).toEqual(credentials);
    expect(data['super-digest']).toBe(digestId(superAuth(credentials)));
    expect(data['worker-auth']).toBe(workerAuth(credentials));
  });

  test('of servers are a hash only', () => {
    const credentials = newCredentials();
    expect(secretData(credentials)['super-digest']).not.toContain(credentials.superPassword);
  });

  test.each([{}, { 'super-password': 'x' }, { 'super-password': 'a\nb', 'worker-password': 'x' }])('cannot be %j', (data) => {
    expect(credentialsFrom(data)).toBeNull();
  });

  test('let workers do everything but give it away', () => {
    const credentials = newCredentials();
    expect(workerAcl(credentials)).toEqual([{ perms: 15, scheme: 'digest', id: digestId(workerAuth(credentials)) }]);
  });
});
