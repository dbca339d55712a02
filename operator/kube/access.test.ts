import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findAccess, inClusterAccess } from './access.ts';
import { ManualClock } from './manual-clock.ts';

describe('inClusterAccess', () => {
  let root: string;
  const clock = new ManualClock();
  const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' };

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'access-'));
    await Promise.all([
      writeFile(join(root, 'token'), 'first\n'),
      writeFile(join(root, 'ca.crt'), 'CA'),
      writeFile(join(root, 'namespace'), 'shop'),
    ]);
  });
  afterEach(() => rm(root, { recursive: true }));

  it('reads server, namespace, token and CA', async () => {
    const access = await inClusterAccess(env, { root, clock });
    expect([access.server, access.namespace]).toEqual(['https://10.96.0.1:6443', 'shop']);
    expect(await access.credentials()).toEqual({ headers: { authorization: 'Bearer first' }, tls: { ca: 'CA' } });
  });

  it('writes an IPv6 address as URLs do', async () => {
    const access = await inClusterAccess({ KUBERNETES_SERVICE_HOST: 'fd00::1' }, { root, clock });
    expect(access.server).toBe('https://[fd00::1]:443');
  });

  it('takes up a new token within a minute, or at once when the server refused the old one', async () => {
    const access = await inClusterAccess(env, { root, clock });
    await writeFile(join(root, 'token'), 'second');
    const bearer = async (renew?: boolean) => (await access.credentials(renew)).headers.authorization;
    expect(await bearer()).toBe('Bearer first');
    await clock.advance(60_001);
    expect(await bearer()).toBe('Bearer second');
    await writeFile(join(root, 'token'), 'third');
    expect([await bearer(), await bearer(true), await bearer()]).toEqual(['Bearer second', 'Bearer third', 'Bearer third']);
  });

  it('says which file is missing', async () => {
    await rm(join(root, 'ca.crt'));
    await expect(inClusterAccess(env, { root, clock })).rejects.toMatchObject({
      code: 'LK1801',
      found: expect.stringContaining('ca.crt'),
    });
  });
});

describe('findAccess', () => {
  const before = process.env.KUBECONFIG;
  let folder: string;
  const use = async (text: string) => {
    process.env.KUBECONFIG = join(folder, 'config');
    await writeFile(process.env.KUBECONFIG, text);
    return findAccess();
  };
  const config = (cluster: string, user: string) =>
    `{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: k, user: u, namespace: shop}}],
      clusters: [{name: k, cluster: ${cluster}}], users: [{name: u, user: ${user}}]}`;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'access-'));
  });
  afterEach(async () => {
    if (before === undefined) delete process.env.KUBECONFIG;
    else process.env.KUBECONFIG = before;
    await rm(folder, { recursive: true });
  });

  it('reads a kubeconfig with a client certificate', async () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const access = await use(
      config(
        `{server: 'https://host:6443/', certificate-authority-data: ${base64('CA')}}`,
        `{client-certificate-data: ${base64('CERT')}, client-key-data: ${base64('KEY')}}`,
      ),
    );
    expect([access.server, access.namespace]).toEqual(['https://host:6443', 'shop']);
    const { headers, tls, agent } = await access.credentials();
    expect([headers, String(tls.ca), String(tls.cert), String(tls.key), agent]).toEqual([{}, 'CA', 'CERT', 'KEY', undefined]);
  });

  it('reads a kubeconfig with a token', async () => {
    const access = await use(config(`{server: 'https://host'}`, '{token: abc}'));
    expect((await access.credentials()).headers).toEqual({ Authorization: 'Bearer abc' });
  });

  it('says what is wrong with one that cannot be used', async () => {
    await expect(use('{current-context: c}')).rejects.toMatchObject({ code: 'LK1801' });
    process.env.KUBECONFIG = join(folder, 'absent');
    await expect(findAccess()).rejects.toMatchObject({ code: 'LK1801', found: 'the kubeconfig cannot be read' });
  });
});
