/** Lines that are pushed on one side and iterated on the other. */
export class WatchStream implements AsyncIterable<unknown> {
  readonly #lines: unknown[] = [];
  #wake: (() => void) | undefined;
  #end: { readonly error?: unknown } | undefined;
  /** Called once, when the reader has gone or the stream has ended. */
  onClose: () => void = () => undefined;

  push(line: unknown): void {
    if (this.#end !== undefined) return;
    this.#lines.push(line);
    this.#wake?.();
  }

  /** Ends after what was pushed: by the server without error, by a broken connection with one. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    this.#wake?.();
    this.onClose();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    try {
      for (;;) {
        while (this.#lines.length > 0) yield this.#lines.shift();
        if (this.#end !== undefined) {
          if ('error' in this.#end) throw this.#end.error;
          return;
        }
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.end();
    }
  }
}
