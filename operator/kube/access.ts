import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { LockkeeperError } from '../../common/errors.ts';
import { systemClock, type Clock } from './clock.ts';

/** What authenticates a request and the server that it goes to. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
  /** Takes the request through a proxy, in place of a connection of our own. */
  readonly agent?: Agent | undefined;
}

export interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface ServerAccess {
  /** Such as https://10.0.0.1:443, perhaps with a path. */
  readonly server: string;
  /** Namespace of the pod, or of the kubeconfig's context. */
  readonly namespace: string | undefined;
  /** For the next request. `renew`: the server has refused the last answer, so it is read anew. */
  credentials(renew?: boolean): Promise<Credentials>;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Tokens and certificates are replaced long before they expire; client-go reads them each minute, too. */
const REREAD_MS = 60_000;

/**
 * KUBECONFIG if that is set, else the pod's service account, else ~/.kube/config.
 * @throws LockkeeperError LK1801 when there is none, or it cannot be read
 */
export async function findAccess(env: NodeJS.ProcessEnv = process.env): Promise<ServerAccess> {
  if ((env.KUBECONFIG ?? '') === '' && env.KUBERNETES_SERVICE_HOST !== undefined) return inClusterAccess(env);
  return kubeconfigAccess();
}

/** The service account that Kubernetes mounts into the pod. `root` is for tests. */
export async function inClusterAccess(
  env: NodeJS.ProcessEnv,
  { root = SERVICE_ACCOUNT, clock = systemClock }: { root?: string; clock?: Clock } = {},
): Promise<ServerAccess> {
  const host = env.KUBERNETES_SERVICE_HOST ?? '';
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? '443'}`;
  const read = async (name: string) => {
    const path = join(root, name);
    try {
      return await readFile(path, 'utf8');
    } catch (cause) {
      throw noAccess(`the pod's service account has no readable ${path}`, cause);
    }
  };
  let known: { readonly credentials: Credentials; readonly readAt: number } | undefined;
  const credentials = async (renew = false) => {
    if (known === undefined || renew || clock.monotonic() - known.readAt > REREAD_MS) {
      const [token, ca] = await Promise.all([read('token'), read('ca.crt')]);
      known = {
        credentials: { headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca } },
        readAt: clock.monotonic(),
      };
    }
    return known.credentials;
  };
  await credentials();
  return { server, namespace: (await read('namespace')).trim(), credentials };
}

/**
 * A kubeconfig with all that client-node understands: client certificates, exec plugins, proxies. It is loaded only here, outside of
 * clusters: the package takes 90 MB.
 */
async function kubeconfigAccess(): Promise<ServerAccess> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (cause) {
    throw noAccess('the kubeconfig cannot be read', cause);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw noAccess(`the kubeconfig has no cluster for its context '${config.getCurrentContext()}'`);
  const credentials = async (): Promise<Credentials> => {
    const options: HttpsOptions = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (cause) {
      throw noAccess(`the credentials of context '${config.getCurrentContext()}' cannot be had`, cause);
    }
    const { ca, cert, key, servername, rejectUnauthorized, auth } = options;
    return {
      headers: {
        ...options.headers,
        ...(auth === undefined ? {} : { authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
      },
      tls: Object.fromEntries(
        Object.entries({ ca, cert, key, servername, rejectUnauthorized }).filter(([, value]) => value !== undefined),
      ),
      agent: cluster.proxyUrl === undefined ? undefined : options.agent,
    };
  };
  await credentials(); // what is wrong with them is better known at the start
  return {
    server: cluster.server.replace(/\/$/, ''),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    credentials,
  };
}

/** What client-node fills in. */
interface HttpsOptions extends Record<string, unknown> {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
  servername?: string;
  rejectUnauthorized?: boolean;
  auth?: string;
  headers?: Record<string, string>;
  agent?: Agent;
}

function noAccess(found: string, cause?: unknown): LockkeeperError {
  return new LockkeeperError('LK1801', undefined, { found, cause });
}
