/** Memory that an item takes beside its bytes: objects, arrays, buffer headers (measured on one-row transactions). */
const ITEM_OVERHEAD = 1024;

/**
 * A queue between two stages, bounded by bytes of memory. The producer never waits inside `push`: it is told that the queue is full and
 * pauses its own source (a socket); `onDrain` tells it to go on once half of the limit is free.
 */
export class ByteQueue<T extends { readonly bytes: number }> {
  readonly limit: number;
  #items: T[] = [];
  #bytes = 0;
  #full = false;
  #waiting: PromiseWithResolvers<void> | null = null;
  #ended = false;
  #error: Error | null = null;
  /** Called when a queue that was full has room again. Set by the producer. */
  onDrain: () => void = () => undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#items.length;
  }

  /** What comes out next. */
  get head(): T | undefined {
    return this.#items[0];
  }

  /** False: the queue is over its limit, pause until `onDrain`. Pushing on is allowed and keeps order; items after `close` are dropped. */
  push(item: T): boolean {
    if (this.#ended) return true;
    this.#items.push(item);
    this.#bytes += item.bytes;
    this.#wake();
    if (this.#bytes + this.#items.length * ITEM_OVERHEAD > this.limit) this.#full = true;
    return !this.#full;
  }

  /** Everything queued, at once and without waiting; empty when nothing is there. */
  poll(): T[] {
    const items = this.#items;
    if (items.length === 0) return items;
    this.#items = [];
    this.#bytes = 0;
    if (this.#full) {
      this.#full = false;
      this.onDrain();
    }
    return items;
  }

  /**
   * Everything queued, waiting for a first item. Empty once the queue was closed and all is taken; rejects with the
   * producer's error after the items before it were taken.
   */
  async take(): Promise<T[]> {
    await this.ready();
    return this.poll();
  }

  /** Resolves when `poll` would return something or the queue has ended; rejects when it failed and is empty. */
  async ready(): Promise<void> {
    while (this.#items.length === 0) {
      if (this.#error !== null) throw this.#error;
      if (this.#ended) return;
      this.#waiting ??= Promise.withResolvers<void>();
      await this.#waiting.promise;
    }
  }

  get ended(): boolean {
    return this.#ended && this.#items.length === 0;
  }

  /** No more items come. */
  close(): void {
    this.#ended = true;
    this.#wake();
  }

  /** No more items come, for this reason. */
  fail(error: unknown): void {
    this.#error ??= error instanceof Error ? error : new Error(String(error));
    this.close();
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = null;
  }
}
