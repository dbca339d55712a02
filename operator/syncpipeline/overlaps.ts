import type { LockkeeperError } from '../../common/errors.ts';
import { findOverlaps, type CanalInstance, type SyncPipeline } from '../../crds/index.ts';
import { keyOf, type ObjectKey } from '../kube/index.ts';

/** A pipeline with its age. */
export interface Aged {
  readonly pipeline: SyncPipeline;
  /** As in metadata. */
  readonly creationTimestamp: string;
}

/**
 * What pipelines do to each other, judged for all at once and again only when one has changed: of two that write one table the older
 * goes on.
 */
export class OverlapJudge {
  readonly #pipelines: () => readonly Aged[];
  readonly #instances: () => readonly CanalInstance[];
  #verdicts: ReadonlyMap<ObjectKey, readonly LockkeeperError[]> | null = null;

  constructor(pipelines: () => readonly Aged[], instances: () => readonly CanalInstance[]) {
    this.#pipelines = pipelines;
    this.#instances = instances;
  }

  /** A pipeline or an instance has come, gone or changed. */
  reopen(): void {
    this.#verdicts = null;
  }

  against(pipeline: ObjectKey): readonly LockkeeperError[] {
    this.#verdicts ??= judge(this.#pipelines(), this.#instances());
    return this.#verdicts.get(pipeline) ?? [];
  }
}

/** By pipeline. */
export function judge(pipelines: readonly Aged[], instances: readonly CanalInstance[]): Map<ObjectKey, LockkeeperError[]> {
  const verdicts = new Map<ObjectKey, LockkeeperError[]>();
  for (const { pipeline, error } of findOverlaps(inOrderOfAge(pipelines), instances)) {
    const key = keyOf(pipeline.metadata);
    verdicts.set(key, [...(verdicts.get(key) ?? []), error]);
  }
  return verdicts;
}

function inOrderOfAge(pipelines: readonly Aged[]): SyncPipeline[] {
  const place = ({ pipeline, creationTimestamp }: Aged) => `${creationTimestamp} ${keyOf(pipeline.metadata)}`;
  return pipelines.toSorted((a, b) => (place(a) < place(b) ? -1 : 1)).map(({ pipeline }) => pipeline);
}
