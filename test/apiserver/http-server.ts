import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TransportRequest } from '../../operator/kube/transport.ts';
import type { ApiServer } from './api-server.ts';
import { Connection } from './connection.ts';

export interface HttpApiServer {
  /** http://127.0.0.1:PORT, or https */
  readonly url: string;
  /** TCP connections that are open. */
  connections(): Promise<number>;
  /** TCP connections made since the start. */
  readonly accepted: number;
  /** All requests of all clients go through it: faults are set here. */
  readonly connection: Connection;
  close(): Promise<void>;
}

/** The server on a port of the loopback interface, for clients of real HTTP; of HTTPS with key and certificate, as PEM. */
export async function serveHttp(
  apiServer: ApiServer,
  tls?: { readonly key: string; readonly cert: string },
): Promise<HttpApiServer> {
  const connection = new Connection(apiServer);
  let accepted = 0;
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    answer(connection, request, response).catch(() => response.destroy());
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.on('connection', () => accepted++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () =>
      new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count)))),
    get accepted() {
      return accepted;
    },
    connection,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(connection: Connection, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(incoming.url ?? '/', 'http://localhost');
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const request: TransportRequest = {
    method: incoming.method as TransportRequest['method'],
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    body: await bodyOf(incoming),
    contentType: incoming.headers['content-type'],
    accept: incoming.headers.accept,
    signal: gone.signal,
  };
  if (url.searchParams.get('watch') !== 'true') {
    const { status, body, retryAfterMs } = await connection.send(request);
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(retryAfterMs === undefined ? {} : { 'retry-after': String(retryAfterMs / 1000) }),
    });
    response.end(JSON.stringify(body));
    return;
  }
  const stream = await connection.stream(request);
  if (stream.kind === 'refused') {
    response.writeHead(stream.answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(stream.answer.body));
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  for await (const line of stream.lines) response.write(`${JSON.stringify(line)}\n`);
  response.end();
}

async function bodyOf(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : (JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown);
}
