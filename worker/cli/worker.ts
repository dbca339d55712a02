import packageJson from '../../package.json' with { type: 'json' };
import { createLogger } from '../../common/log.ts';
import { readDigestCredentials } from '../../common/zookeeper/digest-credentials.ts';
import { parseAddress } from '../../common/http/address.ts';
import { serveAt } from '../../common/http/server.ts';
import { WorkerMetrics } from '../metrics.ts';
import { failpointFrom } from '../runtime/failpoint.ts';
import { InstanceWorker } from '../runtime/instance-worker.ts';
import { MountedSecrets } from '../runtime/mounted-secrets.ts';
import { probesOf } from '../runtime/probes.ts';
import { openZookeeper } from '../runtime/zookeeper.ts';
import { drained, untilSignal } from '../../common/signals.ts';

export interface WorkerOptions {
  /** `host:port,...`, nearest first. */
  readonly zookeeper: string;
  readonly zookeeperTimeoutSeconds: number;
  /** Holds `user:password`, such as a key of a mounted Secret; none: LOCKKEEPER_ZOOKEEPER_AUTH, if that is set. */
  readonly zookeeperAuthFile?: string;
  /** Of the CanalInstance that is served. */
  readonly namespace: string;
  readonly instance: string;
  readonly region: string;
  readonly workerId: string;
  /** Holds the mounted Secrets, a folder for each. */
  readonly secretsDir: string;
  /** `host:port`, port 0 for any free one. */
  readonly http: string;
  readonly logLevel: string;
}

/**
 * `lockkeeper worker`: what a worker pod of a CanalInstance runs. It has no manifests: pipelines come from ZooKeeper, where the
 * operator writes them, and Secrets from mounted folders. Resolves to the exit code after SIGTERM or SIGINT.
 */
export async function worker(options: WorkerOptions): Promise<number> {
  const { namespace, instance, region, workerId } = options;
  const log = createLogger(options.logLevel, { worker: workerId });
  const signalled = untilSignal(log);
  const metrics = new WorkerMetrics();
  const secrets = new MountedSecrets({ folder: options.secretsDir, log });
  const instanceWorker = new InstanceWorker({
    client: openZookeeper({
      servers: options.zookeeper,
      timeoutMs: options.zookeeperTimeoutSeconds * 1000,
      digestAuth: readDigestCredentials(options.zookeeperAuthFile, process.env),
    }),
    instance: { namespace, instance },
    worker: { id: workerId, region, version: packageJson.version },
    secrets,
    metrics,
    log,
    failpoint: failpointFrom(process.env),
  });
  const http = await serveAt(options.http, metrics.registry, probesOf(instanceWorker, metrics));
  const { host } = parseAddress(options.http)!;
  log.info({ http: `http://${host}:${http.port}`, instance: `${namespace}/${instance}`, region }, 'started');
  void instanceWorker.start();
  await signalled;
  await drained(instanceWorker.stop());
  secrets.close();
  await http.close();
  return 0;
}
