import { fastify, type FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';

export interface HttpProbes {
  /** Null when the process works; else what is wrong with it (a restart may help). */
  unhealthy(): string | null;
  /** Null when the process can take up its work; else what it waits for. */
  unready(): string | null;
  /** JSON of everything that is known. */
  status(): unknown;
  /** Brings gauges up to date before a scrape. */
  beforeScrape(): void;
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
    probes.beforeScrape();
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  server.get('/healthz', (_request, reply) => probe(reply, probes.unhealthy()));
  server.get('/readyz', (_request, reply) => probe(reply, probes.unready()));
  server.get('/status', () => probes.status());
  await server.listen({ host: options.host, port: options.port });
  const address = server.server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : options.port, close: () => server.close() };
}

function probe(reply: { code(status: number): { send(body: string): unknown } }, problem: string | null): unknown {
  return reply.code(problem === null ? 200 : 503).send(problem === null ? 'ok\n' : `${problem}\n`);
}
