import { asLockkeeperError, type LockkeeperError } from '../../common/errors.ts';
import type { ZkClient } from '../../common/zookeeper/client.ts';
import {
  configPath,
  electionPath,
  pipelinePath,
  pipelinesPath,
  statusPath,
  type InstanceRef,
} from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { watchChildren, watchData } from '../../common/zookeeper/watch.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { decodeConfig, encodeConfig } from './config-codec.ts';

export interface ConfigListener {
  /** A pipeline's first or next configuration. */
  config(config: PipelineConfig): void;
  /** A configuration that cannot be used (LK1703); the one before stays in force. */
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
    const text = encodeConfig(config);
    const { session } = this.#client;
    const path = configPath(this.#ref, config.name);
    await session.ensurePath(pipelinePath(this.#ref, config.name));
    for (;;) {
      try {
        const { data, stat } = await session.get(path);
        if (data.toString() === text) return 'unchanged';
        await session.set(path, text, stat.version);
        return 'written';
      } catch (error) {
        if (isZkError(error, 'bad-version')) continue;
        if (!isZkError(error, 'no-node')) throw error;
      }
      try {
        // Complete from the start: a watcher never sees it empty.
        await session.create(path, text);
        return 'written';
      } catch (error) {
        if (!isZkError(error, 'node-exists')) throw error;
      }
    }
  }

  /** Null where the pipeline has none. @throws LockkeeperError LK1703 if it is invalid; ZkError */
  async read(pipeline: string): Promise<PipelineConfig | null> {
    try {
      const { data } = await this.#client.session.get(configPath(this.#ref, pipeline));
      return decodeConfig(data.toString(), pipeline);
    } catch (error) {
      if (isZkError(error, 'no-node')) return null;
      throw error;
    }
  }

  /**
   * Removes the configuration, upon which workers end their campaigns, and what else is left of the pipeline. Answers false while
   * candidates are still there: call it again.
   */
  async remove(pipeline: string): Promise<boolean> {
    const { session } = this.#client;
    try {
      await session.deleteSurely(configPath(this.#ref, pipeline));
      await session.deleteSurely(statusPath(this.#ref, pipeline));
      await session.deleteSurely(electionPath(this.#ref, pipeline));
      await session.deleteSurely(pipelinePath(this.#ref, pipeline));
      return true;
    } catch (error) {
      if (isZkError(error, 'not-empty')) return false;
      throw error;
    }
  }

  /** Follows all pipelines of the instance, through reconnections and new sessions, until the answer is called. */
  watch(listener: ConfigListener): () => void {
    const stop = new AbortController();
    const followed = new FollowedConfigs(this.#ref, listener);
    const unsubscribe = this.#client.onSession((session) => followed.follow(session, stop.signal));
    return () => {
      unsubscribe();
      stop.abort();
    };
  }
}

/** What a watcher has been told so far, over all sessions. */
class FollowedConfigs {
  readonly #ref: InstanceRef;
  readonly #listener: ConfigListener;
  readonly #texts = new Map<string, string>();

  constructor(ref: InstanceRef, listener: ConfigListener) {
    this.#ref = ref;
    this.#listener = listener;
  }

  follow(session: ZkSession, stop: AbortSignal): void {
    const watched = new Map<string, AbortController>();
    const deliver = (names: string[] | null) => {
      const present = new Set(names ?? []);
      for (const name of [...watched.keys(), ...this.#texts.keys()]) {
        if (present.has(name)) continue;
        watched.get(name)?.abort();
        watched.delete(name);
        this.#tell(name, null);
      }
      for (const name of present) {
        if (watched.has(name)) continue;
        const one = new AbortController();
        watched.set(name, one);
        this.#watch(session, name, AbortSignal.any([stop, one.signal]));
      }
    };
    watchChildren(session, pipelinesPath(this.#ref), deliver, stop).catch((error: unknown) => this.#fail('', error));
  }

  #watch(session: ZkSession, name: string, signal: AbortSignal): void {
    const path = configPath(this.#ref, name);
    watchData(session, path, (value) => this.#tell(name, value?.data.toString() ?? null), signal).catch((error: unknown) =>
      this.#fail(name, error),
    );
  }

  #tell(name: string, text: string | null): void {
    if (text === null) {
      if (this.#texts.delete(name)) this.#listener.removed(name);
      return;
    }
    if (this.#texts.get(name) === text) return;
    this.#texts.set(name, text);
    let config;
    try {
      config = decodeConfig(text, name);
    } catch (error) {
      this.#fail(name, error);
      return;
    }
    this.#listener.config(config);
  }

  #fail(name: string, error: unknown): void {
    this.#listener.invalid(name, asLockkeeperError(error, 'LK1703'));
  }
}
