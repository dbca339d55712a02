import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Credentials, ServerAccess } from '../../operator/kube/access.ts';
import { HttpTransport, KubeClient, isNotFound, resources } from '../../operator/kube/index.ts';
import { TransportError } from '../../operator/kube/transport.ts';
import { ApiServer, serveHttp, type HttpApiServer } from '../apiserver/index.ts';
import { configMap } from './objects.ts';

function accessTo(
  server: string,
  credentials: (renew?: boolean) => Credentials = () => ({ headers: {}, tls: {} }),
): ServerAccess {
  return { server, namespace: undefined, credentials: (renew) => Promise.resolve(credentials(renew)) };
}

describe('HttpTransport', () => {
  let server: HttpApiServer;
  let transport: HttpTransport;
  let client: KubeClient;
  const ref = { namespace: 'shop', name: 'a' };

  beforeEach(async () => {
    server = await serveHttp(new ApiServer());
    transport = new HttpTransport(accessTo(server.url));
    client = new KubeClient(transport);
    await client.create(resources.ConfigMap, configMap('shop', 'a', { text: 'käse' }));
  });
  afterEach(async () => {
    await transport.close();
    await server.close();
  });

  it('makes one connection for all requests that follow each other', async () => {
    for (let turn = 0; turn < 50; turn++) expect((await client.get(resources.ConfigMap, ref)).data).toEqual({ text: 'käse' });
    await expect(client.get(resources.ConfigMap, { namespace: 'shop', name: 'b' })).rejects.toSatisfy(isNotFound);
    expect(server.accepted).toBe(1);
  });

  it('makes a new one when CA or certificate change, and closes the idle one', async () => {
    let ca = 'one';
    transport = new HttpTransport(accessTo(server.url, () => ({ headers: {}, tls: { ca } })));
    client = new KubeClient(transport);
    const before = server.accepted;
    await client.get(resources.ConfigMap, ref);
    await client.get(resources.ConfigMap, ref);
    expect(server.accepted - before).toBe(1);
    ca = 'two';
    await client.get(resources.ConfigMap, ref);
    expect(server.accepted - before).toBe(2);
    await expect.poll(() => server.connections()).toBe(2);
  });

  it('leaves nothing open when it is closed', async () => {
    await client.get(resources.ConfigMap, ref);
    await transport.close();
    await expect.poll(() => server.connections()).toBe(0);
  });

  it('streams a watch line by line, and closes its connection with the signal', async () => {
    const abort = new AbortController();
    const { resourceVersion } = await client.list(resources.ConfigMap);
    const watch = await client.watch(resources.ConfigMap, { resourceVersion, timeoutSeconds: 60 }, abort.signal);
    const lines = watch[Symbol.asyncIterator]();
    for (const name of ['b', 'c']) {
      await client.create(resources.ConfigMap, configMap('shop', name));
      expect(await lines.next()).toMatchObject({ value: { type: 'ADDED', object: { metadata: { name } } } });
    }
    const next = lines.next();
    abort.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    await transport.close();
    await expect.poll(() => server.connections()).toBe(0);
  });

  it('closes a watch that its reader has left', async () => {
    const { resourceVersion } = await client.list(resources.ConfigMap);
    const watch = await client.watch(resources.ConfigMap, { resourceVersion, timeoutSeconds: 60 }, new AbortController().signal);
    await client.create(resources.ConfigMap, configMap('shop', 'b'));
    for await (const _line of watch) break;
    await transport.close();
    await expect.poll(() => server.connections()).toBe(0);
  });

  it('says why a watch is refused', async () => {
    server.connection.fault = () => ({ kind: 'refuse', status: 403, reason: 'Forbidden' });
    const watch = client.watch(resources.ConfigMap, { resourceVersion: '1', timeoutSeconds: 60 }, new AbortController().signal);
    await expect(watch).rejects.toMatchObject({ status: 403, message: 'watch configmaps: refused by the test' });
  });

  it('tells a break from an end of a watch', async () => {
    const { resourceVersion } = await client.list(resources.ConfigMap);
    const open = (timeoutSeconds: number) =>
      client.watch(resources.ConfigMap, { resourceVersion, timeoutSeconds }, new AbortController().signal);
    expect(await Array.fromAsync(await open(0.01))).toEqual([]);
    const broken = (await open(60))[Symbol.asyncIterator]().next();
    server.connection.cutWatches();
    await expect(broken).rejects.toMatchObject({ name: 'TransportError', kind: 'Broken' });
  });

  it('ends a request with its signal, or when it takes too long', async () => {
    server.connection.fault = () => ({ kind: 'hang' });
    const abort = new AbortController();
    const get = { method: 'GET', path: '/api/v1/pods' } as const;
    const aborted = transport.send({ ...get, signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')), 20);
    await expect(aborted).rejects.toThrow('enough');
    await expect(transport.send({ ...get, timeoutMs: 50 })).rejects.toMatchObject({ kind: 'Timeout' });
    await expect(transport.stream({ ...get, timeoutMs: 50 })).rejects.toMatchObject({ kind: 'Timeout' });
  });

  it('knows that a request was certainly not done where nobody listens', async () => {
    await server.close();
    await transport.close();
    await expect(transport.send({ method: 'GET', path: '/' })).rejects.toMatchObject({ kind: 'Refused' });
  });
});

describe('HttpTransport with a server that is not well', () => {
  let server: Server;
  let transport: HttpTransport;

  const serve = async (listener: RequestListener, access: (url: string) => ServerAccess = accessTo) => {
    server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    transport = new HttpTransport(access(`http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix/`));
  };
  const send = () => transport.send({ method: 'GET', path: '/x', query: { a: 'b c', no: undefined, yes: true } });
  afterEach(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));

  it('keeps the path and writes the query', async () => {
    await serve((request, response) => response.end(request.url));
    expect(await send()).toMatchObject({ status: 200, body: '/prefix/x?a=b+c&yes=true' });
  });

  it('reads Retry-After', async () => {
    await serve((_request, response) => response.writeHead(429, { 'retry-after': '3' }).end());
    expect(await send()).toMatchObject({ status: 429, retryAfterMs: 3000 });
  });

  it('takes an answer that was cut off for none', async () => {
    await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"a":');
      setTimeout(() => response.destroy(), 10);
    });
    await expect(send()).rejects.toMatchObject({ kind: 'Broken' });
  });

  it('takes JSON that is none for a broken answer', async () => {
    await serve((_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":'));
    await expect(send()).rejects.toThrow(TransportError);
    await expect(send()).rejects.toThrow('the answer is no JSON');
  });

  it('asks once more with new credentials when the old ones are refused', async () => {
    let tokens = 0;
    const access = (url: string) =>
      accessTo(url, (renew) => ({ headers: { authorization: renew === true ? `Bearer ${++tokens}` : 'Bearer old' }, tls: {} }));
    await serve((request, response) => {
      response.statusCode = request.headers.authorization === 'Bearer 1' ? 200 : 401;
      response.end();
    }, access);
    expect([(await send()).status, (await send()).status, tokens]).toEqual([200, 401, 2]);
    tokens = 0;
    const stream = () => transport.stream({ method: 'GET', path: '/x' });
    expect(await stream()).toMatchObject({ kind: 'open' });
    expect(await stream()).toMatchObject({ kind: 'refused', answer: { status: 401 } });
  });
});
