import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { createLogger } from '../../common/log.ts';
import { HttpTransport, KubeClient, Manager, findAccess, resources, type Resource } from '../../operator/kube/index.ts';
import { startKubeApiServer, type KubeApiServer } from '../servers/index.ts';

export const namespace = 'shop';

/** How long an operator goes on after what was waited for: it would write again by then if it were to. */
const WHILE_LONGER_MS = 4_000;

/** The real API server, with nothing behind it that would run a pod: everything that the operator writes is judged by it. */
export class RealApi {
  readonly client: KubeClient;
  readonly #server: KubeApiServer;
  readonly #transports: HttpTransport[] = [];

  private constructor(server: KubeApiServer, first: HttpTransport) {
    this.#server = server;
    this.#transports.push(first);
    this.client = new KubeClient(first);
  }

  /** With the CRDs, and a namespace where PodSecurity is restricted. */
  static async start(): Promise<RealApi> {
    const server = await startKubeApiServer();
    const api = new RealApi(server, await transportTo(server));
    const applied = await server.kubectl(['apply', '-f', join(import.meta.dirname, '../../crds')]);
    expect(applied).toMatchObject({ code: 0, stderr: '' });
    const served = await server.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
    expect(served.code, served.stderr).toBe(0);
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await api.client.request('create Namespace', {
      ...{ method: 'POST', path: '/api/v1/namespaces' },
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
    });
    return api;
  }

  /** Runs an operator until this holds, and a while longer. `add`: gives it its controllers; what they have to `stop` is stopped. */
  async operate(add: (manager: Manager) => { stop?(): Promise<void> } | void, until: () => Promise<boolean>): Promise<void> {
    const transport = await transportTo(this.#server);
    this.#transports.push(transport);
    const manager = new Manager({
      client: new KubeClient(transport),
      log: createLogger('silent'),
      instance: 'operator-0',
    });
    const added = add(manager);
    const stopping = new AbortController();
    const running = manager.run(stopping.signal);
    try {
      await expect.poll(until, { timeout: 60_000 }).toBe(true);
      await sleep(WHILE_LONGER_MS);
    } finally {
      stopping.abort();
      await running;
      await added?.stop?.();
    }
  }

  /** The resource version of each object of these kinds, by kind and name. */
  async versions(kinds: readonly Resource[]): Promise<Record<string, string>> {
    const lists = await Promise.all(kinds.map((kind) => this.client.listAll(kind, { namespace })));
    const all = lists.flatMap(({ items }) => items);
    return Object.fromEntries(all.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]));
  }

  /** What pods need that name no other; a controller manager would make it. */
  async makeDefaultServiceAccount(): Promise<void> {
    await this.client.create(resources.ServiceAccount, {
      ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close()));
    await this.#server[Symbol.asyncDispose]();
  }
}

async function transportTo(server: KubeApiServer): Promise<HttpTransport> {
  const before = process.env['KUBECONFIG'];
  process.env['KUBECONFIG'] = server.kubeconfig;
  try {
    return new HttpTransport(await findAccess());
  } finally {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
  }
}
