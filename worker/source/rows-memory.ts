import type { RowsEvent } from './stream-item.ts';

/** The counts are halved here, so that they follow the stream. */
const WINDOW_BYTES = 16 * 1024 * 1024;

/**
 * Keeps memory in proportion to the rows that are kept. Images are views into large buffers, and one small view keeps its
 * whole buffer; where most of the stream is filtered out, images are copied instead.
 */
export class RowsMemory {
  #kept = 0;
  #dropped = 0;

  keep(event: RowsEvent): RowsEvent {
    this.#kept += event.images.length;
    if (this.#dropped <= this.#kept) return event;
    return { ...event, images: Buffer.from(event.images) };
  }

  dropped(bytes: number): void {
    this.#dropped += bytes;
    if (this.#dropped + this.#kept < WINDOW_BYTES) return;
    this.#dropped /= 2;
    this.#kept /= 2;
  }
}
