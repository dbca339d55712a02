import { LockkeeperError } from '../../common/errors.ts';
import type { InstanceRef } from '../../common/zookeeper/paths.ts';
import { decodeConfig } from '../../crds/config-codec.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import type { Subject } from '../../crds/table-flow.ts';
import { keyOf, type ObjectKey } from '../kube/index.ts';
import { writesOf } from './writes.ts';

/** What a configuration writes, which is in force or may be. */
export interface Claim extends Subject {
  readonly generation: number;
  readonly instanceGeneration: number;
}

/**
 * The configurations that are in force or may be, by pipeline: a worker goes on with what it has until it takes up what is published
 * next, whatever the spec says by now. Nobody else may write where one of them writes.
 */
export class Claims {
  readonly #held = new Map<ObjectKey, Map<string, Claim>>();
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Of all pipelines that hold any, also where their object is gone. */
  keys(): Iterable<ObjectKey> {
    return this.#held.keys();
  }

  of(pipeline: ObjectKey): readonly Claim[] {
    return [...(this.#held.get(pipeline)?.values() ?? [])];
  }

  /** This configuration is published, or is about to be: then `admitted`, and nobody need be judged anew. */
  hold({ namespace }: InstanceRef, name: string, text: string, admitted = false): void {
    const key = keyOf({ namespace, name });
    const held = this.#held.get(key) ?? new Map<string, Claim>();
    if (held.has(text)) return;
    const config = readable(text, name);
    if (config === null) return; // workers refuse it too, and go on with what they have
    this.#held.set(key, held.set(text, claimOf(config)));
    if (!admitted) this.#changed();
  }

  /** Only this configuration is in force; null: none is. */
  settle({ namespace }: InstanceRef, name: string, text: string | null): void {
    const key = keyOf({ namespace, name });
    const held = this.#held.get(key);
    if (held === undefined) return;
    const before = writesOfAll(held);
    for (const each of [...held.keys()]) if (each !== text) held.delete(each);
    if (held.size === 0) this.#held.delete(key);
    if (writesOfAll(held) !== before) this.#changed();
  }

  /** The instance has no workers any more. */
  releaseInstance({ namespace, instance }: InstanceRef): void {
    for (const [key, held] of this.#held) {
      const [first] = held.values();
      const metadata = first!.instance.metadata;
      if (metadata.namespace === namespace && metadata.name === instance) this.#held.delete(key);
    }
    this.#changed();
  }
}

function writesOfAll(held: ReadonlyMap<string, Claim>): string {
  return [...new Set([...held.values()].map(writesOf))].sort().join();
}

function readable(text: string, name: string): PipelineConfig | null {
  try {
    return decodeConfig(text, name);
  } catch (error) {
    if (error instanceof LockkeeperError) return null;
    throw error;
  }
}

export function claimOf(config: PipelineConfig): Claim {
  const { namespace, name, generation, instanceGeneration, instance } = config;
  const [apiVersion, labels, annotations] = ['lockkeeper.io/v1alpha1', {}, {}] as const;
  return {
    ...{ generation, instanceGeneration },
    label: `${namespace}/${name} (as generation ${generation} of it has it, which is in force)`,
    pipeline: { apiVersion, kind: 'SyncPipeline', metadata: { namespace, name, labels, annotations }, spec: config.pipeline },
    instance: {
      ...{ apiVersion, kind: 'CanalInstance', spec: config.source },
      metadata: { namespace, name: instance, labels, annotations },
    },
  };
}
