import { asLockkeeperError, type LockkeeperError } from '../../common/errors.ts';
import type { ZkClient } from '../../common/zookeeper/client.ts';
import { configPath, pipelinesPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import { removePipeline } from '../../common/zookeeper/removal.ts';
import { watchEach } from '../../common/zookeeper/following.ts';
import { readZnode, writeZnode } from '../../common/zookeeper/znode.ts';
import { decodeConfig, encodeConfig } from '../../crds/config-codec.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';

export interface ConfigListener {
  /** A pipeline's first or next configuration. */
  config(config: PipelineConfig): void;
  /** A configuration that cannot be used (LK1703); the one before stays in force. An empty name: none can be seen at present. */
  invalid(pipeline: string, error: LockkeeperError): void;
  /** The pipeline is gone. */
  removed(pipeline: string): void;
}

/** The pipelines' compiled configurations in ZooKeeper: written by the operator, followed by the workers. */
export class ConfigStore {
  readonly #client: ZkClient;
  readonly #ref: InstanceRef;

  constructor(client: ZkClient, ref: InstanceRef) {
    this.#client = client;
    this.#ref = ref;
  }

  /**
   * Writes a configuration unless the same is there.
   * @throws LockkeeperError LK1703 if it may not be written; ZkError
   */
  async publish(config: PipelineConfig): Promise<'written' | 'unchanged'> {
    return writeZnode(this.#client.session, configPath(this.#ref, config.name), encodeConfig(config));
  }

  /** Null where the pipeline has none. @throws LockkeeperError LK1703 if it is invalid; ZkError */
  async read(pipeline: string): Promise<PipelineConfig | null> {
    const text = await readZnode(this.#client.session, configPath(this.#ref, pipeline));
    return text === null ? null : decodeConfig(text, pipeline);
  }

  /**
   * Removes the configuration, upon which workers end their campaigns, and what else is left of the pipeline. Answers false while
   * candidates are still there: call it again.
   */
  remove(pipeline: string): Promise<boolean> {
    return removePipeline(this.#client.session, this.#ref, pipeline);
  }

  /** Follows all pipelines of the instance, through reconnections and new sessions, until the answer is called. */
  watch(listener: ConfigListener): () => void {
    const failed = (name: string, error: unknown) => listener.invalid(name, asLockkeeperError(error, 'LK1703'));
    return watchEach(this.#client, pipelinesPath(this.#ref), (name) => configPath(this.#ref, name), {
      told: (name, text) => {
        if (text === null) return listener.removed(name);
        let config;
        try {
          config = decodeConfig(text, name);
        } catch (error) {
          return failed(name, error);
        }
        listener.config(config);
      },
      failed,
    });
  }
}
