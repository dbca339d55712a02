import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../common/errors.ts';
import type { Logger } from '../../common/log.ts';
import type { Lease } from '../../common/zookeeper/lease.ts';
import type { Candidate } from './coordinator.ts';
import { TermController, type TermEnd } from './term.ts';

/** How long a candidate may take to end its work before leadership passes on without it. The target's epoch guards the rows then. */
const FAREWELL_MS = 10_000;
/** How long a worker whose work has failed waits before it stands again, so that others may try. */
export const FAILURE_PAUSE_MS = 5_000;

/** Runs a candidate's terms, one after the other and never two at once. */
export class Leadership {
  readonly #candidate: Candidate;
  readonly #log: Logger;
  readonly #onFailure: () => void;
  #term: TermController | null = null;
  /** The work of this and earlier terms. Never rejects. */
  #work: Promise<void> = Promise.resolve();

  /** `onFailure`: the candidate's work rejected during its term; leadership should be given up for a while. */
  constructor(candidate: Candidate, log: Logger, onFailure: () => void) {
    this.#candidate = candidate;
    this.#log = log;
    this.#onFailure = onFailure;
  }

  get held(): boolean {
    return this.#term !== null;
  }

  take(lease: Lease | null): void {
    if (this.#term !== null) return;
    const controller = new TermController(lease);
    this.#term = controller;
    this.#work = this.#work.then(() => this.#lead(controller));
  }

  /** Ends the term at once; resolves when its work has ended, or too long after that should have been. */
  async giveUp(why: TermEnd['why']): Promise<void> {
    this.#term?.end(why);
    this.#term = null;
    const limit = new AbortController();
    const late = sleep(FAREWELL_MS, true, { signal: limit.signal }).catch(() => false);
    if (await Promise.race([this.#work.then(() => false), late])) this.#log.warn('a leader’s work goes on after its term');
    limit.abort();
  }

  async #lead(controller: TermController): Promise<void> {
    if (controller.ended) return;
    try {
      await this.#candidate.lead(controller.term);
    } catch (error) {
      if (controller.ended) return;
      this.#log.error({ error: messageOf(error) }, 'the work of a leader failed; it resigns');
      // Later, as giving up waits for this very work.
      setImmediate(this.#onFailure);
    }
  }
}
