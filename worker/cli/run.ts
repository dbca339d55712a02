import { hostname } from 'node:os';
import packageJson from '../../package.json' with { type: 'json' };
import { LockkeeperError } from '../../common/errors.ts';
import { createLogger } from '../../common/log.ts';
import { readDigestCredentials } from '../../common/zookeeper/digest-credentials.ts';
import { loadManifests, ManifestError, type Manifests } from '../../crds/manifest.ts';
import { compilePipeline, type PipelineConfig } from '../../crds/pipeline-config.ts';
import { parseAddress } from '../../common/http/address.ts';
import { serveAt } from '../../common/http/server.ts';
import { WorkerMetrics } from '../metrics.ts';
import { ManifestSecrets } from '../pipeline/secrets.ts';
import { failpointFrom } from '../runtime/failpoint.ts';
import { createCoordinator } from '../runtime/coordinate.ts';
import { WorkerProcess } from '../runtime/worker-process.ts';
import { showProgress } from './progress.ts';
import { drained, untilSignal } from '../../common/signals.ts';

export interface RunOptions {
  readonly file: readonly string[];
  /** `host:port,...`, nearest first; none: this process leads every pipeline alone. */
  readonly zookeeper?: string;
  readonly zookeeperTimeoutSeconds: number;
  /** Holds `user:password`; none: LOCKKEEPER_ZOOKEEPER_AUTH, if that is set. */
  readonly zookeeperAuthFile?: string;
  readonly region?: string;
  readonly workerId?: string;
  /** `host:port`, port 0 for any free one. */
  readonly http: string;
  readonly output: 'auto' | 'text' | 'json';
  readonly logLevel: string;
}

/**
 * `lockkeeper run`: the pipelines of manifest files on this machine, until SIGTERM or SIGINT. Resolves to the exit code.
 * Throws ManifestError when the files have faults, before anything is touched.
 */
export async function run(options: RunOptions): Promise<number> {
  const manifests = loadManifests(options.file);
  const configs = compileAll(manifests);
  const zookeeperAuth = zookeeperCredentials(options);
  const worker = options.workerId ?? `${hostname()}-${process.pid}`;
  const log = createLogger(options.logLevel, { worker });
  const metrics = new WorkerMetrics();
  const process_ = new WorkerProcess({
    worker,
    region: options.region ?? null,
    configs,
    secrets: new ManifestSecrets(manifests.secrets),
    metrics,
    log,
    failpoint: failpointFrom(process.env),
    coordinator: createCoordinator({
      servers: options.zookeeper ?? null,
      timeoutMs: options.zookeeperTimeoutSeconds * 1000,
      digestAuth: zookeeperAuth,
      worker,
      region: options.region ?? configs[0]?.pipeline.region ?? 'home',
      version: packageJson.version,
      log,
    }),
  });
  const { host } = parseAddress(options.http)!;
  const http = await serveAt(options.http, metrics.registry, process_.probes);
  log.info({ http: `http://${host}:${http.port}`, pipelines: configs.map((c) => `${c.namespace}/${c.name}`) }, 'started');
  // Before anything is led, so that a signal never ends the process without a drain.
  const asked = untilSignal(log);
  const progress = showProgress({ statuses: () => process_.statuses(), output: options.output, address: `${host}:${http.port}` });
  try {
    await Promise.race([process_.start(), asked]);
    await asked;
    await drained(process_.stop());
    return 0;
  } finally {
    progress.stop();
    await http.close();
  }
}

/** Throws ManifestError as for a manifest that is wrong: nothing was done. */
function zookeeperCredentials({ zookeeper, zookeeperAuthFile }: RunOptions): string | undefined {
  if (zookeeper === undefined) return undefined;
  try {
    return readDigestCredentials(zookeeperAuthFile, process.env);
  } catch (error) {
    throw error instanceof LockkeeperError ? new ManifestError([error]) : error;
  }
}

/**
 * Server ids are counted per instance, in the order of names, so that every process makes the same of the same files.
 * Throws ManifestError when there is no pipeline at all.
 */
export function compileAll(manifests: Manifests): PipelineConfig[] {
  if (manifests.pipelines.length === 0) {
    const remedy = 'Pass the file that holds one with another -f.';
    throw new ManifestError([
      new LockkeeperError('LK1005', 'the files hold no SyncPipeline, so there is nothing to run', { remedy }),
    ]);
  }
  const used = new Map<string, number>();
  const sorted = [...manifests.pipelines].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return sorted.map((pipeline) => {
    const { namespace } = pipeline.metadata;
    const name = pipeline.spec.canalInstanceRef.name;
    const instance = manifests.instances.find((i) => i.metadata.name === name && i.metadata.namespace === namespace)!;
    const key = `${namespace}/${name}`;
    const index = used.get(key) ?? 0;
    used.set(key, index + 1);
    return compilePipeline(instance, pipeline, index);
  });
}
