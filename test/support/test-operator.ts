import { setTimeout as sleep } from 'node:timers/promises';
import { ZkClient } from '../../common/zookeeper/client.ts';
import {
  configPath,
  instanceConfigPath,
  pipelinePath,
  sourcePath,
  statusPath,
  workerPath,
  workersPath,
} from '../../common/zookeeper/paths.ts';
import { removePipeline } from '../../common/zookeeper/removal.ts';
import { readZnode, writeZnode } from '../../common/zookeeper/znode.ts';
import { encodeConfig, encodeInstanceConfig } from '../../crds/config-codec.ts';
import { canalInstanceSchema, syncPipelineSchema, type CanalInstance } from '../../crds/index.ts';
import { compileInstance } from '../../crds/instance-config.ts';
import { compilePipeline } from '../../crds/pipeline-config.ts';
import { pipelineReportSchema, type PipelineReport } from '../../crds/pipeline-report.ts';
import { readReport } from '../../crds/read-report.ts';
import { sourceReportSchema, type SourceReport } from '../../crds/source-report.ts';
import { workerInfoSchema, type WorkerInfo } from '../../crds/worker-info.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What the operator does with ZooKeeper for one instance, through the functions that it uses itself. */
export class TestOperator {
  readonly client: ZkClient;
  readonly ref: { readonly namespace: string; readonly instance: string };
  readonly #generations = new Map<string, number>();
  readonly #places: string[] = [];
  #instance: CanalInstance;

  private constructor(client: ZkClient, instance: CanalInstance) {
    this.client = client;
    this.#instance = instance;
    this.ref = { namespace: instance.metadata.namespace, instance: instance.metadata.name };
  }

  /** `spec`: of the CanalInstance. */
  static async start(servers: string, name: string, spec: Fields): Promise<TestOperator> {
    const client = new ZkClient({ servers });
    await client.session.whenConnected();
    const operator = new TestOperator(client, instanceOf(name, spec));
    await operator.#writeInstance();
    return operator;
  }

  /** Changes fields of the instance; pipelines get them when they are applied again. */
  async configureInstance(name: string, spec: Fields): Promise<void> {
    this.#instance = instanceOf(name, spec);
    await this.#writeInstance();
  }

  /** Writes a SyncPipeline's configuration and answers its generation. */
  async apply(name: string, spec: Fields): Promise<number> {
    const generation = (this.#generations.get(name) ?? 0) + 1;
    this.#generations.set(name, generation);
    if (!this.#places.includes(name)) this.#places.push(name);
    const pipeline = syncPipelineSchema.parse({
      apiVersion: 'lockkeeper.io/v1alpha1',
      kind: 'SyncPipeline',
      metadata: { name, generation },
      spec: { canalInstanceRef: { name: this.ref.instance }, ...spec },
    });
    const config = compilePipeline(this.#instance, pipeline, this.#places.indexOf(name));
    await writeZnode(this.client.session, configPath(this.ref, name), encodeConfig(config));
    return generation;
  }

  /** Puts any text in the place of a configuration. */
  async applyText(name: string, text: string): Promise<void> {
    await writeZnode(this.client.session, configPath(this.ref, name), text);
  }

  /** Resolves when nothing is left of the pipeline in ZooKeeper. */
  async remove(name: string): Promise<void> {
    while (!(await removePipeline(this.client.session, this.ref, name))) await sleep(100);
  }

  async exists(name: string): Promise<boolean> {
    return (await this.client.session.exists(pipelinePath(this.ref, name))) !== null;
  }

  async report(name: string): Promise<PipelineReport | null> {
    return readReport(pipelineReportSchema, await readZnode(this.client.session, statusPath(this.ref, name)));
  }

  async source(): Promise<SourceReport | null> {
    return readReport(sourceReportSchema, await readZnode(this.client.session, sourcePath(this.ref)));
  }

  /** The live workers by id. */
  async workers(): Promise<ReadonlyMap<string, WorkerInfo>> {
    const { session } = this.client;
    const ids = await session.children(workersPath(this.ref)).catch(() => []);
    const found = new Map<string, WorkerInfo>();
    for (const id of ids.sort()) {
      const info = readReport(workerInfoSchema, await readZnode(session, workerPath(this.ref, id)));
      if (info !== null) found.set(id, info);
    }
    return found;
  }

  /** The id of the worker that leads a pipeline, as the workers say themselves. */
  async leaderOf(name: string): Promise<string | null> {
    for (const [id, { pipelines }] of await this.workers()) if (pipelines.includes(name)) return id;
    return null;
  }

  /** Waits for a report as wanted. Fails with the last one after `seconds`. */
  async until(name: string, wanted: (report: PipelineReport) => boolean, seconds = 60): Promise<PipelineReport> {
    const deadline = performance.now() + seconds * 1000;
    for (;;) {
      const report = await this.report(name);
      if (report !== null && wanted(report)) return report;
      if (performance.now() > deadline) {
        throw new Error(`${name} was not reported as wanted in ${seconds} s: ${JSON.stringify(report, null, 1)}`);
      }
      await sleep(50);
    }
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  async #writeInstance(): Promise<void> {
    const text = encodeInstanceConfig(compileInstance(this.#instance));
    await writeZnode(this.client.session, instanceConfigPath(this.ref), text);
  }
}

function instanceOf(name: string, spec: Fields): CanalInstance {
  return canalInstanceSchema.parse({
    apiVersion: 'lockkeeper.io/v1alpha1',
    kind: 'CanalInstance',
    metadata: { name, generation: 1 },
    spec: { zkEnsembleRef: { name: 'main' }, ...spec },
  });
}
