import type { WriteGate } from './apply-loop.ts';

/** A gate that stays shut until the pipeline's configuration changes: spec.state Paused. */
export class PauseGate implements WriteGate {
  readonly open = false;
  readonly #ended: Promise<never>;

  constructor(signal: AbortSignal) {
    this.#ended = new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    this.#ended.catch(() => undefined);
  }

  wait(): Promise<void> {
    return this.#ended;
  }
}
