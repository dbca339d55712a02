import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { KubeClient } from '../../operator/kube/index.ts';
import { ApiServer, serveHttp, type HttpApiServer } from '../apiserver/index.ts';
import { runFolder } from '../servers/process.ts';
import { TcpProxy } from '../servers/tcp-proxy.ts';
import { LockkeeperProcess } from './lockkeeper-process.ts';

/** An API server of this process on a port, for operators that are processes of their own; the line to it can be cut. */
export class ApiSite {
  readonly server: ApiServer;
  /** What kubectl does. */
  readonly user: KubeClient;
  readonly line: TcpProxy;
  readonly #http: HttpApiServer;
  readonly #kubeconfig: string;
  readonly #operators = new Set<LockkeeperProcess>();

  private constructor(server: ApiServer, http: HttpApiServer, line: TcpProxy) {
    this.server = server;
    this.user = new KubeClient(server.connect());
    this.#http = http;
    this.line = line;
    this.#kubeconfig = join(runFolder('kube'), 'config');
    writeFileSync(this.#kubeconfig, kubeconfigOf(`http://${line.host}:${line.port}`));
  }

  static async start(): Promise<ApiSite> {
    const server = new ApiServer();
    const http = await serveHttp(server);
    const { hostname, port } = new URL(http.url);
    return new ApiSite(server, http, await TcpProxy.start({ host: hostname, port: Number(port) }));
  }

  /** With the environment that the chart gives a pod. */
  async startOperator(name: string, env: Readonly<Record<string, string>> = {}): Promise<LockkeeperProcess> {
    const operator = await LockkeeperProcess.operator({ env: { ...this.environment(name), ...env } });
    this.#operators.add(operator);
    return operator;
  }

  environment(name: string): Record<string, string> {
    return {
      KUBECONFIG: this.#kubeconfig,
      POD_NAME: name,
      POD_NAMESPACE: 'system',
      LOCKKEEPER_LEASE_NAME: 'main-lockkeeper',
      LOCKKEEPER_LOG_LEVEL: 'info',
      LOCKKEEPER_WATCH_NAMESPACES: '',
      LOCKKEEPER_CLUSTER_DOMAIN: 'cluster.local',
      LOCKKEEPER_WORKER_IMAGE: 'lockkeeper:test',
      LOCKKEEPER_IMAGE_PULL_POLICY: 'IfNotPresent',
    };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#operators].map((operator) => operator.kill9()));
    await this.line.stop();
    await this.#http.close();
  }
}

/** Without TLS client-node asks to be told that none is wanted. */
function kubeconfigOf(server: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    users: [{ name: 'test', user: {} }],
  });
}
