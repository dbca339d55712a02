import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { findTool, freePort, runFolder, ServerProcess, waitUntilReady } from './process.ts';

export interface KubeRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`; a PATCH needs its own. */
  readonly contentType?: string;
}

export interface KubeAnswer {
  readonly status: number;
  /** The JSON that came, or the text where it was none. */
  readonly body: unknown;
}

export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A Kubernetes API without a cluster: etcd and kube-apiserver as processes of this machine, on ports and in folders of their
 * own. Objects are stored and judged as everywhere; nothing runs pods, and nothing collects garbage. RBAC is on.
 */
export class KubeApiServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly dir: string;
  /** A bearer token of the group system:masters. */
  readonly token = randomUUID();
  readonly #etcd: ServerProcess;
  readonly #etcdPort: number;
  readonly #logFile: string;
  #process: ServerProcess | undefined;
  #agent: Agent | undefined;

  constructor(dir: string, port: number, etcd: ServerProcess, etcdPort: number) {
    this.dir = dir;
    this.port = port;
    this.#etcd = etcd;
    this.#etcdPort = etcdPort;
    this.#logFile = join(dir, 'kube-apiserver.log');
    writeFileSync(join(dir, 'tokens.csv'), `${this.token},admin,admin,system:masters\n`);
    const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(join(dir, 'accounts.key'), accounts.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(join(dir, 'accounts.pub'), accounts.publicKey.export({ type: 'spki', format: 'pem' }));
  }

  get url(): string {
    return `https://${this.host}:${this.port}`;
  }

  /** The certificate of the authority that signed the server's, which it makes for itself at its first start. */
  get certificate(): string {
    return readFileSync(join(this.dir, 'certificates', 'apiserver.crt'), 'utf8');
  }

  /** File for KUBECONFIG: the administrator, namespace default. */
  get kubeconfig(): string {
    return join(this.dir, 'kubeconfig.json');
  }

  /** Starts the API server (again, after `stop` or `kill9`: with what etcd holds) and waits until it is ready. */
  async start(): Promise<void> {
    if (this.#process && !this.#process.hasEnded) throw new Error('the API server is running');
    const file = (name: string) => join(this.dir, name);
    this.#process = new ServerProcess(
      findTool('kube-apiserver'),
      [
        `--etcd-servers=http://127.0.0.1:${this.#etcdPort}`,
        ...[`--bind-address=${this.host}`, `--secure-port=${this.port}`, `--cert-dir=${file('certificates')}`],
        // There is no Service to reach it by, and a loopback address would be refused as one's endpoint.
        ...['--endpoint-reconciler-type=none', '--service-cluster-ip-range=10.96.0.0/16'],
        ...[`--token-auth-file=${file('tokens.csv')}`, '--authorization-mode=RBAC'],
        '--service-account-issuer=https://kubernetes.default.svc',
        ...[`--service-account-key-file=${file('accounts.pub')}`, `--service-account-signing-key-file=${file('accounts.key')}`],
      ],
      this.#logFile,
    );
    const ready = async () => {
      this.#hangUp(); // the certificate may have been read while it was being written
      return (await this.request('/readyz')).status === 200;
    };
    await waitUntilReady('kube-apiserver', this.#process, this.#logFile, ready, 120);
    const name = 'test';
    const cluster = { server: this.url, 'certificate-authority-data': Buffer.from(this.certificate).toString('base64') };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster }],
      users: [{ name, user: { token: this.token } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    };
    writeFileSync(this.kubeconfig, JSON.stringify(config), { mode: 0o600 });
  }

  /** Sends a request as the administrator. Every status is an answer; rejects only where none comes. */
  async request(path: string, { method = 'GET', body, contentType = 'application/json' }: KubeRequest = {}): Promise<KubeAnswer> {
    this.#agent ??= new Agent({ keepAlive: true, ca: this.certificate });
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${this.token}`,
      accept: 'application/json',
      ...(text === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }),
    };
    const { promise, resolve, reject } = Promise.withResolvers<KubeAnswer>();
    const sent = request(`${this.url}${path}`, { method, headers, agent: this.#agent, timeout: 60_000 }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const answer = Buffer.concat(parts).toString();
        const isJson = response.headers['content-type']?.startsWith('application/json');
        resolve({ status: response.statusCode ?? 0, body: isJson ? (JSON.parse(answer) as unknown) : answer });
      });
    });
    sent.on('error', reject);
    sent.on('timeout', () => sent.destroy(new Error(`no answer to ${method} ${path} in 60 s`)));
    sent.end(text);
    return promise;
  }

  /** Runs kubectl as the administrator, to whatever end. */
  kubectl(args: readonly string[], input = ''): Promise<KubectlResult> {
    const { promise, resolve } = Promise.withResolvers<KubectlResult>();
    const env = { ...process.env, KUBECONFIG: this.kubeconfig };
    const command = ['--cache-dir', join(this.dir, 'kubectl-cache'), ...args];
    const child = execFile(findTool('kubectl'), command, { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr });
    });
    child.stdin?.end(input);
    return promise;
  }

  /** Ends the API server and leaves etcd. */
  async stop(): Promise<void> {
    this.#hangUp();
    await this.#process?.terminate();
  }

  async kill9(): Promise<void> {
    await this.#process?.kill9();
    this.#hangUp();
  }

  #hangUp(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }

  log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** The quick end of both. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill9();
    await this.#etcd.kill9();
  }
}

/** Starts etcd and an API server and waits until it is ready. */
export async function startKubeApiServer(): Promise<KubeApiServer> {
  const dir = runFolder('kube-api-server');
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const etcd = new ServerProcess(
    findTool('etcd'),
    [
      ...['--data-dir', join(dir, 'etcd'), '--unsafe-no-fsync', '--log-level', 'warn'], // nothing here must survive a power cut
      ...['--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
      ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`],
    ],
    join(dir, 'etcd.log'),
  );
  const server = new KubeApiServer(dir, port, etcd, etcdPort);
  try {
    const healthy = async () => (await fetch(`${etcdUrl}/health`)).ok;
    await waitUntilReady('etcd', etcd, join(dir, 'etcd.log'), healthy);
    await server.start();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}
