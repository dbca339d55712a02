import type { StoredChunk } from './snapshot-store.ts';
import type { KeyValue } from './chunk-key.ts';

export type PlannedChunk = Pick<StoredChunk, 'chunk' | 'lower' | 'upper'>;

/**
 * The chunks of one table that are still to copy: those planned earlier and never finished, then new ones behind the last, cut
 * one at a time. New chunks are cut by one caller at a time, since each begins where the one before ends.
 */
export class ChunkQueue {
  readonly #unfinished: PlannedChunk[];
  #next: { chunk: number; lower: KeyValue | null } | null;
  #cutting: Promise<unknown> = Promise.resolve();
  readonly #firstNew: number;

  /** `chunks` is what has been planned so far, in order. */
  constructor(chunks: readonly StoredChunk[]) {
    this.#unfinished = chunks.filter((chunk) => chunk.point === null);
    const last = chunks.at(-1);
    this.#firstNew = last === undefined ? 0 : last.chunk + 1;
    if (last === undefined) this.#next = { chunk: 0, lower: null };
    else this.#next = last.upper === null ? null : { chunk: last.chunk + 1, lower: last.upper };
  }

  /** Whether the chunk was cut at the present point, not at an earlier one. */
  isNew({ chunk }: PlannedChunk): boolean {
    return chunk >= this.#firstNew;
  }

  /** Nothing is left to hand out; chunks handed out may still be on their way. */
  get empty(): boolean {
    return this.#unfinished.length === 0 && this.#next === null;
  }

  /**
   * The next chunk, or null. `boundary` finds the upper end of a chunk that begins at a key, null at the table's end; `record` keeps
   * the new chunk before anybody copies it.
   */
  async take(
    boundary: (lower: KeyValue | null) => Promise<KeyValue | null>,
    record: (chunk: PlannedChunk) => Promise<void>,
  ): Promise<PlannedChunk | null> {
    const unfinished = this.#unfinished.shift();
    if (unfinished !== undefined) return unfinished;
    const cut = this.#cutting.then(async () => {
      if (this.#next === null) return null;
      const { chunk, lower } = this.#next;
      const planned = { chunk, lower, upper: await boundary(lower) };
      await record(planned);
      this.#next = planned.upper === null ? null : { chunk: chunk + 1, lower: planned.upper };
      return planned;
    });
    this.#cutting = cut.catch(() => undefined);
    return cut;
  }
}
