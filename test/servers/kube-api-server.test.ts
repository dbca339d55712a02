import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startKubeApiServer, type KubeApiServer } from './kube-api-server.ts';

let server: KubeApiServer;

beforeAll(async () => {
  server = await startKubeApiServer();
});

afterAll(() => server[Symbol.asyncDispose]());

const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});
const path = '/api/v1/namespaces/default/configmaps';

describe('startKubeApiServer', () => {
  test('stores objects and answers every status', async () => {
    const created = await server.request(path, { method: 'POST', body: configMap('one', { a: '1' }) });
    expect(created).toMatchObject({ status: 201, body: { metadata: { name: 'one', uid: expect.any(String) } } });
    const wrong = await server.request(path, { method: 'POST', body: configMap('One', {}) });
    expect(wrong).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
    expect(await server.request(`${path}/none`)).toMatchObject({ status: 404, body: { reason: 'NotFound' } });
  });

  test('refuses whom it does not know', async () => {
    const stranger = await server.kubectl(['--token=wrong', 'get', 'configmaps']);
    expect(stranger).toMatchObject({ code: 1, stderr: expect.stringContaining('must be logged in') });
  });

  test('is what kubectl talks to', async () => {
    const applied = await server.kubectl(['apply', '-f', '-'], JSON.stringify(configMap('two', { a: '2' })));
    expect(applied).toEqual({ code: 0, stdout: 'configmap/two created\n', stderr: '' });
    const read = await server.kubectl(['get', 'configmap', 'two', '-o', 'jsonpath={.data.a}']);
    expect(read.stdout).toBe('2');
  });

  test('comes back with what it had, after a stop and after kill -9', async () => {
    await server.request(path, { method: 'POST', body: configMap('kept', { a: 'b' }) });
    for (const end of [() => server.stop(), () => server.kill9()]) {
      await end();
      await expect(server.request('/readyz')).rejects.toThrow();
      await server.start();
      expect(await server.request(`${path}/kept`)).toMatchObject({ status: 200, body: { data: { a: 'b' } } });
    }
  });

  test('ends with its processes', async () => {
    const other = await startKubeApiServer();
    const dir = other.dir;
    await other[Symbol.asyncDispose]();
    await expect(other.request('/readyz')).rejects.toThrow();
    expect(existsSync(dir)).toBe(true);
    expect(other.log()).toContain('Serving securely');
  });
});
