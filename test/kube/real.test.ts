import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  HttpTransport,
  KubeClient,
  findAccess,
  inClusterAccess,
  resources,
  type ServerAccess,
} from '../../operator/kube/index.ts';
import { startKubeApiServer, type KubeApiServer } from '../servers/index.ts';
import { kubeContract, type ContractServer } from './contract/index.ts';
import { configMap } from './objects.ts';

let server: KubeApiServer;
/** A service account's folder as it is mounted into pods. */
let account: string;

beforeAll(async () => {
  server = await startKubeApiServer();
  account = await mkdtemp(join(tmpdir(), 'account-'));
  await writeFile(join(account, 'token'), server.token);
  await writeFile(join(account, 'ca.crt'), server.certificate);
  await writeFile(join(account, 'namespace'), 'default');
  const applied = await server.kubectl(['apply', '-f', join(import.meta.dirname, '../../crds')]);
  expect(applied).toMatchObject({ code: 0, stderr: '' });
  const served = await server.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  expect(served.code, served.stderr).toBe(0);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(account, { recursive: true });
});

function inCluster(): Promise<ServerAccess> {
  const env = { KUBERNETES_SERVICE_HOST: server.host, KUBERNETES_SERVICE_PORT: String(server.port) };
  return inClusterAccess(env, { root: account });
}

async function open(): Promise<ContractServer> {
  const transport = new HttpTransport(await inCluster());
  const client = new KubeClient(transport);
  const namespace = `contract-${randomUUID().slice(0, 8)}`;
  await client.request('create Namespace', {
    method: 'POST',
    path: '/api/v1/namespaces',
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  });
  return {
    client,
    namespace,
    expiredRevision: async () => {
      const { resourceVersion } = await client.list(resources.ConfigMap, { namespace, limit: 1 });
      // The server remembers no history from before its own start.
      await client.create(resources.ConfigMap, configMap(namespace, 'last'));
      await server.stop();
      await server.start();
      return resourceVersion;
    },
    close: () => transport.close(),
  };
}

kubeContract('the real API server', open);

describe('access to the real API server', () => {
  const read = async (access: ServerAccess) => {
    const transport = new HttpTransport(access);
    const { items } = await new KubeClient(transport).list(resources.ServiceAccount, { namespace: 'default' });
    await transport.close();
    return items;
  };

  it('is found by a kubeconfig', async () => {
    const before = process.env.KUBECONFIG;
    process.env.KUBECONFIG = server.kubeconfig;
    try {
      expect(await read(await findAccess())).toBeDefined();
    } finally {
      if (before === undefined) delete process.env.KUBECONFIG;
      else process.env.KUBECONFIG = before;
    }
  });

  it('goes on with a new token when the old one is refused', async () => {
    await writeFile(join(account, 'token'), 'expired');
    const access = await inCluster();
    await expect(read(access)).rejects.toMatchObject({ status: 401, reason: 'Unauthorized' });
    await writeFile(join(account, 'token'), server.token);
    expect(await read(access)).toBeDefined();
  });

  it('is refused to a server of another authority', async () => {
    await writeFile(join(account, 'ca.crt'), '');
    await expect(read(await inCluster())).rejects.toMatchObject({ status: 0, reason: 'Unreachable' });
    await writeFile(join(account, 'ca.crt'), server.certificate);
    expect(await read(await inCluster())).toBeDefined();
  });
});
