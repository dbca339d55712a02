import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubeClient } from '../../operator/kube/index.ts';
import { ApiServer, serveHttp, type HttpApiServer } from '../apiserver/index.ts';
import { runFolder } from '../servers/process.ts';
import { TcpProxy } from '../servers/tcp-proxy.ts';
import { LockkeeperProcess } from './lockkeeper-process.ts';

/**
 * An API server of this process on a port, for operators that are processes of their own and reach it as from a pod, with the token
 * of a service account; the line to it can be cut.
 */
export class ApiSite {
  readonly server: ApiServer;
  /** What kubectl does. */
  readonly user: KubeClient;
  readonly line: TcpProxy;
  readonly #http: HttpApiServer;
  readonly #account: string;
  readonly #operators = new Set<LockkeeperProcess>();

  private constructor(server: ApiServer, http: HttpApiServer, line: TcpProxy, account: string) {
    this.server = server;
    this.user = new KubeClient(server.connect());
    this.#http = http;
    this.line = line;
    this.#account = account;
  }

  static async start(): Promise<ApiSite> {
    const server = new ApiServer();
    const account = runFolder('service-account');
    const tls = makeCertificate();
    for (const [name, text] of Object.entries({ 'ca.crt': tls.cert, namespace: 'system', token: 'test' }))
      writeFileSync(join(account, name), text);
    const http = await serveHttp(server, tls);
    const { hostname, port } = new URL(http.url);
    return new ApiSite(server, http, await TcpProxy.start({ host: hostname, port: Number(port) }), account);
  }

  /** With the environment that the chart gives a pod. */
  async startOperator(name: string, env: Readonly<Record<string, string>> = {}): Promise<LockkeeperProcess> {
    const operator = await LockkeeperProcess.operator({
      env: { ...this.environment(name), ...env },
      within: ['unshare', '--mount', 'sh', '-c', mounting, this.#account],
    });
    this.#operators.add(operator);
    return operator;
  }

  environment(name: string): Record<string, string> {
    return {
      KUBECONFIG: '',
      KUBERNETES_SERVICE_HOST: this.line.host,
      KUBERNETES_SERVICE_PORT: String(this.line.port),
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

/** In a mount namespace: puts the account, $0, where a pod has it, and becomes the command. */
const mounting = `
  account=/var/run/secrets/kubernetes.io/serviceaccount
  mount -t tmpfs tmpfs /run && mkdir -p "$account" && cp "$0"/* "$account" && exec "$@"`;

function makeCertificate(): { readonly key: string; readonly cert: string } {
  const folder = runFolder('certificate');
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=kubernetes', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
  execFileSync('openssl', ['req', '-x509', ...kind, '-out', cert, ...subject], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}
