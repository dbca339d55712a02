import { createHash } from 'node:crypto';
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
  /** By pipeline and digest of the configuration. */
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
    const digest = digestOf(text);
    if (held.has(digest)) return;
    const config = readable(text, name);
    if (config === null) return; // workers refuse it too, and go on with what they have
    this.#held.set(key, held.set(digest, claimOf(config)));
    if (!admitted) this.#changed();
  }

  /** Only this configuration is in force; null: none is. */
  settle({ namespace }: InstanceRef, name: string, text: string | null): void {
    const key = keyOf({ namespace, name });
    const held = this.#held.get(key);
    if (held === undefined) return;
    const before = writesOfAll(held);
    const digest = text === null ? null : digestOf(text);
    for (const each of [...held.keys()]) if (each !== digest) held.delete(each);
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

/** Only what is asked of it: there may be very many, for as long as the process lives. */
export function claimOf(config: PipelineConfig): Claim {
  const { namespace, name, generation, instanceGeneration, instance, source, pipeline } = config;
  const { master, standby, filter } = source;
  const { target, tables, twoWay } = pipeline;
  return {
    ...{ generation, instanceGeneration },
    label: `${namespace}/${name} (as generation ${generation} of it has it, which is in force)`,
    pipeline: { metadata: { namespace, name }, spec: { target: { host: target.host, port: target.port }, tables, twoWay } },
    instance: { metadata: { namespace, name: instance }, spec: { master, standby, filter } },
  };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
