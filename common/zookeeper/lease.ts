/**
 * How long this process may still believe that its session lives.
 *
 * The server counts a session's timeout from the last packet it got. This side knows only when it sent a packet that was
 * answered, which was earlier, so two thirds of the timeout from then on end before the server's count does; the last third
 * covers what the ensemble's leader learns late: servers report to it which sessions they heard each half tick, and a timeout
 * is at least two ticks.
 *
 * All times are of a monotonic clock that runs on while the process is stopped, in milliseconds.
 */
export class Lease {
  readonly #now: () => number;
  #timeoutMs: number;
  #heardAt = -Infinity;
  #ended = false;
  readonly #renewed = new Set<() => void>();

  constructor(timeoutMs: number, now: () => number) {
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  /** -Infinity before the first answer and after the session's end. */
  get validUntil(): number {
    return this.#ended ? -Infinity : this.#heardAt + (this.#timeoutMs * 2) / 3;
  }

  /** Compared with the clock at this moment: right even when timers are late or the process has slept. */
  get valid(): boolean {
    return this.#now() < this.validUntil;
  }

  /** A request sent at `sentAt` was answered by a quorum's leader within this session. */
  heard(sentAt: number, timeoutMs: number = this.#timeoutMs): void {
    if (this.#ended || sentAt < this.#heardAt) return;
    this.#heardAt = sentAt;
    this.#timeoutMs = timeoutMs;
    for (const listener of [...this.#renewed]) listener();
  }

  end(): void {
    this.#ended = true;
  }

  /** Calls back after each renewal; the answer unsubscribes. */
  onRenewed(listener: () => void): () => void {
    this.#renewed.add(listener);
    return () => this.#renewed.delete(listener);
  }
}
