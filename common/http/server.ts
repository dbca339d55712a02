import { fastify, type FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { messageOf } from '../errors.ts';
import { parseAddress } from './address.ts';

export interface HttpProbes {
  /** Null when the process works; else what is wrong with it (a restart may help). */
  unhealthy(): string | null;
  /** Null when the process can take up its work; else what it waits for. */
  unready(): string | null;
  /** JSON of everything that is known. */
  status(): unknown;
  /** Brings gauges up to date before a scrape, where they do not see to it themselves. */
  beforeScrape?(): void;
}

export interface HttpOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly registry: Registry;
  readonly probes: HttpProbes;
}

/** `/metrics` for Prometheus, `/healthz` and `/readyz` for Kubernetes, `/status` for people and programs. Read-only. */
export async function serveHttp(options: HttpOptions): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { registry, probes } = options;
  const server: FastifyInstance = fastify({ forceCloseConnections: true });
  server.get('/metrics', async (_request, reply) => {
    probes.beforeScrape?.();
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  server.get('/healthz', (_request, reply) => probe(reply, probes.unhealthy()));
  server.get('/readyz', (_request, reply) => probe(reply, probes.unready()));
  server.get('/status', () => probes.status());
  await server.listen({ host: options.host, port: options.port });
  const address = server.server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : options.port, close: () => server.close() };
}

/** Serves at `host:port` as a command line gives it. Throws an error that says what to do about an address in use. */
export async function serveAt(address: string, registry: Registry, probes: HttpProbes): ReturnType<typeof serveHttp> {
  const { host, port } = parseAddress(address)!;
  try {
    return await serveHttp({ host, port, registry, probes });
  } catch (cause) {
    throw new Error(`cannot listen on ${address}: ${messageOf(cause)}; choose another address with --http`, { cause });
  }
}

function probe(reply: { code(status: number): { send(body: string): unknown } }, problem: string | null): unknown {
  return reply.code(problem === null ? 200 : 503).send(problem === null ? 'ok\n' : `${problem}\n`);
}
